"""CHGNet, a charge-informed graph network, evaluated many structures at a time.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3; the r2SCAN weights: Huang, Deng, Zhong,
Kaplan, Persson, Ceder, npj Comput. Mater. 11, 313 (2025), doi:10.1038/s41524-025-01796-y.
Forces and stress are derivatives of the energy.

The package batches structures by a loop over them, of some thirty small tensor operations each, and keeps what a second
derivative would need. Here the graphs of a pass are joined as arrays first, and forces and stress follow from one
derivative with respect to the bond vectors. Energies, forces and stress are the same; the time and memory are not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from chgnet.model.dynamics import CHGNetCalculator
from chgnet.model.model import BatchedGraph, CHGNet
from pymatgen.optimization.neighbors import find_points_in_spheres

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import compile_layers, release_cuda, torch_device
from assay.potentials.host_pairs import HostPairs
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

BUNDLED = ("0.3.0", "0.2.0", "r2scan")
"""The models whose weights come with the package."""

LOADER_KEYS = {"model", "compile"}

SAME_POINT_A = 1e-8
"""An atom and its own image of the home cell are this close."""


@dataclass(frozen=True)
class Graph:
    """A structure's atoms, bonds and angles; each bond is kept once.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    bonds : ndarray of int64, shape (2, m)
        Centre and neighbour. The directed edges are the m bonds as they are and then the m bonds reversed.
    vectors : ndarray of float32, shape (m, 3)
        From the neighbour to the centre (Å).
    angles : ndarray of int64, shape (2, k)
        Ordered pairs of directed edges shorter than the angle cutoff that start at the same atom.
    volume : float
        Å³.
    """

    numbers: np.ndarray
    bonds: np.ndarray
    vectors: np.ndarray
    angles: np.ndarray
    volume: float


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {model: 0.3.0 | 0.2.0 | r2scan}``, or a local checkpoint of the package's trainer.

    ``compile: true`` lets torch compile the layers that pass messages.

    Raises
    ------
    UserError
        If the model is unknown.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: CHGNet computes in float32; got {entry['dtype']!r}.")
    place = torch_device(device)
    model = _read(entry).to(place).eval()
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.requires_grad_(False)
    if loader.get("compile"):
        compile_layers([*model.atom_conv_layers, *model.bond_conv_layers, *model.angle_layers])
    known = frozenset(chemical_symbols[1 : model.atom_embedding.embedding.num_embeddings + 1])
    evaluator = Evaluator(model, place)
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        conservative=True,
        elements=declared_elements(entry, known),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(model, device),
        package_calculator_name="chgnet.model.dynamics.CHGNetCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        prepare_in_host=evaluator.prepare_in_host,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": float(model.graph_converter.atom_graph_cutoff),
            "angle_cutoff_A": float(model.graph_converter.bond_graph_cutoff),
            "interaction_layers": len(model.atom_conv_layers),
            "package_version": version("chgnet"),
            "torch_version": torch.__version__,
            "compile": bool(loader.get("compile")),
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model : CHGNet
        On `device`.
    device : torch.device
    """

    model: CHGNet
    device: torch.device

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs and angles within the model's two cutoffs, images included."""
        cutoff = float(self.model.graph_converter.atom_graph_cutoff)
        positions, cell = boxed(atoms, cutoff)
        positions, cell = np.ascontiguousarray(positions, dtype=float), np.ascontiguousarray(cell, dtype=float)
        centre, neighbour, image, distance = find_points_in_spheres(
            positions, positions, cutoff, np.ones(3, dtype=np.int64), cell, SAME_POINT_A
        )
        kept = _one_of_each_pair(centre, neighbour, image)
        centre, neighbour, distance = centre[kept], neighbour[kept], distance[kept]
        vectors = positions[centre] - positions[neighbour] - image[kept] @ cell
        graph = Graph(
            numbers=atoms.numbers.astype(np.int64),
            bonds=np.stack([centre, neighbour]).astype(np.int64),
            vectors=vectors.astype(np.float32),
            angles=_angles(centre, neighbour, distance < float(self.model.graph_converter.bond_graph_cutoff)),
            volume=abs(float(np.linalg.det(cell))),
        )
        return Prepared(graph, atoms=len(atoms), edges=2 * len(centre))

    def prepare_in_host(self, host: Atoms) -> Callable[[Atoms], Prepared]:
        """Graphs of a guest in a host: the bonds and angles among the host's atoms are found once."""
        alone = self.prepare(host).graph
        pairs = HostPairs.of(host, float(self.model.graph_converter.atom_graph_cutoff))
        angle_cutoff = float(self.model.graph_converter.bond_graph_cutoff)
        known = alone.bonds.shape[1]
        host_short = np.linalg.norm(alone.vectors, axis=1) < angle_cutoff

        def prepare_guest(guest: Atoms) -> Prepared:
            inserted, hosting, outwards = pairs.with_host(guest.positions)
            first, second, within = pairs.with_itself(guest.positions)
            centre = np.concatenate([alone.bonds[0], hosting, second + len(host)])
            neighbour = np.concatenate([alone.bonds[1], inserted + len(host), first + len(host)])
            added = np.concatenate([outwards, within])
            short = np.concatenate([host_short, np.linalg.norm(added, axis=1) < angle_cutoff])
            count = len(centre)
            # only atoms with a new short bond have new angles; those between two old bonds are known
            new = np.flatnonzero(short[known:]) + known
            touched = np.zeros(len(host) + len(guest), dtype=bool)
            touched[centre[new]] = touched[neighbour[new]] = True
            angles = _angles(centre, neighbour, short, touched)
            angles = angles[:, (angles % count >= known).any(axis=0)]
            old = alone.angles + np.where(alone.angles >= known, count - known, 0)
            graph = Graph(
                numbers=np.concatenate([alone.numbers, guest.numbers]),
                bonds=np.stack([centre, neighbour]),
                vectors=np.concatenate([alone.vectors, added]).astype(np.float32),
                angles=np.concatenate([old, angles], axis=1),
                volume=alone.volume,
            )
            return Prepared(graph, atoms=len(graph.numbers), edges=2 * count)

        return prepare_guest

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph; two if only some of them have angles.

        A model updates the bonds if there are any angles at all. In one whose layers have biases (0.2.0) a structure
        without angles would then depend on its neighbours in the pass, so such structures have their own.
        """
        results: list[Result | None] = [None] * len(graphs)
        for with_angles in (True, False):
            places = [place for place, graph in enumerate(graphs) if (graph.angles.size > 0) == with_angles]
            if places:
                chosen = self._pass([graphs[place] for place in places], wanted)
                for place, result in zip(places, chosen, strict=True):
                    results[place] = result
        return results

    def _pass(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        counts = np.array([len(graph.numbers) for graph in graphs])
        ends = np.cumsum(counts)
        starts = zip(graphs, ends - counts, strict=True)
        bonds = np.concatenate([graph.bonds + start for graph, start in starts], axis=1)
        centre, neighbour = self._tensor(bonds)
        vectors = self._tensor(np.concatenate([graph.vectors for graph in graphs]))
        derivatives = wanted != {"energy"}
        vectors.requires_grad_(derivatives)
        owners = self._tensor(np.repeat(np.arange(len(graphs)), counts))
        with torch.set_grad_enabled(derivatives):
            sites = self._site_energies(graphs, centre, neighbour, vectors, owners)
        energies = np.add.reduceat(self._references(graphs) + _numpy(sites), ends - counts)
        if not derivatives:
            return [Result(float(energy)) for energy in energies]
        # dE/dr of a bond acts on its two atoms with opposite signs, and on the strain through its own vector
        (slopes,) = torch.autograd.grad(sites.sum(), vectors)
        slopes, vectors = slopes.double(), vectors.detach().double()
        forces = slopes.new_zeros((len(owners), 3)).index_add_(0, centre, -slopes).index_add_(0, neighbour, slopes)
        virials = slopes.new_zeros((len(graphs), 3, 3))
        virials.index_add_(0, owners[centre], slopes[:, :, None] * vectors[:, None, :])
        volumes = np.array([graph.volume for graph in graphs])
        stresses = _voigt(_numpy(virials) / volumes[:, None, None])
        split = np.split(_numpy(forces), ends[:-1])
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, split, stresses, strict=True)]

    def _site_energies(
        self,
        graphs: Sequence[Graph],
        centre: torch.Tensor,
        neighbour: torch.Tensor,
        vectors: torch.Tensor,
        owners: torch.Tensor,
    ) -> torch.Tensor:
        """Energy (eV, without the reference of its element) of each atom of the joined graphs."""
        count = len(vectors)
        lengths = torch.linalg.norm(vectors, dim=1)
        directions = vectors / lengths[:, None]
        expansion = self.model.bond_basis_expansion
        angles = self._tensor(self._joined_angles(graphs))
        if angles.shape[1]:
            start = torch.cat([centre, neighbour])[angles[0]]
            first, second = angles % count
            signed = torch.cat([directions, -directions])
            angle_bases = self.model.angle_basis_expansion(signed[angles[0]], signed[angles[1]])
            bond_graph = torch.stack([start, first, second], dim=1)
        else:
            angle_bases, bond_graph = vectors.new_zeros(0), owners.new_zeros(0)
        batched = BatchedGraph(
            atomic_numbers=self._tensor(np.concatenate([graph.numbers for graph in graphs])),
            bond_bases_ag=expansion.rbf_expansion_ag(lengths),
            bond_bases_bg=expansion.rbf_expansion_bg(lengths),
            angle_bases=angle_bases,
            batched_atom_graph=torch.stack([torch.cat([centre, neighbour]), torch.cat([neighbour, centre])], dim=1),
            batched_bond_graph=bond_graph,
            atom_owners=owners,
            directed2undirected=torch.arange(count, device=self.device).repeat(2),
            atom_positions=[],
            strains=[],
            volumes=[],
        )
        # the layers without the package's own derivatives; there is no public way to leave those out
        return torch.cat(self.model._compute(batched, return_site_energies=True)["site_energies"])

    def _joined_angles(self, graphs: Sequence[Graph]) -> np.ndarray:
        """Angles as pairs of the joined graph's directed edges: all bonds, then all bonds reversed."""
        counts = np.array([graph.bonds.shape[1] for graph in graphs])
        total, starts = counts.sum(), np.cumsum(counts) - counts
        joined = []
        for graph, count, start in zip(graphs, counts, starts, strict=True):
            reversed_ = graph.angles >= count
            joined.append(graph.angles + np.where(reversed_, total - count + start, start))
        return np.concatenate(joined, axis=1)

    def _references(self, graphs: Sequence[Graph]) -> np.ndarray:
        """The composition model's energy (eV) of each atom."""
        numbers = np.concatenate([graph.numbers for graph in graphs])
        if self.model.composition_model is None:
            return np.zeros(len(numbers))
        return _numpy(self.model.composition_model.fc.weight)[0][numbers - 1]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _one_of_each_pair(centre: np.ndarray, neighbour: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Which directed edges to keep so that of each edge and its reverse one is left."""
    # an edge from an atom to its own image is the reverse of the one to the opposite image
    x, y, z = image.T
    forward = (x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0))))
    return (centre < neighbour) | ((centre == neighbour) & forward)


def _angles(
    centre: np.ndarray, neighbour: np.ndarray, short: np.ndarray, of_atoms: np.ndarray | None = None
) -> np.ndarray:
    """Ordered pairs of different short directed edges with the same start, shape (2, k); those at some atoms only."""
    every_start = np.concatenate([centre, neighbour])
    chosen = np.concatenate([short, short])
    if of_atoms is not None:
        chosen &= of_atoms[every_start]
    edges = np.flatnonzero(chosen)
    starts = every_start[edges]
    order = np.argsort(starts, kind="stable")
    edges, starts = edges[order], starts[order]
    _, first, counts = np.unique(starts, return_index=True, return_counts=True)
    # each edge is paired with all edges of its atom: those at the places first ... first + count
    per_edge = np.repeat(counts, counts)
    left = np.repeat(np.arange(len(edges)), per_edge)
    within = np.arange(len(left)) - np.repeat(np.cumsum(per_edge) - per_edge, per_edge)
    right = np.repeat(np.repeat(first, counts), per_edge) + within
    different = left != right
    return np.stack([edges[left[different]], edges[right[different]]])


def _voigt(stresses: np.ndarray) -> np.ndarray:
    """Symmetric parts of tensors of shape (b, 3, 3) in ase's order xx, yy, zz, yz, xz, xy."""
    symmetric = (stresses + stresses.transpose(0, 2, 1)) / 2
    return symmetric[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _read(entry: Mapping[str, Any]) -> CHGNet:
    name, path = entry["name"], checkpoint_path(entry)
    model = str((entry.get("loader") or {}).get("model", ""))
    if path is None and model not in BUNDLED:
        raise UserError(
            f"models: {name}.loader.model: the package brings no weights of {model!r}; give checkpoint: {{path: FILE}},"
            f" or choose a bundled model{near_misses(model, BUNDLED)}"
        )
    try:
        # the package announces what it loads on standard output, which belongs to the program's own words
        with redirect_stdout(sys.stderr):
            if path is None:
                return CHGNet.load(model_name=model, use_device="cpu", verbose=False)
            return CHGNet.from_file(str(path))
    except Exception as error:
        # torch, pickle and chgnet each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path or model} cannot be read"
            f" ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _calculator(model: CHGNet, device: str) -> Calculator:
    with redirect_stdout(sys.stderr):
        return CHGNetCalculator(model=model, use_device=device, on_isolated_atoms="ignore")
