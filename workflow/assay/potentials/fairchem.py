"""UMA and eSEN of fairchem 2, equivariant message passing in the frames of edges, evaluated many structures at a time.

UMA: Wood et al., arXiv:2506.23971 (2025), doi:10.48550/arXiv.2506.23971; eSEN: Fu et al., arXiv:2502.12147 (2025),
doi:10.48550/arXiv.2502.12147. A UMA is several models in one: the task says which data, and so which level of theory,
it speaks for. Forces and stress are derivatives of the energy, but for the models whose forces are direct.

Edges are found here and handed to the network, which otherwise finds them itself, slower. The package's fast settings
(experts merged for one composition, compilation, reduced precision) are off: a pass holds any structures.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from fairchem.core import FAIRChemCalculator
from fairchem.core.datasets.atomic_data import AtomicData
from fairchem.core.graph.radius_graph_pbc import get_max_neighbors_mask
from fairchem.core.models.uma.escn_md import eSCNMDBackbone
from fairchem.core.units.mlip_unit import MLIPPredictUnit, load_predict_unit
from fairchem.core.units.mlip_unit.api.inference import InferenceSettings
from matscipy.neighbours import neighbour_list

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"task", "activation_checkpointing"}

CHARGED_TASKS = {"omol"}
"""Tasks whose training data have charges and spins."""

ASE_VOIGT = (0, 4, 8, 5, 2, 1)
"""Where ase's xx, yy, zz, yz, xz, xy are in a flattened tensor."""


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and directed edges, in a cell that is periodic in three directions.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    positions, cell : ndarray, shapes (n, 3) and (3, 3)
        Å.
    edges : ndarray of int64, shape (2, m)
        Neighbour and centre of each edge; edges of one centre stand together.
    offsets : ndarray of int64, shape (m, 3)
        The neighbour's image.
    charge, spin : int
        Total charge and spin multiplicity (0 where the task has none).
    """

    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray
    edges: np.ndarray
    offsets: np.ndarray
    charge: int
    spin: int


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {task: omat}`` from a checkpoint; the task may be left out where the model has one.

    ``activation_checkpointing: true`` saves memory and costs time: layers are computed again for the derivatives.
    The entry's ``charge`` and ``spin_multiplicity`` hold for structures whose ``info`` has no ``charge`` and ``spin``.

    Raises
    ------
    UserError
        If the task is missing or unknown, the entry names no file of weights, or a charge is given to a task without.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    dtype = entry.get("dtype", "float32")
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give a path, url or hub.")
    settings = InferenceSettings(
        activation_checkpointing=bool(loader.get("activation_checkpointing", False)),
        external_graph_gen=True,
        base_precision_dtype=dtype,
    )
    if place.type == "cuda":
        torch.cuda.set_device(place)  # the package takes the current one
    unit = _read(name, path, settings, place)
    task = _task(name, loader.get("task"), list(unit.dataset_to_tasks))
    charge, spin = _charge_and_spin(entry, task)
    backbone = unit.model.module.backbone
    evaluator = Evaluator(unit, task, charge, spin, getattr(torch, dtype))

    def package_calculator() -> FAIRChemCalculator:
        return FAIRChemCalculator(_read(name, path, replace(settings, external_graph_gen=False), place), task_name=task)

    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=not backbone.regress_config.direct_forces,
        elements=declared_elements(entry, frozenset(chemical_symbols[1 : backbone.max_num_elements])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=package_calculator,
        package_calculator_name="fairchem.core.FAIRChemCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in unit.model.module.parameters()),
            "cutoff_A": float(backbone.cutoff),
            "neighbour_limit": int(backbone.max_neighbors),
            "interaction_layers": int(backbone.num_layers),
            "model_id": getattr(unit.model.module, "model_id", None),
            "task": task,
            "charge": charge,
            "spin_multiplicity": spin,
            "package_version": version("fairchem-core"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    unit : MLIPPredictUnit
        The model with its tasks.
    task : str
        The data set that it speaks for.
    charge, spin : int
        Of structures that say nothing themselves.
    dtype : torch.dtype
    """

    unit: MLIPPredictUnit
    task: str
    charge: int
    spin: int
    dtype: torch.dtype

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included, or of the nearest where the model limits them.

        A lone atom without a cell is one in a large cell: its energy is the network's, not that of the package's table.
        """
        backbone = self.unit.model.module.backbone
        positions, cell = boxed(atoms, float(backbone.cutoff))
        fractional = positions @ np.linalg.inv(cell)
        positions = (fractional - np.floor(fractional)) @ cell
        centre, neighbour, length, image = neighbour_list(
            "ijdS", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=float(backbone.cutoff)
        )
        if centre.size and np.bincount(centre).max() > backbone.max_neighbors:
            kept, _ = get_max_neighbors_mask(
                torch.tensor([len(atoms)]),
                torch.from_numpy(centre.astype(np.int64)),
                torch.from_numpy(length),
                backbone.max_neighbors,
                enforce_max_strictly=backbone.enforce_max_neighbors_strictly,
            )
            centre, neighbour, image = centre[kept], neighbour[kept], image[kept]
        graph = Graph(
            numbers=atoms.numbers.astype(np.int64),
            positions=positions,
            cell=np.asarray(cell),
            edges=np.stack([neighbour, centre]).astype(np.int64),
            offsets=image,
            charge=int(atoms.info.get("charge", self.charge)),
            spin=int(atoms.info.get("spin", self.spin)),
        )
        return Prepared(graph, atoms=len(atoms), edges=len(centre))

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs.

        The package sums the network's atomic energies in double precision. The elements' reference energies are added
        here, for it would sum them in the precision of the file, and they are large.
        """
        config = self.unit.model.module.backbone.regress_config
        derivatives = (config.forces, config.stress)
        direct = config.direct_forces
        if not direct:
            config.stress = derivatives[1] and "stress" in wanted
            config.forces = derivatives[0] and ("forces" in wanted or config.stress)
        try:
            with quiet(), torch.set_grad_enabled(not direct and config.forces):
                # without the decorator, which sorts the answers of several tasks
                answers = MLIPPredictUnit.predict.__wrapped__(self.unit, self._join(graphs), False)
        finally:
            config.forces, config.stress = derivatives
        tasks = {task.property: task for task in self.unit.dataset_to_tasks[self.task] if task.name in answers}
        found = {key: _numpy(answers[task.name]) for key, task in tasks.items() if key in wanted}
        energies = found["energy"].reshape(-1)
        if (references := tasks["energy"].element_references) is not None:
            of_element = _numpy(references.element_references)
            energies = energies + [of_element[graph.numbers].sum() for graph in graphs]
        counts = [len(graph.numbers) for graph in graphs]
        missing = [None] * len(graphs)
        forces = np.split(found["forces"], np.cumsum(counts)[:-1]) if "forces" in found else missing
        stresses = found["stress"].reshape(-1, 9)[:, ASE_VOIGT] if "stress" in found else missing
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]

    def _join(self, graphs: Sequence[Graph]) -> AtomicData:
        counts = np.array([len(graph.numbers) for graph in graphs])
        starts = np.cumsum(counts) - counts
        edges = np.concatenate([graph.edges + start for graph, start in zip(graphs, starts, strict=True)], axis=1)
        total = int(counts.sum())
        return AtomicData(
            pos=self._real([graph.positions for graph in graphs]),
            atomic_numbers=torch.from_numpy(np.concatenate([graph.numbers for graph in graphs])),
            cell=self._real([graph.cell[None] for graph in graphs]),
            pbc=torch.ones((len(graphs), 3), dtype=torch.bool),
            natoms=torch.from_numpy(counts),
            edge_index=torch.from_numpy(edges),
            cell_offsets=self._real([graph.offsets for graph in graphs]),
            nedges=torch.tensor([graph.edges.shape[1] for graph in graphs]),
            charge=torch.tensor([graph.charge for graph in graphs]),
            spin=torch.tensor([graph.spin for graph in graphs]),
            fixed=torch.zeros(total, dtype=torch.long),
            tags=torch.zeros(total, dtype=torch.long),
            batch=torch.from_numpy(np.repeat(np.arange(len(graphs)), counts)),
            sid=[""] * len(graphs),
            dataset=[self.task] * len(graphs),
        )

    def _real(self, arrays: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.concatenate(arrays)).to(self.dtype)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the package's remarks on its settings, which it writes as warnings; errors are heard."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _read(name: str, path: Path, settings: InferenceSettings, place: torch.device) -> MLIPPredictUnit:
    try:
        with quiet():
            unit = load_predict_unit(path, inference_settings=settings, device=place.type)
    except Exception as error:
        # torch, pickle, hydra and the package each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error
    backbone = unit.model.module.backbone
    if not isinstance(backbone, eSCNMDBackbone):
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} holds a {type(backbone).__name__}; UMA and eSEN are here, for others"
            " use package: ase.",
        )
    return unit


def _task(name: str, asked: str | None, known: Sequence[str]) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known:
        problem = f"unknown task {asked!r}" if asked else "the model has several tasks, choose one"
        raise UserError(f"models: {name}.loader.task: {problem}{near_misses(str(asked), known)}")
    return asked


def _charge_and_spin(entry: Mapping[str, Any], task: str) -> tuple[int, int]:
    """What holds for structures that say nothing themselves; tasks without charges were trained with zeros."""
    if task in CHARGED_TASKS:
        return int(entry.get("charge", 0)), int(entry.get("spin_multiplicity", 1))
    for key, neutral in (("charge", 0), ("spin_multiplicity", 1)):
        if entry.get(key, neutral) != neutral:
            raise UserError(f"models: {entry['name']}.{key}: the task {task!r} knows no charges; leave it out.")
    return 0, 0
