"""Ase's Lennard-Jones, EMT and Morse potentials, the repulsion of nuclei, and force fields of guests through LAMMPS.

Baselines, and potentials with known answers for tests.

Lennard-Jones: Proc. Phys. Soc. 43, 461 (1931), doi:10.1088/0959-5309/43/5/301.
EMT: Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
Morse: Phys. Rev. 34, 57 (1929), doi:10.1103/PhysRev.34.57.
ZBL: see `assay.potentials.zbl`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators import emt
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.data import chemical_symbols

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.ase_calculator import from_factory
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.force_field_files import read_force_field
from assay.potentials.guests import GuestEnergies
from assay.potentials.loading import declared_elements

LENNARD_JONES = {"epsilon_eV": "epsilon", "sigma_A": "sigma", "cutoff_A": "rc", "onset_A": "ro", "smooth": "smooth"}
MORSE = {key: key for key in ("epsilon", "r0", "rho0", "rcut1", "rcut2")}
EMT = {"asap_cutoff": "asap_cutoff"}

KINDS: dict[str, tuple[Callable[..., Calculator], dict[str, str]]] = {
    "lennard-jones": (LennardJones, LENNARD_JONES),
    "emt": (emt.EMT, EMT),
    "morse": (MorsePotential, MORSE),
}
"""Calculator and its parameters (the entry's key -> ase's) by `loader.kind`."""

ZBL = {"inner_A": 4.0, "outer_A": 6.0}
"""Between these two radii (Å) the repulsion of nuclei is switched off; at the inner one it is some meV at most."""

ZBL_ELEMENTS = frozenset(chemical_symbols[1:93])
"""Hydrogen to uranium, for which the universal screening function was made."""

FORCE_FIELD = "force-field"
FORCE_FIELD_PACKAGES = ("lammps", "torch-pme")


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {kind: lennard-jones | emt | morse | zbl | force-field, ...}``.

    Lennard-Jones takes ``epsilon_eV``, ``sigma_A``, ``cutoff_A`` (default 3 sigma; the energy is shifted to zero
    there) and, for forces that go to zero smoothly between ``onset_A`` and the cutoff, ``smooth: true``. Morse takes
    ase's names: ``epsilon`` (eV), ``r0`` (Å), ``rho0``, and ``rcut1``, ``rcut2`` in units of r0. ZBL takes the
    radii ``inner_A`` and ``outer_A`` between which it is switched off. A force field takes the ``file`` that it is
    written in (see `assay.potentials.force_field_files`).

    Raises
    ------
    UserError
        On an unknown kind, an unknown parameter, a device other than the CPU, or a force field that is not right.
    PotentialFailure
        ``environment`` if the packages that force fields need are not installed.
    """
    name, loader = entry["name"], dict(entry["loader"])
    kind = loader.pop("kind", None)
    known = (*KINDS, "zbl", FORCE_FIELD)
    if kind not in known:
        raise UserError(f"models: {name}.loader.kind: unknown kind {kind!r}{near_misses(str(kind), known)}")
    if device != "cpu":
        raise UserError(f"models: {name}: classical potentials run on the CPU only; choose the device cpu.")
    if kind == FORCE_FIELD:
        return _load_force_field(entry, device, loader)
    if kind == "zbl":
        return _load_zbl(entry, device, loader)
    factory, names = KINDS[kind]
    for key in loader.keys() - names.keys():
        raise UserError(f"models: {name}.loader.{key}: {kind} has no such parameter{near_misses(key, names)}")
    arguments = {names[key]: value for key, value in loader.items()}
    return from_factory(
        entry,
        device,
        lambda: factory(**arguments),
        elements=frozenset(emt.parameters) if kind == "emt" else None,
    )


def _load_zbl(entry: Mapping[str, Any], device: str, loader: Mapping[str, Any]) -> Potential:
    """The repulsion of nuclei and nothing else, many structures at a time."""
    from assay.potentials import zbl
    from assay.potentials.close_pairs import Batch, ClosePairs, Radii, close_pairs

    name, radii_A = entry["name"], {**ZBL, **loader}
    for key in loader.keys() - ZBL.keys():
        raise UserError(f"models: {name}.loader.{key}: zbl has no such parameter{near_misses(key, ZBL)}")
    inner_A, outer_A = radii_A["inner_A"], radii_A["outer_A"]
    if not 0 < inner_A < outer_A:
        raise UserError(
            f"models: {name}.loader: expected 0 < inner_A < outer_A; got inner_A: {inner_A}, outer_A: {outer_A}."
        )
    every = (len(chemical_symbols), len(chemical_symbols))
    radii = Radii(np.full(every, float(inner_A)), np.full(every, float(outer_A)))

    def prepare(atoms: Atoms) -> Prepared:
        pairs = close_pairs(atoms, radii)
        return Prepared((len(atoms), pairs), atoms=len(atoms), edges=0 if pairs is None else len(pairs.first))

    def forward(graphs: Sequence[tuple[int, ClosePairs | None]], wanted: frozenset[str]) -> list[Result]:
        results = [Result(0.0, np.zeros((atoms, 3)), np.zeros(6)) for atoms, _ in graphs]
        close = [place for place, (_, pairs) in enumerate(graphs) if pairs is not None]
        if close:
            repelling = zbl.evaluate(Batch.of([graphs[place][1] for place in close]), wanted)
            for place, result in zip(close, repelling, strict=True):
                results[place] = result
        return results

    def evaluate(batch: Sequence[Atoms], properties: Iterable[str]) -> list[Result]:
        return [forward([prepare(atoms).graph], frozenset(properties))[0] for atoms in batch]

    return Potential(
        name=name,
        device=device,
        dtype="float64",
        conservative=True,
        elements=declared_elements(entry, ZBL_ELEMENTS),
        prepare=prepare,
        forward=forward,
        make_package_calculator=lambda: EvaluatingCalculator(evaluate, name),
        package_calculator_name="assay.potentials.zbl.evaluate",
        native=True,
        details={"cutoff_A": float(outer_A), "inner_A": float(inner_A)},
    )


def _load_force_field(entry: Mapping[str, Any], device: str, loader: Mapping[str, Any]) -> Potential:
    """Energies of whole systems by LAMMPS, those of a guest in a fixed host by `assay.potentials.host_guest`."""
    name = entry["name"]
    for key in loader.keys() - {"file"}:
        raise UserError(f"models: {name}.loader.{key}: a force field has no such parameter{near_misses(key, ['file'])}")
    if "file" not in loader:
        raise UserError(f"models: {name}.loader: the key 'file' is missing; give the path of a force field.")
    force_field = read_force_field(Path(loader["file"]))
    try:
        versions = {package: version(package) for package in FORCE_FIELD_PACKAGES}
    except PackageNotFoundError as error:
        raise PotentialFailure(
            "environment", f"{name}: the package {error.name!r} is not installed in this environment."
        ) from error
    from assay.potentials import lammps_energies

    evaluator = lammps_energies.LammpsEvaluator(force_field)

    def interaction(host: Atoms, guest: Atoms) -> Callable[[np.ndarray], np.ndarray]:
        from assay.potentials import host_guest

        return host_guest.interaction(force_field, host, guest)

    def guests(host: Atoms, guest: Atoms) -> GuestEnergies:
        from assay.potentials import additive_guests

        return additive_guests.AdditiveGuests(force_field, host, guest)

    def evaluate(batch: Sequence[Atoms], properties: Iterable[str]) -> list[Result]:
        return [evaluator.evaluate(atoms, frozenset(properties)) for atoms in batch]

    return Potential(
        name=name,
        device=device,
        dtype="float64",
        conservative=True,
        elements=declared_elements(entry, force_field.elements),
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=evaluate,
        make_package_calculator=lambda: EvaluatingCalculator(evaluate, name),
        package_calculator_name="assay.potentials.lammps_energies.LammpsEvaluator",
        native=False,
        details={
            "cutoff_A": force_field.cutoff_A,
            "force_field": loader["file"],
            "force_field_sha256": force_field.sha256,
            "package_versions": versions,
        },
        interaction=interaction,
        guests=guests,
    )
