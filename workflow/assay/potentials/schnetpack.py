"""SchNetPack: SchNet and PaiNN, evaluated many structures at a time.

Schütt, Hessmann, Gebauer, Lederer, Gastegger, J. Chem. Phys. 158, 144801 (2023), doi:10.1063/5.0138367.
Forces and stress are derivatives of the energy.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from matscipy.neighbours import neighbour_list

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options
from assay.potentials.schnetpack_files import EMBEDDED, Loaded, read_pickle, read_weights

# isort: split
# after the names that schnetpack misses in torch have been added
from schnetpack import properties, units
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances, Strain
from schnetpack.interfaces import SpkCalculator
from schnetpack.md.utils import activate_model_stress
from schnetpack.transform import AddOffsets, CastTo32, CastTo64, MatScipyNeighborList

log = logging.getLogger("assay")

LOADER_KEYS = {"energy_key", "energy_unit", "length_unit"}
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a checkpoint of our training, or a whole module that the package saved (``best_model``).

    For the latter, ``loader: {energy_key: energy, energy_unit: eV, length_unit: Ang}`` says what the module calls its
    energy, and its units as ase names them, which its file does not tell.

    Raises
    ------
    UserError
        If a key of the loader, a unit or the dtype is unknown, or the entry names no checkpoint.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read, or the module is none that this adapter knows.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    dtype = entry.get("dtype", "float32")
    if dtype not in DTYPES:
        raise UserError(f"models: {name}.dtype: expected float32 or float64; got {dtype!r}.")
    energy_eV, length_A = _units(name, loader)
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: SchNetPack brings no weights; give checkpoint: {{path: FILE}}.")
    loaded = _read(name, path)
    module, key = loaded.module.eval(), loader.get("energy_key", "energy")
    readout = _readout(name, path, module, key)
    offsets_eV = energy_eV * _offsets(name, path, module, key)
    evaluator = Evaluator(
        representation=copy.deepcopy(module.representation).to(place, DTYPES[dtype]).requires_grad_(False),
        readout=copy.deepcopy(readout.outnet).to(place, DTYPES[dtype]).requires_grad_(False),
        offsets_eV=offsets_eV,
        cutoff_A=float(module.representation.cutoff) * length_A,
        energy_eV=energy_eV,
        length_A=length_A,
        dtype=DTYPES[dtype],
        device=place,
    )
    embedded = frozenset(chemical_symbols[1:EMBEDDED])
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=True,
        elements=declared_elements(entry, embedded if loaded.elements is None else loaded.elements),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(module, key, evaluator, loader),
        package_calculator_name="schnetpack.interfaces.SpkCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "architecture": type(module.representation).__name__,
            "parameters": sum(values.numel() for values in module.parameters()),
            "cutoff_A": evaluator.cutoff_A,
            "interaction_layers": len(module.representation.interactions),
            "package_version": version("schnetpack"),
            "torch_version": torch.__version__,
            "training": loaded.provenance,
        },
    )


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and directed edges.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    edges : ndarray of int64, shape (2, m)
        Centre and neighbour of each edge.
    vectors : ndarray of float64, shape (m, 3)
        From the centre to the neighbour (Å).
    volume : float
        Å³.
    """

    numbers: np.ndarray
    edges: np.ndarray
    vectors: np.ndarray
    volume: float


def make_graph(atoms: Atoms, cutoff_A: float) -> Graph:
    """The graph of all pairs of a structure within the cutoff, images included."""
    positions, cell = boxed(atoms, cutoff_A)
    centre, neighbour, vectors = neighbour_list(
        "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=cutoff_A
    )
    edges = np.stack([centre, neighbour]).astype(np.int64)
    return Graph(atoms.numbers.astype(np.int64), edges, vectors, abs(float(np.linalg.det(cell))))


def joined(graphs: Sequence[Graph]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Several graphs as one that is not connected.

    Returns
    -------
    numbers : ndarray of int64, shape (n,)
    edges : ndarray of int64, shape (2, m)
    vectors : ndarray of float64, shape (m, 3)
    starts : ndarray of int64, shape (number of graphs,)
        Where the atoms of each graph begin.
    """
    counts = np.array([len(graph.numbers) for graph in graphs])
    starts = np.cumsum(counts) - counts
    return (
        np.concatenate([graph.numbers for graph in graphs]),
        np.concatenate([graph.edges + start for graph, start in zip(graphs, starts, strict=True)], axis=1),
        np.concatenate([graph.vectors for graph in graphs]),
        starts,
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    The network sees vectors between neighbours only, so these are what it is derived for: a pass costs no strain and
    no positions, and large coordinates cost no digits.

    Attributes
    ----------
    representation, readout : torch.nn.Module
        From atoms and vectors to features, and from features to the energies of atoms.
    offsets_eV : ndarray of float64
        Energy of an atom by atomic number, to which the network's is added.
    cutoff_A : float
    energy_eV, length_A : float
        The module's units.
    dtype : torch.dtype
    device : torch.device
    """

    representation: torch.nn.Module
    readout: torch.nn.Module
    offsets_eV: np.ndarray
    cutoff_A: float
    energy_eV: float
    length_A: float
    dtype: torch.dtype
    device: torch.device

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included."""
        graph = make_graph(atoms, self.cutoff_A)
        return Prepared(graph, atoms=len(atoms), edges=graph.edges.shape[1])

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph; energies of atoms are summed in double precision."""
        numbers, edges, lengths, starts = joined(graphs)
        vectors = self._tensor(lengths / self.length_A).to(self.dtype)
        centre, neighbour = self._tensor(edges)
        derived = wanted != {"energy"}
        vectors.requires_grad_(derived)
        with torch.set_grad_enabled(derived):
            features = self.representation(
                {
                    properties.Z: self._tensor(numbers),
                    properties.Rij: vectors,
                    properties.idx_i: centre,
                    properties.idx_j: neighbour,
                }
            )
            atomic = self.readout(features["scalar_representation"]).squeeze(-1)
        energies = np.add.reduceat(self.energy_eV * _numpy(atomic) + self.offsets_eV[numbers], starts)
        if not derived:
            return [Result(float(energy)) for energy in energies]
        slopes = self._slopes(atomic, vectors)
        forces = torch.zeros((len(numbers), 3), dtype=torch.float64, device=self.device)
        forces.index_add_(0, centre, slopes).index_add_(0, neighbour, slopes, alpha=-1.0)
        forces = np.split(_numpy(forces), starts[1:])
        if "stress" not in wanted:
            return [Result(float(energy), force) for energy, force in zip(energies, forces, strict=True)]
        of_edge = torch.repeat_interleave(
            self._tensor(np.arange(len(graphs))), self._tensor(np.array([graph.edges.shape[1] for graph in graphs]))
        )
        virials = torch.zeros((len(graphs), 3, 3), dtype=torch.float64, device=self.device)
        virials.index_add_(0, of_edge, self.length_A * vectors.detach().double()[:, :, None] * slopes[:, None, :])
        stresses = _numpy(virials) / np.array([graph.volume for graph in graphs])[:, None, None]
        stresses = (0.5 * (stresses + stresses.transpose(0, 2, 1)))[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]

    def _slopes(self, atomic: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Derivatives of the energy for the vectors (eV/Å), in double precision; zero where there are no edges."""
        if not len(vectors):
            return vectors.detach().double()
        (slopes,) = torch.autograd.grad(atomic.sum(), vectors)
        return slopes.double() * (self.energy_eV / self.length_A)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _units(name: str, loader: Mapping[str, Any]) -> tuple[float, float]:
    """The module's units of energy (eV) and length (Å)."""
    found = []
    for key, default, target in (("energy_unit", "eV", "eV"), ("length_unit", "Ang", "Ang")):
        try:
            found.append(float(units.convert_units(loader.get(key, default), target)))
        except Exception as error:
            # the package parses units with a parser of its own, which raises whatever goes wrong in it
            raise UserError(
                f"models: {name}.loader.{key}: unknown unit {loader[key]!r}; name it as ase does, such as {default}."
            ) from error
    return found[0], found[1]


def _read(name: str, path: Path) -> Loaded:
    try:
        loaded = read_weights(path)
        if loaded is None:
            log.warning("%s: %s is a pickle of the package, and its code runs now", name, path)
            loaded = read_pickle(path)
        return loaded
    except Exception as error:
        # torch, pickle and schnetpack each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _readout(name: str, path: Path, module: torch.nn.Module, key: str) -> Atomwise:
    """The layers that give the energies of atoms, in a model with no other contributions."""
    local = (Strain, PairwiseDistances, Atomwise, Forces)
    strange = [type(layer).__name__ for layer in (*module.input_modules, *module.output_modules)]
    known = {kind.__name__ for kind in local}
    readouts = [layer for layer in module.output_modules if isinstance(layer, Atomwise) and layer.output_key == key]
    if set(strange) <= known and len(readouts) == 1 and readouts[0].aggregation_mode == "sum":
        return readouts[0]
    raise PotentialFailure(
        "checkpoint",
        f"{name}: the checkpoint {path} is not a sum of energies of atoms under the key {key!r}: it has the layers"
        f" {', '.join(strange)}.",
    )


def _offsets(name: str, path: Path, module: torch.nn.Module, key: str) -> np.ndarray:
    """What the module's postprocessors add per atom, by atomic number, in its unit of energy."""
    table = np.zeros(EMBEDDED)
    for layer in module.postprocessors:
        if isinstance(layer, CastTo32 | CastTo64):
            continue
        if not (isinstance(layer, AddOffsets) and layer._property == key and layer.is_extensive):
            raise PotentialFailure(
                "checkpoint",
                f"{name}: the checkpoint {path} changes its energy by a {type(layer).__name__} that is not per atom.",
            )
        if layer.add_mean:
            table += float(layer.mean)
        if layer.add_atomrefs:
            energies = _numpy(layer.atomref).ravel()
            table[: len(energies)] += energies[:EMBEDDED]
    return table


class _Calculator(SpkCalculator):
    """The package's calculator of a module that is in memory, where its own takes the path of a pickle."""

    def _load_model(self, model_file: torch.nn.Module) -> torch.nn.Module:
        module = copy.deepcopy(model_file).to(torch.float64)
        if not any(isinstance(layer, Strain) for layer in module.input_modules):
            module.input_modules.insert(0, Strain())
        return activate_model_stress(module, self.stress_key)


def _calculator(module: torch.nn.Module, key: str, evaluator: Evaluator, loader: Mapping[str, Any]) -> Calculator:
    return _Calculator(
        model_file=module,
        neighbor_list=MatScipyNeighborList(cutoff=evaluator.cutoff_A),
        energy_key=key,
        stress_key="stress",
        energy_unit=loader.get("energy_unit", "eV"),
        position_unit=loader.get("length_unit", "Ang"),
        device=evaluator.device,
        dtype=evaluator.dtype,
    )
