"""SevenNet, an equivariant message-passing potential (NequIP architecture), evaluated many structures at a time.

Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190; models with several
levels of theory: Kim et al., J. Am. Chem. Soc. 147, 1042 (2025), doi:10.1021/jacs.4c14455.
Forces and stress are derivatives of the energy.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import sevenn._keys as KEY
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from matscipy.neighbours import neighbour_list
from sevenn.atom_graph_data import AtomGraphData
from sevenn.calculator import SevenNetCalculator
from sevenn.checkpoint import SevenNetCheckpoint
from sevenn.nn.sequential import AtomGraphSequential
from sevenn.util import load_checkpoint

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.host_pairs import HostPairs
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

BUNDLED = ("7net-0", "7net-0_22may2024", "7net-l3i5", "7net-mf-0")
"""The models whose weights come with the package."""

LOADER_KEYS = {"model", "modal", "kernels"}

KERNELS = {
    "cueq": ("enable_cueq", "sevenn.nn.cue_helper", "is_cue_available", "cuequivariance and a GPU"),
    "flash": ("enable_flash", "sevenn.nn.flash_helper", "is_flash_available", "FlashTP and a GPU"),
    "oeq": ("enable_oeq", "sevenn.nn.oeq_helper", "is_oeq_available", "OpenEquivariance and a GPU"),
}
"""Kernels in place of e3nn's: how the package is told, what tells whether they are there, and what they need."""

ASE_VOIGT = (0, 1, 2, 4, 5, 3)
"""Where ase's xx, yy, zz, yz, xz, xy are in SevenNet's xx, yy, zz, xy, yz, zx."""


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and directed edges.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
    edges : ndarray of int64, shape (2, m)
        Centre and neighbour of each edge.
    vectors : ndarray of float32, shape (m, 3)
        From the centre to the neighbour (Å).
    volume : float
        Å³.
    """

    numbers: np.ndarray
    edges: np.ndarray
    vectors: np.ndarray
    volume: float


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {model: 7net-0}``, or a local checkpoint.

    ``modal: PBE`` chooses a level of theory, ``kernels: cueq`` (``flash``, ``oeq``) faster tensor products.

    Raises
    ------
    UserError
        If the model or the kernels are unknown, or the modality is missing or unknown.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read; ``environment`` if the kernels are not there.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    if entry.get("dtype", "float32") != "float32":
        raise UserError(f"models: {name}.dtype: SevenNet computes in float32; got {entry['dtype']!r}.")
    place = torch_device(device)
    weights = _weights(entry)
    options = _kernels(name, loader.get("kernels", "e3nn"))
    checkpoint, model = _read(name, weights, options)
    modal = _modal(name, loader.get("modal"), model.modal_map)
    model.to(place).eval()
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.requires_grad_(False)
    model.set_is_batch_data(True)
    known = frozenset(chemical_symbols[number] for number in model.type_map)
    evaluator = Evaluator(model, _without_forces(model), modal, place)
    return Potential(
        name=name,
        device=device,
        dtype="float32",
        conservative=True,
        elements=declared_elements(entry, known),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(checkpoint, modal, device, options),
        package_calculator_name="sevenn.calculator.SevenNetCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        prepare_in_host=evaluator.prepare_in_host,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": float(model.cutoff),
            "interaction_layers": sum(name.endswith("_convolution") for name, _ in model.named_children()),
            "package_version": version("sevenn"),
            "torch_version": torch.__version__,
            "kernels": loader.get("kernels", "e3nn"),
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model : AtomGraphSequential
        In batch mode, on `device`.
    energy_model : AtomGraphSequential
        The same layers without the last, which derives forces and stress.
    modal : str or None
        Level of theory of a model that has several.
    device : torch.device
    """

    model: AtomGraphSequential
    energy_model: AtomGraphSequential
    modal: str | None
    device: torch.device

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included."""
        positions, cell = boxed(atoms, self.model.cutoff)
        centre, neighbour, vectors = neighbour_list(
            "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=float(self.model.cutoff)
        )
        graph = Graph(
            numbers=atoms.numbers.astype(np.int64),
            edges=np.stack([centre, neighbour]).astype(np.int64),
            vectors=vectors.astype(np.float32),
            volume=abs(float(np.linalg.det(cell))),
        )
        return Prepared(graph, atoms=len(atoms), edges=len(centre))

    def prepare_in_host(self, host: Atoms) -> Callable[[Atoms], Prepared]:
        """Graphs of a guest in a host: the edges among the host's atoms are found once."""
        alone = self.prepare(host).graph
        pairs = HostPairs.of(host, float(self.model.cutoff))

        def prepare_guest(guest: Atoms) -> Prepared:
            inserted, hosting, outwards = pairs.with_host(guest.positions)
            first, second, within = pairs.with_itself(guest.positions)
            inserted, first, second = inserted + len(host), first + len(host), second + len(host)
            new = [[inserted, hosting], [hosting, inserted], [first, second], [second, first]]
            edges = np.concatenate([alone.edges, *(np.stack(pair) for pair in new)], axis=1)
            vectors = np.concatenate([alone.vectors, outwards, -outwards, within, -within]).astype(np.float32)
            # edges of one atom together, as a search over the whole structure gives them
            order = np.argsort(edges[0], kind="stable")
            graph = Graph(
                numbers=np.concatenate([alone.numbers, guest.numbers]),
                edges=edges[:, order],
                vectors=vectors[order],
                volume=alone.volume,
            )
            return Prepared(graph, atoms=len(graph.numbers), edges=edges.shape[1])

        return prepare_guest

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph.

        Atomic energies are summed in double precision: a sum in float32 loses 1e-4 eV in large cells.
        """
        counts = np.array([len(graph.numbers) for graph in graphs])
        data = self._join(graphs, counts)
        if wanted == {"energy"}:
            with torch.no_grad():
                output = self.energy_model(data)
        else:
            output = self.model(data)
        atomic = _numpy(output[KEY.ATOMIC_ENERGY]).reshape(-1)
        ends = np.cumsum(counts)
        energies = np.add.reduceat(atomic, ends - counts)
        if wanted == {"energy"}:
            return [Result(float(energy)) for energy in energies]
        forces = np.split(_numpy(output[KEY.PRED_FORCE]), ends[:-1])
        stresses = -_numpy(output[KEY.PRED_STRESS])[:, ASE_VOIGT]
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]

    def _join(self, graphs: Sequence[Graph], counts: np.ndarray) -> AtomGraphData:
        starts = np.cumsum(counts) - counts
        numbers = self._tensor(np.concatenate([graph.numbers for graph in graphs]))
        edges = np.concatenate([graph.edges + start for graph, start in zip(graphs, starts, strict=True)], axis=1)
        data = AtomGraphData(
            x=numbers,
            edge_index=self._tensor(edges),
            **{
                KEY.ATOMIC_NUMBERS: numbers,
                KEY.EDGE_VEC: self._tensor(np.concatenate([graph.vectors for graph in graphs])),
                KEY.CELL_VOLUME: self._tensor(np.array([graph.volume for graph in graphs], dtype=np.float32)),
                KEY.NUM_ATOMS: self._tensor(counts),
                KEY.BATCH: self._tensor(np.repeat(np.arange(len(graphs)), counts)),
            },
        )
        if self.modal is not None:
            data[KEY.DATA_MODALITY] = [self.modal] * len(graphs)
        return data

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _weights(entry: Mapping[str, Any]) -> str | Path:
    path = checkpoint_path(entry)
    if path is not None:
        return path
    model = (entry.get("loader") or {}).get("model", "")
    if model not in BUNDLED:
        raise UserError(
            f"models: {entry['name']}.loader.model: the package brings no weights of {model!r}; fetch them and give"
            f" checkpoint: {{path: FILE}}, or choose a bundled model{near_misses(model, BUNDLED)}"
        )
    return model


def _kernels(name: str, wanted: str) -> dict[str, bool]:
    """How the package is told which kernels to use; it would silently fall back on e3nn's where they are missing."""
    if wanted == "e3nn":
        return {}
    if wanted not in KERNELS:
        known = ("e3nn", *KERNELS)
        raise UserError(f"models: {name}.loader.kernels: unknown kernels {wanted!r}{near_misses(wanted, known)}")
    option, module, available, needs = KERNELS[wanted]
    if not getattr(importlib.import_module(module), available)():
        raise PotentialFailure("environment", f"{name}: the kernels {wanted!r} need {needs}, which are not there.")
    return {option: True}


def _read(
    name: str, weights: str | Path, options: Mapping[str, bool]
) -> tuple[SevenNetCheckpoint, AtomGraphSequential]:
    try:
        checkpoint = load_checkpoint(str(weights))
        return checkpoint, checkpoint.build_model(**options)
    except Exception as error:
        # torch, pickle and sevenn each have their own exceptions for a file that is not a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {weights} cannot be read"
            f" ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _modal(name: str, asked: str | None, known: Mapping[str, int] | None) -> str | None:
    if not known:
        if asked:
            raise UserError(f"models: {name}.loader.modal: this model has a single level of theory; leave it out.")
        return None
    if asked not in known:
        problem = f"unknown modality {asked!r}" if asked else "the model has several levels of theory, choose one"
        raise UserError(f"models: {name}.loader.modal: {problem}{near_misses(str(asked), known)}")
    return asked


def _without_forces(model: AtomGraphSequential) -> AtomGraphSequential:
    layers = {key: layer for key, layer in model.named_children() if key != "force_output"}
    energy_model = AtomGraphSequential(
        layers,
        cutoff=model.cutoff,
        type_map=model.type_map,
        modal_map=model.modal_map,
        eval_type_map=bool(model.eval_type_map),
        eval_modal_map=model.eval_modal_map,
    )
    energy_model.set_is_batch_data(True)
    return energy_model.eval()


def _calculator(
    checkpoint: SevenNetCheckpoint, modal: str | None, device: str, options: Mapping[str, bool]
) -> Calculator:
    with warnings.catch_warnings():
        # a hint that CUDA-only kernels could be installed
        warnings.filterwarnings("ignore", message="No tensor product accelerator")
        return SevenNetCalculator(checkpoint.build_model(**options), device=device, modal=modal)
