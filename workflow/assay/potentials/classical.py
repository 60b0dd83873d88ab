"""Ase's own Lennard-Jones, EMT and Morse potentials: baselines, and potentials with known answers for tests.

Lennard-Jones: Proc. Phys. Soc. 43, 461 (1931), doi:10.1088/0959-5309/43/5/301.
EMT: Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
Morse: Phys. Rev. 34, 57 (1929), doi:10.1103/PhysRev.34.57.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ase.calculators import emt
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential

from assay.failures import UserError, near_misses
from assay.potentials.ase_calculator import from_factory
from assay.potentials.base import Potential

LENNARD_JONES = {"epsilon_eV": "epsilon", "sigma_A": "sigma", "cutoff_A": "rc", "onset_A": "ro", "smooth": "smooth"}
MORSE = {key: key for key in ("epsilon", "r0", "rho0", "rcut1", "rcut2")}
EMT = {"asap_cutoff": "asap_cutoff"}

KINDS: dict[str, tuple[Callable[..., Calculator], dict[str, str]]] = {
    "lennard-jones": (LennardJones, LENNARD_JONES),
    "emt": (emt.EMT, EMT),
    "morse": (MorsePotential, MORSE),
}
"""Calculator and its parameters (the entry's key -> ase's) by `loader.kind`."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {kind: lennard-jones | emt | morse, ...}``.

    Lennard-Jones takes ``epsilon_eV``, ``sigma_A``, ``cutoff_A`` (default 3 sigma; the energy is shifted to zero
    there) and, for forces that go to zero smoothly between ``onset_A`` and the cutoff, ``smooth: true``. Morse takes
    ase's names: ``epsilon`` (eV), ``r0`` (Å), ``rho0``, and ``rcut1``, ``rcut2`` in units of r0.

    Raises
    ------
    UserError
        On an unknown kind, an unknown parameter, or a device other than the CPU.
    """
    name, loader = entry["name"], dict(entry["loader"])
    kind = loader.pop("kind", None)
    if kind not in KINDS:
        raise UserError(f"models: {name}.loader.kind: unknown kind {kind!r}{near_misses(str(kind), KINDS)}")
    if device != "cpu":
        raise UserError(f"models: {name}: classical potentials run on the CPU only; choose the device cpu.")
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
