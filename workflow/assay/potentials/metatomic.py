"""Models in metatomic's format, PET-MAD and other PET models among them, evaluated many structures at a time.

metatensor and metatomic: Bigi et al. (2025), doi:10.48550/arXiv.2508.15704; PET: Pozdnyakov, Ceriotti, NeurIPS (2023),
doi:10.48550/arXiv.2305.19302; PET-MAD: Mazitov et al., Nat. Commun. 16, 10653 (2025), doi:10.1038/s41467-025-65662-7.
Forces and stress are derivatives of the energy, or, if asked for, the model's direct predictions of both.

PET learns from rotated structures that energies do not depend on the orientation: it holds nearly, not by construction.
"""

from __future__ import annotations

import warnings
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
from metatomic.torch import AtomisticModel, load_atomistic_model
from metatomic_ase import MetatomicCalculator

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared, nothing_to_release
from assay.potentials.boxes import boxed
from assay.potentials.devices import release_cuda, torch_device
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

LOADER_KEYS = {"non_conservative", "variant"}

NOT_EQUIVARIANT = ("PET",)
"""Architectures that are equivariant by training alone."""

VOIGT = (0, 4, 8, 5, 2, 1)
"""Where ase's xx, yy, zz, yz, xz, xy are in a 3 x 3 tensor, row by row."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load an exported model (.pt) or a checkpoint of metatrain (.ckpt).

    ``loader: {non_conservative: true}`` takes the model's direct forces and stress, ``variant: NAME`` one of several
    energies (such as two levels of theory) that the model has.

    Raises
    ------
    UserError
        If the variant is unknown, the model has no direct forces, or the ``dtype`` is not the model's.
    PotentialFailure
        ``checkpoint`` if the weights are missing or cannot be read.
    """
    name, loader = entry["name"], loader_options(entry, LOADER_KEYS)
    place = torch_device(device)
    path = checkpoint_path(entry)
    if path is None:
        raise UserError(f"models: {name}.checkpoint: metatomic brings no weights; give {{path: FILE}} or {{hub: ...}}.")
    model = _read(name, path)
    model.requires_grad_(False)
    capabilities = model.capabilities()
    if entry.get("dtype", capabilities.dtype) != capabilities.dtype:
        raise UserError(f"models: {name}.dtype: this model computes in {capabilities.dtype}; got {entry['dtype']!r}.")
    direct = bool(loader.get("non_conservative", False))
    options = _options(name, model, direct, loader.get("variant"))
    architecture = str(getattr(model.module, "original_name", type(model.module).__name__))
    cutoffs_A = [float(each.engine_cutoff("angstrom")) for each in model.requested_neighbor_lists()]
    evaluator = Evaluator(MetatomicCalculator(model, device=str(place), neighbor_skin=0.0, **options), max(cutoffs_A))
    return Potential(
        name=name,
        device=device,
        dtype=capabilities.dtype,
        conservative=not direct,
        equivariant=architecture not in NOT_EQUIVARIANT,
        elements=declared_elements(entry, frozenset(chemical_symbols[number] for number in capabilities.atomic_types)),
        prepare=evaluator.prepare,
        forward=evaluator.forward,
        make_package_calculator=lambda: _calculator(model, place, options),
        package_calculator_name="metatomic_ase.MetatomicCalculator",
        native=True,
        release=release_cuda if place.type == "cuda" else nothing_to_release,
        details={
            "parameters": sum(values.numel() for values in model.parameters()),
            "cutoff_A": max(cutoffs_A),
            "interaction_range_A": float(capabilities.interaction_range),
            "architecture": architecture,
            "non_conservative": direct,
            "variant": loader.get("variant"),
            "package_version": version("metatomic-torch"),
            "torch_version": torch.__version__,
        },
    )


@dataclass(frozen=True)
class Evaluator:
    """Passes of one model, through the package's own evaluation of lists of structures.

    Attributes
    ----------
    calculator : MetatomicCalculator
        Without a skin of its neighbour lists, so that it remembers nothing from one pass to the next.
    cutoff_A : float
        The longest of the model's cutoffs (Å).
    """

    calculator: MetatomicCalculator
    cutoff_A: float

    def prepare(self, atoms: Atoms) -> Prepared:
        """A copy of the structure, and its number of edges; the package finds the neighbours again during the pass."""
        positions, cell = boxed(atoms, self.cutoff_A)
        centres = neighbour_list("i", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A)
        bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        return Prepared(bare, atoms=len(atoms), edges=len(centres))

    def forward(self, structures: Sequence[Atoms], wanted: frozenset[str]) -> list[Result]:
        """One pass for crystals, which have a stress, and one for all others.

        Atomic energies are summed in double precision: a sum in float32 loses 1e-4 eV in large cells.
        """
        results: dict[int, Result] = {}
        for periodic in (True, False):
            places = [place for place, atoms in enumerate(structures) if atoms.pbc.all() == periodic]
            if places:
                found = self._pass([structures[place] for place in places], derivatives=wanted != {"energy"})
                results.update(zip(places, found, strict=True))
        return [results[place] for place in range(len(structures))]

    def _pass(self, structures: Sequence[Atoms], derivatives: bool) -> list[Result]:
        # the package's own mode is to ask for gradients of whatever could have some
        with torch.set_grad_enabled(derivatives):
            found = self.calculator.compute_energy(list(structures), derivatives, per_atom=True)
        energies = [float(np.sum(atomic)) for atomic in found["energies"]]
        if not derivatives:
            return [Result(energy) for energy in energies]
        forces = [np.asarray(each, dtype=float).reshape(-1, 3) for each in found["forces"]]
        stresses = [_voigt(np.asarray(each, dtype=float)) for each in found.get("stress", [])]
        return [Result(*each) for each in zip(energies, forces, stresses or [None] * len(energies), strict=True)]


def _voigt(stress: np.ndarray) -> np.ndarray:
    symmetric = (stress + stress.T) / 2
    return symmetric.ravel()[list(VOIGT)]


def _read(name: str, path: Path) -> AtomisticModel:
    try:
        if path.suffix != ".ckpt":
            return load_atomistic_model(str(path))
        from metatrain.utils.io import load_model

        with warnings.catch_warnings():
            # the rank-2 target of PET models is the stress, which is what the warning wants to know
            warnings.filterwarnings("ignore", message="PET assumes that Cartesian tensors")
            return load_model(str(path)).export()
    except Exception as error:
        # torch, zip, pickle and metatensor each have their own exceptions for a file that is not a model
        text = " ".join(str(error).split())[:300]
        raise PotentialFailure(
            "checkpoint", f"{name}: the checkpoint {path} cannot be read ({type(error).__name__}: {text})."
        ) from error


def _options(name: str, model: AtomisticModel, direct: bool, variant: str | None) -> dict[str, Any]:
    """What the package's calculator is told about forces and variants; the model has to have them."""
    outputs = list(model.capabilities().outputs)
    variants = [key.partition("/")[2] for key in outputs if key.startswith("energy/")]
    if variant is not None and variant not in variants:
        raise UserError(f"models: {name}.loader.variant: unknown variant {variant!r}{near_misses(variant, variants)}")
    if variant is None and variants and "energy" not in outputs:
        raise UserError(f"models: {name}.loader.variant: the model has several energies, choose one of {variants}.")
    if direct and not any(key.startswith("non_conservative_force") for key in outputs):
        raise UserError(f"models: {name}.loader.non_conservative: this model has no direct forces; leave it out.")
    chosen = {} if variant is None else {"variants": {"energy": variant}}
    return {"non_conservative": direct, "uncertainty_threshold": None, **chosen}


def _calculator(model: AtomisticModel, place: torch.device, options: Mapping[str, Any]) -> Calculator:
    return MetatomicCalculator(model, device=str(place), **options)
