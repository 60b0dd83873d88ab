"""NequIP and Allegro, equivariant potentials of the NequIP framework, as packages, checkpoints or compiled models.

Batzner et al., Nat. Commun. 13, 2453 (2022), doi:10.1038/s41467-022-29939-5; Musaelian et al., Nat. Commun. 14, 579
(2023), doi:10.1038/s41467-023-36329-y. Forces and stress are derivatives of the energy.

A package or checkpoint is evaluated as it is, many structures in a pass. A compiled model takes what it was compiled
for: one structure (``nequip-compile --target ase``) or many (``--target batch``).
"""

from __future__ import annotations

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
from nequip.data import AtomicDataDict
from nequip.integrations.ase import NequIPCalculator
from nequip.integrations.utils import basic_transforms
from nequip.model.inference_models import load_compiled_model
from nequip.model.saved_models.load_utils import load_saved_model
from nequip.utils.global_state import set_global_state

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"model"}

COMPILED = (".nequip.pt2", ".nequip.pth")
"""Endings of compiled models; others are packages (``.nequip.zip``) and checkpoints of training (``.ckpt``)."""

SINGLE_INPUTS = (
    AtomicDataDict.POSITIONS_KEY,
    AtomicDataDict.EDGE_INDEX_KEY,
    AtomicDataDict.ATOM_TYPE_KEY,
    AtomicDataDict.CELL_KEY,
    AtomicDataDict.EDGE_CELL_SHIFT_KEY,
)
BATCH_INPUTS = (*SINGLE_INPUTS, AtomicDataDict.BATCH_KEY, AtomicDataDict.NUM_NODES_KEY)
OUTPUTS = (
    AtomicDataDict.PER_ATOM_ENERGY_KEY,
    AtomicDataDict.TOTAL_ENERGY_KEY,
    AtomicDataDict.FORCE_KEY,
    AtomicDataDict.STRESS_KEY,
)
"""What models that are compiled for one structure or for many take and give, in the package's order."""

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and directed edges.

    Attributes
    ----------
    types : ndarray of int64, shape (n,)
        Places of the atoms' elements among the model's.
    positions, cell : ndarray, shapes (n, 3) and (3, 3)
        Å; vectors of the cell as rows.
    edges : ndarray of int64, shape (2, m)
        Centre and neighbour of each edge.
    shifts : ndarray, shape (m, 3)
        Cells from the neighbour to its image.
    """

    types: np.ndarray
    positions: np.ndarray
    cell: np.ndarray
    edges: np.ndarray
    shifts: np.ndarray


@dataclass(frozen=True)
class Model:
    """What was loaded.

    Attributes
    ----------
    module : torch.nn.Module
        From a graph to a graph with energies, forces and stresses.
    energy_module : torch.nn.Module
        The same without derivatives, where there is such a thing.
    metadata : mapping
        What the file says of it.
    inputs : tuple of str
        Keys of a graph that `module` takes.
    fewest : int
        Structures that a pass needs at least: a model that was compiled for many does not take one.
    """

    module: torch.nn.Module
    energy_module: torch.nn.Module
    metadata: Mapping[str, Any]
    inputs: tuple[str, ...]
    fewest: int = 1

    @property
    def batched(self) -> bool:
        """Whether a pass takes many structures."""
        return AtomicDataDict.BATCH_KEY in self.inputs


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a package, a checkpoint or a compiled model; ``loader: {model: NAME}`` chooses one of several in a file.

    Raises
    ------
    UserError
        If no checkpoint is given, or `dtype` is not the model's.
    PotentialFailure
        ``checkpoint`` if the file is missing, cannot be read, or was compiled for another device.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give {{path: FILE.nequip.zip}}.")
    model = _read(name, path, place, loader.get("model", "sole_model"))
    dtype = str(model.metadata.get("model_dtype", entry.get("dtype", "float32")))
    if entry.get("dtype", dtype) != dtype:
        raise UserError(f"models: {name}.dtype: this model computes in {dtype}; got {entry['dtype']!r}.")
    types = _words(model.metadata["type_names"])
    for symbol in types:
        if symbol not in chemical_symbols:
            raise UserError(f"models: {name}: the model's type {symbol!r} is no element, so structures do not fit it.")
    evaluator = Evaluator(model, tuple(types), float(model.metadata["r_max"]), place)
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=True,
        elements=declared_elements(entry, frozenset(types)),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(model, types, device),
        package_calculator_name="nequip.integrations.ase.NequIPCalculator",
        native=model.batched,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in model.module.parameters()) or None,
            "cutoff_A": evaluator.cutoff_A,
            "compiled": path.name.endswith(COMPILED),
            "package_version": version("nequip"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model on `device`; `types` are its elements in its order."""

    model: Model
    types: tuple[str, ...]
    cutoff_A: float
    device: torch.device

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included.

        Where a model has cutoffs for pairs of elements, it takes no notice of edges beyond them.
        """
        positions, cell = boxed(atoms, self.cutoff_A)
        centre, neighbour, shifts = neighbour_list(
            "ijS", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A
        )
        graph = Graph(
            types=np.array([self.types.index(symbol) for symbol in atoms.symbols]),
            positions=np.array(positions),
            cell=np.array(cell),
            edges=np.stack([centre, neighbour]).astype(np.int64),
            shifts=shifts.astype(float),
        )
        return Prepared(graph, atoms=len(atoms), edges=len(centre))

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph."""
        if len(graphs) < self.model.fewest:
            return self.forward([graphs[0]] * self.model.fewest, wanted)[: len(graphs)]
        counts = np.array([len(graph.types) for graph in graphs])
        ends = np.cumsum(counts)
        data = self._join(graphs, counts)
        if wanted == {"energy"}:
            with torch.no_grad():
                output = self.model.energy_module(data)
        else:
            output = self.model.module(data)
        atomic = _numpy(output[AtomicDataDict.PER_ATOM_ENERGY_KEY]).reshape(-1)
        energies = np.add.reduceat(atomic, ends - counts)
        if wanted == {"energy"}:
            return [Result(float(energy)) for energy in energies]
        forces = np.split(_numpy(output[AtomicDataDict.FORCE_KEY]), ends[:-1])
        tensors = _numpy(output[AtomicDataDict.STRESS_KEY]).reshape(-1, 3, 3)
        stresses = np.stack([tensors[:, row, column] for row, column in VOIGT], axis=1)
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]

    def _join(self, graphs: Sequence[Graph], counts: np.ndarray) -> dict[str, torch.Tensor]:
        starts = np.cumsum(counts) - counts
        arrays = {
            AtomicDataDict.POSITIONS_KEY: np.concatenate([graph.positions for graph in graphs]),
            AtomicDataDict.EDGE_INDEX_KEY: np.concatenate(
                [graph.edges + start for graph, start in zip(graphs, starts, strict=True)], axis=1
            ),
            AtomicDataDict.ATOM_TYPE_KEY: np.concatenate([graph.types for graph in graphs]),
            AtomicDataDict.CELL_KEY: np.stack([graph.cell for graph in graphs]),
            AtomicDataDict.EDGE_CELL_SHIFT_KEY: np.concatenate([graph.shifts for graph in graphs]),
            AtomicDataDict.BATCH_KEY: np.repeat(np.arange(len(graphs)), counts),
            AtomicDataDict.NUM_NODES_KEY: counts,
        }
        return {key: torch.from_numpy(arrays[key]).to(self.device) for key in self.model.inputs}


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _words(names: str | Sequence[str]) -> list[str]:
    return names.split() if isinstance(names, str) else list(names)


def _read(name: str, path: Path, device: torch.device, key: str) -> Model:
    try:
        return _compiled(path, device) if path.name.endswith(COMPILED) else _saved(path, device, key)
    except Exception as error:
        # torch, zipfile, pickle and nequip each have their own exceptions for a file that is not a model
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _saved(path: Path, device: torch.device, key: str) -> Model:
    # as the package's calculator does
    set_global_state(allow_tf32=False)
    model = load_saved_model(str(path), model_key=key).to(device).eval()
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.requires_grad_(False)
    # a model for training derives forces in its outermost layer, which an energy does not need
    energy_module = getattr(model.model, "func", model.model)
    return Model(model, energy_module, model.metadata, BATCH_INPUTS)


def _compiled(path: Path, device: torch.device) -> Model:
    inputs, fewest = BATCH_INPUTS, 2
    try:
        module, metadata = load_compiled_model(str(path), device, list(inputs), list(OUTPUTS))
    except ValueError:
        # the file says that it was compiled for other inputs
        inputs, fewest = SINGLE_INPUTS, 1
        module, metadata = load_compiled_model(str(path), device, list(inputs), list(OUTPUTS))
    return Model(module, module, metadata, inputs, fewest)


def _calculator(model: Model, types: Sequence[str], device: str) -> Calculator:
    transforms = basic_transforms(
        dict(model.metadata), float(model.metadata["r_max"]), list(types), {symbol: symbol for symbol in types}
    )
    return NequIPCalculator(model=model.module, device=device, transforms=transforms)
