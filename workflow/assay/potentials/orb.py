"""Orb, graph networks without built-in symmetry, evaluated many structures at a time.

Neumann et al., doi:10.48550/arXiv.2410.22570 (v2); Rhodes et al., doi:10.48550/arXiv.2504.06231 (v3). Forces and stress
are outputs of the network beside the energy (direct models), or derivatives of the energy (conservative models). No
model is invariant under rotations by construction. An atom sends messages to its nearest neighbours within 6 Å only,
20 or 120 of them, so energies may jump where an atom enters or leaves the set.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from orb_models.forcefield.atomic_system import SystemConfig, ase_atoms_to_atom_graphs
from orb_models.forcefield.base import AtomGraphs, batch_graphs
from orb_models.forcefield.calculator import ORBCalculator
from orb_models.forcefield.conservative_regressor import ConservativeForcefieldRegressor
from orb_models.forcefield.direct_regressor import DirectForcefieldRegressor
from orb_models.forcefield.pretrained import ORB_PRETRAINED_MODELS

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.charges import ChargedCalculator, charge_and_multiplicity, refuse_charge
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"model", "neighbours", "precision", "compile"}

PRECISIONS = {"float32": ("float32-high", "float32-highest"), "float64": ("float64",)}
"""The package's names of how it computes, for each floating-point type; the first is its default."""

LARGEST_NUMBER = 117
"""Of the atomic numbers that the package's tables hold."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {model: orb-v3-conservative-inf-omat}``; the checkpoint holds the weights of that architecture.

    ``neighbours: 20`` changes the limit of neighbours, ``precision: float32-highest`` keeps a GPU from rounding
    factors of matrix products, and ``compile: true`` lets torch compile the network.

    Raises
    ------
    UserError
        If the model is unknown, precision and ``dtype`` do not agree, or a charge is given to a model that knows none.
    PotentialFailure
        ``checkpoint`` if the weights are missing, cannot be read, or are of another architecture.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    dtype = entry.get("dtype", "float32")
    precision = _precision(name, dtype, loader.get("precision"))
    place = torch_device(device)
    model = _read(entry, precision, place)
    charged = model.model.conditioner is not None
    if not charged:
        refuse_charge(entry)
    limit = int(loader.get("neighbours") or model.system_config.max_num_neighbors)
    system = SystemConfig(radius=model.system_config.radius, max_num_neighbors=limit)
    evaluator = Evaluator(model, system, entry if charged else None, getattr(torch, dtype), place)
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=evaluator.conservative,
        equivariant=False,
        # conservative models add the mean over atoms of the nuclei's repulsion to the energy of all atoms
        extensive=not (evaluator.conservative and model.pair_repulsion),
        elements=declared_elements(entry, frozenset(chemical_symbols[1 : LARGEST_NUMBER + 1])),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(evaluator, entry),
        package_calculator_name="orb_models.forcefield.calculator.ORBCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": float(system.radius),
            "neighbour_limit": limit,
            "interaction_layers": int(model.model.num_message_passing_steps),
            "charge_aware": charged,
            "precision": precision,
            "package_version": version("orb-models"),
            "torch_version": torch.__version__,
            "compile": bool(loader.get("compile")),
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model : DirectForcefieldRegressor or ConservativeForcefieldRegressor
        On `device`.
    system : SystemConfig
        Cutoff and limit of neighbours.
    charges : mapping or None
        The catalogue's entry, for charge and spin of structures that say nothing; None if the model knows neither.
    dtype : torch.dtype
    device : torch.device
    """

    model: DirectForcefieldRegressor | ConservativeForcefieldRegressor
    system: SystemConfig
    charges: Mapping[str, Any] | None
    dtype: torch.dtype
    device: torch.device

    @property
    def conservative(self) -> bool:
        """Whether forces and stress are derivatives of the energy."""
        return isinstance(self.model, ConservativeForcefieldRegressor)

    def prepare(self, atoms: Atoms) -> Prepared:
        """The package's graph of each atom's nearest neighbours.

        Slabs and chains get a vacuum, since the package knows three periodic directions or none. A molecule stays
        without a cell: direct models take the net torque out of its forces.
        """
        plain = Atoms(atoms.numbers, atoms.positions)
        if atoms.pbc.any():
            positions, cell = boxed(atoms, float(self.system.radius))
            plain = Atoms(atoms.numbers, positions, cell=cell, pbc=True)
        if self.charges is not None:
            plain.info["charge"], plain.info["spin"] = charge_and_multiplicity(atoms, self.charges)
        graph = ase_atoms_to_atom_graphs(
            plain,
            self.system,
            device=self.device,
            output_dtype=self.dtype,
            graph_construction_dtype=self.dtype,
        )
        return Prepared(graph, atoms=len(atoms), edges=len(graph.senders))

    def forward(self, graphs: Sequence[AtomGraphs], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph."""
        batch = batch_graphs(list(graphs))
        derivatives = self.conservative and wanted != {"energy"}
        vectors = batch.edge_features["vectors"].requires_grad_(derivatives)
        with torch.set_grad_enabled(derivatives):
            nodes = self.model.model(batch)["node_features"]
            repulsion = self.model.pair_repulsion_fn(batch) if self.model.pair_repulsion else {}
            energies = self._energies(nodes, batch, repulsion)
        if wanted == {"energy"}:
            return [Result(float(energy)) for energy in energies.detach()]
        if derivatives:
            forces, stresses = self._derivatives(energies, vectors, batch)
        else:
            forces, stresses = self._heads(nodes, batch, repulsion)
        split = np.split(_numpy(forces), np.cumsum(_numpy(batch.n_node).astype(int))[:-1])
        voigt = _numpy(stresses) if self.model.has_stress else [None] * len(graphs)
        energies = _numpy(energies)
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, split, voigt, strict=True)]

    def _energies(self, nodes: torch.Tensor, batch: AtomGraphs, repulsion: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """As the package's head adds them up, but in double precision.

        The head knows the mean over atoms; times their number, plus energies of the elements, it loses 1e-4 eV in
        large cells.
        """
        head = self.model.heads["energy"]
        mean = head.normalizer.inverse(head(nodes, batch)).double()
        elements = head.reference.linear.weight.double().reshape(-1)[batch.atomic_numbers]
        energies = mean * batch.n_node if head.atom_avg else mean
        energies = energies.index_add(0, self._owners(batch.n_node), elements)
        return energies + repulsion["energy"].double() if repulsion else energies

    def _derivatives(
        self, energies: torch.Tensor, vectors: torch.Tensor, batch: AtomGraphs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Forces, and stresses in ase's order, of conservative models.

        dE/dr of an edge acts on its two atoms with opposite signs, and on the strain through the edge's vector.
        """
        (slopes,) = torch.autograd.grad(energies.sum(), vectors)
        slopes, vectors = slopes.double(), vectors.detach().double()
        forces = slopes.new_zeros((len(batch.atomic_numbers), 3))
        forces.index_add_(0, batch.senders, slopes).index_add_(0, batch.receivers, -slopes)
        virials = slopes.new_zeros((len(batch.n_node), 3, 3))
        virials.index_add_(0, self._owners(batch.n_edge), slopes[:, :, None] * vectors[:, None, :])
        stresses = virials / torch.linalg.det(batch.cell.double()).abs()[:, None, None]
        stresses = (stresses + stresses.transpose(1, 2)) / 2
        return forces, stresses[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]

    def _heads(
        self, nodes: torch.Tensor, batch: AtomGraphs, repulsion: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Forces, and stresses in ase's order, of direct models."""
        with torch.no_grad():
            outputs = {
                key: self.model.heads[key].predict(nodes, batch) + repulsion.get(key, 0.0)
                for key in ("forces", "stress")
                if key in self.model.heads
            }
        return outputs["forces"], outputs.get("stress")

    def _owners(self, counts: torch.Tensor) -> torch.Tensor:
        """To which structure each atom, or each edge, belongs."""
        return torch.arange(len(counts), device=self.device).repeat_interleave(counts)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _precision(name: str, dtype: str, asked: str | None) -> str:
    if dtype not in PRECISIONS:
        raise UserError(f"models: {name}.dtype: Orb computes in float32 or float64; got {dtype!r}.")
    if asked is None:
        return PRECISIONS[dtype][0]
    if asked not in PRECISIONS[dtype]:
        raise UserError(
            f"models: {name}.loader.precision: {asked!r} does not go with dtype: {dtype};"
            f" choose {' or '.join(PRECISIONS[dtype])}, or change dtype."
        )
    return asked


def _read(
    entry: Mapping[str, Any], precision: str, device: torch.device
) -> DirectForcefieldRegressor | ConservativeForcefieldRegressor:
    """The package's architecture with the file's weights, which are read as mere weights."""
    name, loader, path = entry["name"], entry.get("loader") or {}, checkpoint_path(entry)
    model = loader.get("model", "")
    if model not in ORB_PRETRAINED_MODELS:
        known = near_misses(model, ORB_PRETRAINED_MODELS)
        raise UserError(f"models: {name}.loader.model: the package knows no {model!r}{known}")
    if path is None:
        raise UserError(f"models: {name}.checkpoint: the package brings no weights; give {{path: FILE}}.")
    build = ORB_PRETRAINED_MODELS[model]
    try:
        with warnings.catch_warnings():
            # the package tells that it sets torch's default type, and advises another precision
            warnings.filterwarnings("ignore", message="Setting global torch default dtype|Consider passing 'precision")
            return build(
                weights_path=str(path), device=device, precision=precision, compile=bool(loader.get("compile"))
            )
    except Exception as error:
        # torch, pickle and the package each have their own exceptions for a file that is not such a checkpoint
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read as weights of {model}"
            f" ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error


def _calculator(evaluator: Evaluator, entry: Mapping[str, Any]) -> Calculator:
    calculator = ORBCalculator(evaluator.model, system_config=evaluator.system, device=evaluator.device)
    return calculator if evaluator.charges is None else ChargedCalculator(calculator, entry)
