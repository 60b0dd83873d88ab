"""MatterSim, an M3GNet with three-body terms trained over wide temperatures and pressures, evaluated in batches.

Yang et al., arXiv:2405.04967 (2024), doi:10.48550/arXiv.2405.04967; the architecture: Chen, Ong, Nat. Comput. Sci. 2,
718 (2022), doi:10.1038/s43588-022-00349-3. Forces and stress are derivatives of the energy.

The package's network takes each edge as a difference of positions and an offset. Here all positions are zero and the
offset is the whole vector of the edge: its rounding then does not grow with the structure, and one derivative, with
respect to the vectors, gives forces and stress.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from loguru import logger
from matscipy.neighbours import neighbour_list
from mattersim.datasets.utils.convertor import compute_threebody_indices
from mattersim.forcefield import MatterSimCalculator
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.host_pairs import HostPairs
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS: set[str] = set()

# the package announces what it loads on standard output, which belongs to the program's own words
logger.remove()
logger.add(sys.stderr, level="WARNING")


@dataclass(frozen=True)
class Graph:
    """A structure's atoms, directed edges and pairs of short edges that start at the same atom.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    edges : ndarray of int64, shape (2, m)
        Centre and neighbour of each edge; edges of one centre stand together.
    vectors : ndarray of float32, shape (m, 3)
        From the centre to the neighbour (Å).
    triples : ndarray of int64, shape (k, 2)
        Ordered pairs of different edges within the three-body cutoff.
    volume : float
        Å³.
    """

    numbers: np.ndarray
    edges: np.ndarray
    vectors: np.ndarray
    triples: np.ndarray
    volume: float


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a checkpoint; `loader` takes no keys.

    Raises
    ------
    UserError
        If there is a key or the entry names no file of weights.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name = entry["name"]
    loader_options(entry, LOADER_KEYS)
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: MatterSim computes in float32; got {entry['dtype']!r}.")
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give a path, url or hub.")
    model = _read(name, path, place).eval()
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.requires_grad_(False)
    evaluator = Evaluator(model, place)
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        conservative=True,
        elements=declared_elements(entry, frozenset(chemical_symbols[1 : model.max_z + 1])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: MatterSimCalculator(load_path=str(path), device=device),
        package_calculator_name="mattersim.forcefield.MatterSimCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        prepare_in_host=evaluator.prepare_in_host,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": float(model.model_args["cutoff"]),
            "three_body_cutoff_A": float(model.model_args["threebody_cutoff"]),
            "interaction_layers": len(model.graph_conv),
            "package_version": version("mattersim"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model : M3Gnet
        On `device`.
    device : torch.device
    """

    model: M3Gnet
    device: torch.device

    @property
    def cutoff_A(self) -> float:
        """The cutoff of edges (Å)."""
        return float(self.model.model_args["cutoff"])

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs and triples within the model's two cutoffs, images included."""
        positions, cell = boxed(atoms, self.cutoff_A)
        centre, neighbour, vectors = neighbour_list(
            "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A
        )
        return self._prepared(atoms.numbers, centre, neighbour, vectors, abs(float(np.linalg.det(cell))))

    def prepare_in_host(self, host: Atoms) -> Callable[[Atoms], Prepared]:
        """Graphs of a guest in a host: the edges among the host's atoms are found once."""
        alone = self.prepare(host).graph
        pairs = HostPairs.of(host, self.cutoff_A)

        def prepare_guest(guest: Atoms) -> Prepared:
            inserted, hosting, outwards = pairs.with_host(guest.positions)
            first, second, within = pairs.with_itself(guest.positions)
            inserted, first, second = inserted + len(host), first + len(host), second + len(host)
            centre = np.concatenate([alone.edges[0], inserted, hosting, first, second])
            neighbour = np.concatenate([alone.edges[1], hosting, inserted, second, first])
            vectors = np.concatenate([alone.vectors, outwards, -outwards, within, -within])
            order = np.argsort(centre, kind="stable")
            numbers = np.concatenate([alone.numbers, guest.numbers])
            return self._prepared(numbers, centre[order], neighbour[order], vectors[order], alone.volume)

        return prepare_guest

    def _prepared(
        self, numbers: np.ndarray, centre: np.ndarray, neighbour: np.ndarray, vectors: np.ndarray, volume: float
    ) -> Prepared:
        edges = np.stack([centre, neighbour]).astype(np.int64)
        triples, *_ = compute_threebody_indices(
            bond_atom_indices=edges.T,
            bond_length=np.linalg.norm(vectors, axis=1),
            n_atoms=len(numbers),
            atomic_number=numbers,
            threebody_cutoff=float(self.model.model_args["threebody_cutoff"]),
        )
        graph = Graph(
            numbers=numbers.astype(np.int64),
            edges=edges,
            vectors=vectors.astype(np.float32),
            triples=triples.astype(np.int64),
            volume=volume,
        )
        return Prepared(graph, atoms=len(numbers), edges=len(centre))

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph.

        Atomic energies are summed in double precision: a sum in float32 loses 1e-4 eV in large cells.
        """
        counts = np.array([len(graph.numbers) for graph in graphs])
        ends = np.cumsum(counts)
        edges = self._tensor(
            np.concatenate([graph.edges + start for graph, start in zip(graphs, ends - counts, strict=True)], axis=1)
        )
        vectors = self._tensor(np.concatenate([graph.vectors for graph in graphs]))
        derivatives = wanted != {"energy"}
        vectors.requires_grad_(derivatives)
        with torch.set_grad_enabled(derivatives):
            atomic = self._atomic_energies(graphs, edges, vectors)
        energies = np.add.reduceat(_numpy(atomic), ends - counts)
        if not derivatives:
            return [Result(float(energy)) for energy in energies]
        # dE/dr of an edge acts on its two atoms with opposite signs, and on the strain through its own vector
        (slopes,) = torch.autograd.grad(atomic.sum(), vectors)
        slopes, vectors = slopes.double(), vectors.detach().double()
        forces = slopes.new_zeros((ends[-1], 3)).index_add_(0, edges[0], slopes).index_add_(0, edges[1], -slopes)
        owners = self._tensor(np.repeat(np.arange(len(graphs)), counts))
        virials = slopes.new_zeros((len(graphs), 3, 3))
        virials.index_add_(0, owners[edges[0]], slopes[:, :, None] * vectors[:, None, :])
        volumes = np.array([graph.volume for graph in graphs])
        stresses = _voigt(_numpy(virials) / volumes[:, None, None])
        split = np.split(_numpy(forces), ends[:-1])
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, split, stresses, strict=True)]

    def _atomic_energies(self, graphs: Sequence[Graph], edges: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Energy (eV) of each atom of the joined graphs: the network sums by batch, and here each atom is one."""
        numbers = self._tensor(np.concatenate([graph.numbers for graph in graphs]))
        sizes = np.array([graph.edges.shape[1] for graph in graphs])
        first = np.cumsum(sizes) - sizes
        triples = self._tensor(
            np.concatenate([graph.triples + start for graph, start in zip(graphs, first, strict=True)])
        )
        atoms = len(numbers)
        each = torch.arange(atoms, device=self.device)
        return self.model(
            {
                "atom_pos": vectors.new_zeros((atoms, 3)),
                "cell": torch.eye(3, device=self.device).expand(atoms, 3, 3),
                "pbc_offsets": vectors,
                "atom_attr": numbers[:, None].to(vectors.dtype),
                "edge_index": edges,
                "three_body_indices": triples,
                "three_body_edge_map": triples[:, 0],
                "bond_index_bias": triples.new_zeros((1, 1)),
                "num_bonds": torch.bincount(edges[0], minlength=atoms),
                "num_triple_ij": torch.bincount(triples[:, 0], minlength=edges.shape[1]),
                "num_atoms": torch.ones_like(each),
                "num_graphs": torch.tensor(atoms),
                "batch": each,
                "total_num_atoms": atoms,
                "total_num_bonds": edges.shape[1],
            }
        )

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _voigt(stresses: np.ndarray) -> np.ndarray:
    """Symmetric parts of tensors of shape (b, 3, 3) in ase's order xx, yy, zz, yz, xz, xy."""
    symmetric = (stresses + stresses.transpose(0, 2, 1)) / 2
    return symmetric[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _read(name: str, path: Path, place: torch.device) -> M3Gnet:
    """The network of a checkpoint; weights that the file lacks, and the package leaves at random, are an error."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = M3Gnet(device=str(place), **content["model_args"])
        absent = model.load_state_dict(content["model"], strict=False).missing_keys
    except Exception as error:
        # torch, pickle and the package each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error
    learned = {key for key, _ in model.named_parameters()} | {"normalizer.scale", "normalizer.shift"}
    if lacking := sorted(learned.intersection(absent)):
        raise PotentialFailure("checkpoint", f"{name}: the checkpoint {path} has no weights {', '.join(lacking[:3])}.")
    return model.to(place)
