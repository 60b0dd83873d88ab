"""Curves of homonuclear pairs: spin-polarised PBE with GPAW, the lowest spin state at every distance.

Each spin state is followed from large distances inwards in one fixed box, and the lowest energy among the states is the
curve. Every distance is continued from the one before where the atoms are spherical; atoms with a partly filled p or d
shell start afresh, since the orientation of the shells that far atoms happen to have can be the wrong one for the bond.
Antiparallel starting moments let a pair dissociate into its atoms (doi:10.1103/PhysRevB.13.4274). Occupations are
integers: smearing would fill the degenerate shells of stretched pairs with fractions of electrons, which costs up to
half an electronvolt. Where self-consistency with a mixed density fails, the energy is minimised directly in the space
of orbitals (doi:10.1016/j.cpc.2021.108047).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii, ground_state_magnetic_moments

from assay.failures import UserError, near_misses
from assay.records import write_json
from assay.references.gpaw_code import LEVEL_OF_THEORY, Code, Scheme
from assay.references.gpaw_settings import DiatomicSettings
from assay.references.points import PointStore, geometry

SCHEMES = (
    Scheme("davidson-msr1", {"name": "davidson", "niter": 2}, {"backend": "msr1", "beta": 0.2, "weight": 1}, 40),
    Scheme("etdm", {"name": "etdm-fdpw", "converge_unocc": False}, {"backend": "no-mixing"}, 70),
    Scheme(
        "davidson-pulay",
        {"name": "davidson", "niter": 3},
        {"backend": "pulay", "beta": 0.05, "nmaxold": 8, "weight": 20},
        90,
    ),
)
"""Tried in this order until a point converges; for stretched pairs of open shells, whose orbitals are nearly degenerate
and slosh under density mixing, the direct minimisation comes first."""

STRETCHED = 1.4
"""Distance in units of the bond length beyond which a pair counts as stretched."""

BOND_LENGTHS_A = MappingProxyType(
    {
        **{"H": 0.741, "Li": 2.673, "C": 1.243, "N": 1.098, "O": 1.208, "F": 1.412, "Na": 3.079, "Si": 2.246},
        **{"Cl": 1.988, "Cu": 2.220, "He": 2.97, "Ne": 3.09, "Mg": 3.89, "Ar": 3.76},
    }
)
"""Bond lengths (Huber and Herzberg 1979, doi:10.1007/978-1-4757-0961-2; of the van der Waals pairs about), around
which the distances are dense; other elements take twice the covalent radius (doi:10.1039/b801115j)."""

WIDE_DISTANCES_A = (*(0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.9, 2.2, 2.6, 3.2, 4.0, 4.5, 5.0, 6.0),)
BOND_FACTORS = (0.88, 0.92, 0.96, 0.98, 1.0, 1.02, 1.04, 1.08, 1.14)

SPHERICAL_ATOMS = frozenset(
    {
        *("H", "Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Sr", "Ba", "Cu", "Ag", "Au", "Zn", "Cd", "Hg"),
        *("N", "P", "As", "Sb", "Bi", "He", "Ne", "Ar", "Kr", "Xe", "Rn"),
    }
)
"""Elements whose atoms have closed and half-filled shells only: their state has no orientation to lose."""

DEEPEST_WELL_EV = 25.0
"""No pair of atoms is bound by half as much: an energy lower than that is a runaway of the density mixing."""


@dataclass(frozen=True)
class SpinState:
    """Where a calculation starts.

    Attributes
    ----------
    total_moment : int
        Unpaired electrons of the pair, kept fixed.
    local_moment : int
        Starting moment +m on one atom and -m on the other, in addition.
    polarised : bool
        False for a closed shell, which is computed without spin.
    """

    total_moment: int
    local_moment: int
    polarised: bool = True

    @property
    def label(self) -> str:
        """For file names: ``M0-afm3``, ``M2`` or ``closed``."""
        if not self.polarised:
            return "closed"
        return f"M{self.total_moment}" + (f"-afm{self.local_moment}" if self.local_moment else "")


def atomic_moment(element: str) -> int:
    """Unpaired electrons of the isolated atom (Hund's rules).

    Raises
    ------
    UserError
        If there is no such element.
    """
    if element not in atomic_numbers or atomic_numbers[element] == 0:
        raise UserError(f"element {element!r}: no such element{near_misses(element, chemical_symbols[1:])}")
    return round(float(ground_state_magnetic_moments[atomic_numbers[element]]))


def spin_states(element: str, *, all_states: bool) -> list[SpinState]:
    """The states that are tried for a pair: antiparallel atoms, the triplet, and (if asked for) parallel atoms."""
    moment = atomic_moment(element)
    if moment == 0:
        return [SpinState(0, 0, polarised=False)]
    states = [SpinState(0, moment)]
    if moment == 2 or all_states:
        states += [SpinState(total, 0) for total in sorted({2, 2 * moment})]
    return states


def typical_bond_length(element: str) -> float:
    """Where (Å) the distances of a curve are dense."""
    return float(BOND_LENGTHS_A.get(element, 2 * covalent_radii[atomic_numbers[element]]))


def schemes_at(element: str, distance_A: float) -> Sequence[Scheme]:
    """`SCHEMES` in the order in which they are tried at a distance."""
    if element in SPHERICAL_ATOMS or distance_A < STRETCHED * typical_bond_length(element):
        return SCHEMES
    return sorted(SCHEMES, key=lambda scheme: scheme.name != "etdm")


def pair_distances(element: str) -> np.ndarray:
    """Distances (Å) of a curve, ascending: 0.5 to 6 Å, dense around the bond; 24 or more."""
    bond = typical_bond_length(element)
    dense = np.round([factor * bond for factor in BOND_FACTORS], 3)
    wide = [r for r in WIDE_DISTANCES_A if r in (0.5, 6.0) or np.abs(dense - r).min() > 0.01 * r]
    dense = dense[(dense > 0.5) & (dense < 6.0)]
    return np.array(sorted({*wide, *dense.tolist()}))


class Curve:
    """One element's curve, point by point.

    Parameters
    ----------
    element : str
        Chemical symbol.
    settings : DiatomicSettings
        How.
    code : Code
        With what.
    workdir : Path
        Finished points and logs.
    say : callable
        Takes one line of progress.
    distances_A : sequence of float, optional
        Instead of `pair_distances`.
    """

    def __init__(
        self,
        element: str,
        settings: DiatomicSettings,
        code: Code,
        workdir: Path,
        say: Callable[[str], None] = print,
        distances_A: Sequence[float] | None = None,
    ) -> None:
        self.element = element
        self.moment = atomic_moment(element)
        self.settings = settings
        self.code = code
        self.workdir = Path(workdir)
        self.say = say
        self.states = spin_states(element, all_states=settings.all_spin_states)
        self.distances_A = np.sort(pair_distances(element) if distances_A is None else np.asarray(distances_A, float))
        self.versions = code.versions()
        self.store = PointStore(self.workdir / "points", [self.versions, [asdict(scheme) for scheme in SCHEMES]])

    def parameters(self, polarised: bool) -> dict[str, Any]:
        """What all schemes share, in GPAW's words."""
        return {
            "cutoff_eV": self.settings.cutoff(self.element),
            "mode_options": {"force_complex_dtype": self.settings.complex_orbitals},
            "spinpol": polarised,
            "symmetry": "off",
            "occupations": {"name": "fixed-uniform"},
            # Integer occupations need at least one empty band above the majority spin's.
            "nbands": -2,
        }

    def pair(self, distance_A: float, state: SpinState) -> Atoms:
        """Two atoms along the last edge of the box, centred, with the state's starting moments."""
        atoms = Atoms(
            [self.element] * 2, [(0, 0, 0), (0, 0, distance_A)], cell=self.settings.box(self.element), pbc=True
        )
        atoms.center()
        half = state.total_moment / 2
        atoms.set_initial_magnetic_moments([half + state.local_moment, half - state.local_moment])
        return atoms

    def atom(self) -> dict:
        """The isolated atom in the same box, with its Hund moment."""
        atoms = Atoms([self.element], cell=self.settings.box(self.element), pbc=True)
        atoms.center()
        atoms.set_initial_magnetic_moments([self.moment])
        follower = _Follower(self, "atom", polarised=self.moment > 0, floor_eV=-math.inf)
        point = follower.point(atoms)
        self._report("atom", point)
        return point

    def follow(self, state: SpinState, floor_eV: float) -> list[dict]:
        """All distances of one spin state, from the largest inwards; returned ascending."""
        follower = _Follower(self, state.label, polarised=state.polarised, floor_eV=floor_eV)
        points = []
        for distance in self.distances_A[::-1]:
            if self.element not in SPHERICAL_ATOMS:
                follower.live = None
            schemes = schemes_at(self.element, distance)
            point = follower.point(self.pair(distance, state), f"{distance:.3f}", schemes)
            self._report(f"{state.label} {distance:.3f} Å", point)
            points.append(point)
        return points[::-1]

    def _report(self, what: str, point: Mapping[str, Any]) -> None:
        energy = "no energy" if point["energy_eV"] is None else f"E = {point['energy_eV']:.5f} eV"
        self.say(
            f"{self.element}: {what}: {energy}, {point['scheme']}, {point['iterations']} iterations,"
            f" {point['wall_s']:.0f} s{'' if point['converged'] else ', NOT CONVERGED'}"
        )


class _Follower:
    """Computes one point after another, each continued from the orbitals of the one before."""

    def __init__(self, curve: Curve, name: str, *, polarised: bool, floor_eV: float) -> None:
        self.curve = curve
        self.name = name
        self.floor_eV = floor_eV
        self.parameters = curve.parameters(polarised)
        self.live: tuple[Scheme, Any, Path] | None = None

    def point(self, atoms: Atoms, label: str = "", schemes: Sequence[Scheme] = SCHEMES) -> dict:
        """A point found on disk or computed."""
        name = f"{self.name}-{label}" if label else self.name
        identity = (geometry(atoms), self.parameters)
        point = self.curve.store.get(name, *identity)
        if point is not None:
            self.live = None
            return point
        return self.curve.store.put(name, self._compute(atoms, name, schemes), *identity)

    def _compute(self, atoms: Atoms, name: str, schemes: Sequence[Scheme]) -> dict:
        started = time.monotonic()
        attempts = []
        if self.live is not None:
            attempts.append(self._attempt(atoms, *self.live, continued=True))
        for scheme in schemes:
            if attempts and attempts[-1]["converged"]:
                break
            log = self.curve.workdir / "logs" / f"{name}.{scheme.name}.txt"
            log.parent.mkdir(parents=True, exist_ok=True)
            calculator = self.curve.code.calculator(
                {
                    **self.parameters,
                    "eigensolver": dict(scheme.eigensolver),
                    "mixer": dict(scheme.mixer),
                    "maxiter": scheme.maximum_iterations,
                },
                log,
            )
            attempts.append(self._attempt(atoms, scheme, calculator, log, continued=False))
        best = attempts[-1]
        if not best["converged"]:
            self.live = None
            with_energy = [attempt for attempt in attempts if attempt["energy_eV"] is not None]
            best = min(with_energy, key=lambda attempt: attempt["density_residual"], default=best)
        failed = [attempt["scheme"] for attempt in attempts if not attempt["converged"]]
        return {**best, "failed_schemes": failed, "wall_s": time.monotonic() - started}

    def _attempt(self, atoms: Atoms, scheme: Scheme, calculator: Any, log: Path, *, continued: bool) -> dict:
        """One scheme on one geometry; what it found, converged or not."""
        atoms = atoms.copy()
        atoms.calc = calculator
        point: dict[str, Any] = {"scheme": scheme.name, "continued": continued, "converged": True}
        try:
            point["energy_eV"] = atoms.get_potential_energy()
            point["forces_eV_A"] = atoms.get_forces()
            point["magnetic_moment"] = float(atoms.get_magnetic_moment()) if self.parameters["spinpol"] else 0.0
        except Exception as error:
            if not self.curve.code.not_converged(error):
                raise
            point.update(converged=False, energy_eV=None, forces_eV_A=None, magnetic_moment=None)
        end = self.curve.code.iterations(log)
        point["iterations"] = end.count
        point["energy_change_eV"] = end.energy_change_eV
        point["density_residual"] = end.density_residual
        if not point["converged"]:
            point["energy_eV"] = end.energy_eV if math.isfinite(end.energy_eV) else None
        if point["energy_eV"] is not None and point["energy_eV"] < self.floor_eV:
            point.update(converged=False, energy_eV=None, forces_eV_A=None)
        self.live = (scheme, calculator, log) if point["converged"] else None
        return point


def lowest(candidates: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The candidate of lowest energy among the converged ones; if there is none, among all that have an energy."""
    pool = [candidate for candidate in candidates if candidate["converged"]] or [
        candidate for candidate in candidates if candidate["energy_eV"] is not None
    ]
    return min(pool or candidates, key=lambda candidate: math.inf if not pool else candidate["energy_eV"])


def make_curve(
    element: str,
    settings: DiatomicSettings,
    code: Code,
    *,
    workdir: Path,
    output: Path,
    say: Callable[[str], None] = print,
    distances_A: Sequence[float] | None = None,
) -> dict:
    """Compute a pair's curve and write it.

    Returns
    -------
    dict
        What was written: `curve_record`.
    """
    curve = Curve(element, settings, code, workdir, say, distances_A)
    atom = curve.atom()
    floor = 2 * atom["energy_eV"] - DEEPEST_WELL_EV if atom["converged"] else -math.inf
    branches = {state: curve.follow(state, floor) for state in curve.states}
    record = curve_record(curve, atom, branches)
    write_json(output, record)
    return record


def curve_record(curve: Curve, atom: dict, branches: Mapping[SpinState, list[dict]]) -> dict:
    """The curve as it is written: one entry per distance, the lowest spin state, all candidates beside it."""
    points = []
    for index, distance in enumerate(curve.distances_A):
        candidates = [
            {**asdict(state), **{key: points_of_state[index][key] for key in CANDIDATE_KEYS}}
            for state, points_of_state in branches.items()
        ]
        winner = lowest(candidates)
        forces = branches[curve.states[candidates.index(winner)]][index]["forces_eV_A"]
        points.append(
            {"distance_A": float(distance), **{key: winner[key] for key in WINNER_KEYS}, "forces_eV_A": forces}
            | {"candidates": candidates}
        )
    wall = atom["wall_s"] + sum(point["wall_s"] for branch in branches.values() for point in branch)
    return {
        "element": curve.element,
        "level_of_theory": LEVEL_OF_THEORY,
        "code": "GPAW",
        "versions": curve.versions,
        "settings": {
            "name": curve.settings.name,
            "cutoff_eV": curve.settings.cutoff(curve.element),
            "box_A": curve.settings.box(curve.element),
            "complex_orbitals": curve.settings.complex_orbitals,
            "occupations": "fixed-uniform",
            "schemes": [asdict(scheme) for scheme in SCHEMES],
            "spin_states": [asdict(state) for state in curve.states],
        },
        "atom_energy_eV": atom["energy_eV"],
        "atom": {key: value for key, value in atom.items() if key != "fingerprint"},
        "distances_A": curve.distances_A,
        "energies_eV": [point["energy_eV"] for point in points],
        "forces_eV_A": [None if point["forces_eV_A"] is None else point["forces_eV_A"][1][2] for point in points],
        "converged": [point["converged"] for point in points],
        "points": points,
        "wall_s": wall,
    }


CANDIDATE_KEYS = (
    *("energy_eV", "converged", "scheme", "continued", "failed_schemes", "iterations"),
    *("energy_change_eV", "density_residual", "magnetic_moment", "wall_s"),
)
WINNER_KEYS = (
    "energy_eV",
    "converged",
    "scheme",
    "iterations",
    "energy_change_eV",
    "density_residual",
    "magnetic_moment",
)
