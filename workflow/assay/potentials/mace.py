"""MACE, an equivariant message-passing potential of high body order, evaluated many structures at a time.

Batatia, Kovács, Simm, Ortner, Csányi, NeurIPS 2022, doi:10.48550/arXiv.2206.07697; foundation models: Batatia et al.,
J. Chem. Phys. 163, 184110 (2025), doi:10.1063/5.0297006. Forces and stress are derivatives of the energy.

Checkpoints of the package are whole modules, pickled. They cannot be read as mere weights: reading one may run code.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.charges import ChargedCalculator, charge_and_multiplicity, refuse_charge
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.edges import Edges, edges_in_host, edges_within
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

with redirect_stdout(StringIO()), warnings.catch_warnings():
    # the package says that kernels could be installed, e3nn that the package sets a variable
    warnings.filterwarnings("ignore", message="Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    from mace.calculators import MACECalculator
    from mace.calculators.mace import run_e3nn_to_cueq, run_e3nn_to_oeq
    from mace.modules.models import MACE, ScaleShiftMACE
    from mace.modules.wrapper_ops import CUET_AVAILABLE, OEQ_AVAILABLE

LOADER_KEYS = {"head", "kernels"}

DTYPES = {"float32": torch.float32, "float64": torch.float64}

KERNELS = {
    "cueq": (run_e3nn_to_cueq, CUET_AVAILABLE, "cuequivariance and cuequivariance_torch"),
    "oeq": (run_e3nn_to_oeq, OEQ_AVAILABLE, "openequivariance"),
}
"""Kernels in place of e3nn's: what puts them into a model, whether they are there, and what they need."""

CHARGE_FEATURES = ("total_charge", "total_spin")
"""Of the features that a model may be told, those that a structure has."""


@dataclass(frozen=True)
class Graph:
    """A structure's atoms and edges.

    Attributes
    ----------
    species : ndarray of int64, shape (n,)
        Places of the atoms' elements in the model's list.
    edges : Edges
    charge, multiplicity : int
        Total charge (e) and spin multiplicity.
    """

    species: np.ndarray
    edges: Edges
    charge: int
    multiplicity: int


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load a checkpoint of the package.

    ``loader: {head: NAME}`` chooses one of several levels of theory, ``kernels: cueq`` (``oeq``) faster tensor
    products. ``dtype`` may be float32 or float64, whatever the weights were saved in.

    Raises
    ------
    UserError
        If the head or the kernels are unknown, no head is chosen of several, or a charge is given to a model that
        knows none.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read; ``environment`` if the kernels are not there.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    dtype = entry.get("dtype", "float32")
    if dtype not in DTYPES:
        raise UserError(f"models: {name}.dtype: MACE computes in float32 or float64; got {dtype!r}.")
    place = torch_device(device)
    kernels = loader.get("kernels", "e3nn")
    model = _read(entry)
    isolated = np.atleast_2d(_numpy(model.atomic_energies_fn.atomic_energies))
    model = _with_kernels(name, model.to(place, DTYPES[dtype]), kernels, place)
    # gradients of the weights are not wanted, so what they would need is not kept during a pass
    model.eval().requires_grad_(False)
    # models of before there were heads have none
    heads = list(getattr(model, "heads", None) or ["Default"])
    head = _head(name, loader.get("head"), heads)
    features = _features(entry, model)
    places = {int(number): index for index, number in enumerate(model.atomic_numbers)}
    chosen = heads.index(head)
    evaluator = Evaluator(model, places, float(model.r_max), chosen, isolated[chosen], features, place, entry)
    return Potential(
        name=name,
        device=device,
        dtype=dtype,
        conservative=True,
        elements=declared_elements(entry, frozenset(chemical_symbols[number] for number in places)),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(entry, model, head, features, device, dtype),
        package_calculator_name="mace.calculators.MACECalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        prepare_in_host=evaluator.prepare_in_host,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": evaluator.cutoff_A,
            "interaction_layers": int(model.num_interactions),
            "head": head,
            "heads": heads,
            "charge_aware": bool(features),
            "package_version": version("mace-torch"),
            "torch_version": torch.__version__,
            "kernels": kernels,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Graphs and passes of one model.

    Attributes
    ----------
    model : MACE
        On `device`.
    places : dict of int to int
        Of each atomic number that the model knows, its place in the model's list.
    cutoff_A : float
    head : int
        Which of the model's heads.
    isolated_eV : ndarray of float64, shape (number of elements,)
        Energies of the atoms alone by this head, as they were saved.
    features : tuple of str
        What the model is told of a structure besides its atoms, of `CHARGE_FEATURES`.
    device : torch.device
    entry : mapping
        Of the catalogue, for charge and spin of structures that say nothing.
    """

    model: MACE
    places: dict[int, int]
    cutoff_A: float
    head: int
    isolated_eV: np.ndarray
    features: tuple[str, ...]
    device: torch.device
    entry: Mapping[str, Any]

    def prepare(self, atoms: Atoms) -> Prepared:
        """The graph of all pairs within the cutoff, images included."""
        return self._prepared(self._species(atoms), edges_within(atoms, self.cutoff_A), atoms)

    def prepare_in_host(self, host: Atoms) -> Callable[[Atoms], Prepared]:
        """Graphs of a guest in a host; the charge is the guest's."""
        species, edges_with = self._species(host), edges_in_host(host, self.cutoff_A)

        def prepare_guest(guest: Atoms) -> Prepared:
            return self._prepared(np.concatenate([species, self._species(guest)]), edges_with(guest), guest)

        return prepare_guest

    def _prepared(self, species: np.ndarray, edges: Edges, charged: Atoms) -> Prepared:
        graph = Graph(species, edges, *self._charge(charged))
        return Prepared(graph, atoms=len(species), edges=edges.pairs.shape[1])

    def forward(self, graphs: Sequence[Graph], wanted: frozenset[str]) -> list[Result]:
        """One pass over all graphs as one disconnected graph."""
        counts = np.array([len(graph.species) for graph in graphs])
        data = self._join(graphs, counts)
        derivatives = wanted != {"energy"}
        with torch.set_grad_enabled(derivatives):
            output = self.model(data, compute_force=derivatives, compute_stress="stress" in wanted)
        energies = self._energies(graphs, output, counts)
        ends = np.cumsum(counts)
        forces = np.split(_numpy(output["forces"]), ends[:-1]) if derivatives else [None] * len(graphs)
        if "stress" not in wanted:
            return [Result(float(energy), force) for energy, force in zip(energies, forces, strict=True)]
        # the model divides dE/dstrain by the volume of the cell that it was told, which is 1 Å³
        volumes = np.array([graph.edges.volume_A3 for graph in graphs])
        stresses = _voigt(_numpy(output["stress"]) / volumes[:, None, None])
        return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]

    def _energies(self, graphs: Sequence[Graph], output: Mapping[str, torch.Tensor], counts: np.ndarray) -> np.ndarray:
        """Sums in double precision: energies of all electrons are 1e4 eV per atom, of which float32 knows 1e-3 eV.

        Where charge and spin have an energy of their own, it is in the model's total alone.
        """
        if hasattr(self.model, "embedding_readout"):
            return _numpy(output["energy"])
        starts = np.cumsum(counts) - counts
        species = np.concatenate([graph.species for graph in graphs])
        alone = np.add.reduceat(self.isolated_eV[species], starts)
        if not isinstance(self.model, ScaleShiftMACE):
            # per structure: atoms alone, close pairs, and one contribution of each layer
            return alone + _numpy(output["contributions"])[:, 1:].sum(axis=1)
        # this sum of two numbers is one in double precision already, but of the rounded energies of atoms alone
        rounded = _numpy(torch.from_numpy(self.isolated_eV).to(self.model.r_max.dtype))
        return alone + np.add.reduceat(_numpy(output["node_energy"]) - rounded[species], starts)

    def _join(self, graphs: Sequence[Graph], counts: np.ndarray) -> dict[str, torch.Tensor]:
        """What the model takes.

        It makes an edge's vector from positions, which are zero here, and from a shift by cell vectors, which is the
        whole vector here: its components along a cell of unit vectors. So vectors do not suffer from being differences
        of positions in float32, and derivatives with respect to positions and strain are the same.
        """
        starts = np.cumsum(counts) - counts
        edges = np.concatenate([graph.edges.pairs + start for graph, start in zip(graphs, starts, strict=True)], axis=1)
        vectors = self._reals(np.concatenate([graph.edges.vectors_A for graph in graphs]))
        species = self._integers(np.concatenate([graph.species for graph in graphs]))
        told = {
            "total_charge": [graph.charge for graph in graphs],
            "total_spin": [graph.multiplicity for graph in graphs],
        }
        return {
            "positions": vectors.new_zeros((len(species), 3)),
            "node_attrs": torch.nn.functional.one_hot(species, len(self.places)).to(vectors.dtype),
            "edge_index": self._integers(edges),
            "shifts": vectors,
            "unit_shifts": vectors,
            "cell": torch.eye(3, dtype=vectors.dtype, device=self.device).repeat(len(graphs), 1),
            "batch": self._integers(np.repeat(np.arange(len(graphs)), counts)),
            "ptr": self._integers(np.concatenate([[0], np.cumsum(counts)])),
            "head": self._integers(np.full(len(graphs), self.head)),
            **{feature: self._reals(np.array(told[feature], dtype=float)) for feature in self.features},
        }

    def _species(self, atoms: Atoms) -> np.ndarray:
        return np.array([self.places[number] for number in atoms.numbers], dtype=np.int64)

    def _charge(self, atoms: Atoms) -> tuple[int, int]:
        charge, multiplicity = charge_and_multiplicity(atoms, self.entry)
        for feature, value in zip(CHARGE_FEATURES, (charge, multiplicity), strict=True):
            told = self.model.embedding_specs[feature] if feature in self.features else {}
            if told.get("type") == "categorical" and not 0 <= value + told.get("offset", 0) < told["num_classes"]:
                raise PotentialFailure(
                    "error",
                    f"{self.entry['name']}: a {feature} of {value}, as of the structure"
                    f" {atoms.get_chemical_formula()}, is beyond what the model was made for.",
                )
        return charge, multiplicity

    def _reals(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device, self.model.r_max.dtype)

    def _integers(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(self.device)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)


def _voigt(stresses: np.ndarray) -> np.ndarray:
    """Symmetric tensors of shape (b, 3, 3) in ase's order xx, yy, zz, yz, xz, xy."""
    return stresses[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _read(entry: Mapping[str, Any]) -> MACE:
    name, path = entry["name"], checkpoint_path(entry)
    if path is None:
        raise UserError(
            f"models: {name}.checkpoint: the package brings no weights; give {{path: FILE}} or {{url: ...}}."
        )
    try:
        model = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        # torch, pickle and the modules that are in the file each have their own exceptions
        raise PotentialFailure(
            "checkpoint",
            f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}).",
        ) from error
    if not isinstance(model, MACE):
        raise PotentialFailure(
            "checkpoint", f"{name}: the checkpoint {path} holds a {type(model).__name__}, not a MACE model of energies."
        )
    return model


def _with_kernels(name: str, model: MACE, kernels: str, place: torch.device) -> MACE:
    if kernels == "e3nn":
        return model
    if kernels not in KERNELS:
        known = ("e3nn", *KERNELS)
        raise UserError(f"models: {name}.loader.kernels: unknown kernels {kernels!r}{near_misses(kernels, known)}")
    if not isinstance(model, ScaleShiftMACE):
        raise UserError(f"models: {name}.loader.kernels: {kernels!r} are made for models of scaled energies only.")
    convert, available, needs = KERNELS[kernels]
    if not available:
        raise PotentialFailure("environment", f"{name}: the kernels {kernels!r} need {needs}, which are not there.")
    return convert(model, device=place.type).to(place)


def _head(name: str, asked: str | None, heads: Sequence[str]) -> str:
    if asked is None and len(heads) == 1:
        return heads[0]
    if asked not in heads:
        problem = f"unknown head {asked!r}" if asked else "the model has several heads, choose one"
        raise UserError(f"models: {name}.loader.head: {problem}; known are {', '.join(map(repr, heads))}.")
    return asked


def _features(entry: Mapping[str, Any], model: MACE) -> tuple[str, ...]:
    """What the model is told of a structure besides its atoms."""
    features = tuple(model.embedding_specs) if hasattr(model, "joint_embedding") else ()
    for feature in features:
        if feature not in CHARGE_FEATURES:
            raise PotentialFailure(
                "checkpoint",
                f"{entry['name']}: the model asks for {feature!r} of a structure, which is unknown here.",
            )
    if not features:
        refuse_charge(entry)
    return features


def _calculator(
    entry: Mapping[str, Any], model: MACE, head: str, features: Sequence[str], device: str, dtype: str
) -> Calculator:
    calculator = MACECalculator(models=[model], device=device, default_dtype=dtype, head=head)
    return ChargedCalculator(calculator, entry) if features else calculator
