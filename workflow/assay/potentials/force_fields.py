"""Classical force fields of rigid frameworks and guest molecules: their parameters, and which atom has which.

A force field here is what adsorption studies use: Lennard-Jones or Buckingham interactions and point charges between
the guests' atoms and those of a rigid framework, and among the guests; harmonic bonds and angles if the guests are
flexible. Atoms of the framework do not interact with one another except by their charges, whose energy is a constant of
the rigid framework. Atoms of one molecule interact by bonds and angles only.

Mixing: ``lorentz-berthelot`` takes the mean of sigma and the geometric mean of epsilon (Lorentz, Ann. Phys. 248, 127
(1881), doi:10.1002/andp.18812480110; Berthelot, C. R. Acad. Sci. 126, 1703 (1898)), ``geometric`` that of both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from assay.failures import PotentialFailure
from assay.potentials.force_field_pairs import COULOMB_EV_A, FLOOR_A, HARD_CORE_A, LennardJones, Pair


@dataclass(frozen=True)
class Site:
    """A kind of atom: ``charge_e`` is None for framework atoms whose charges come with the structure."""

    name: str
    element: str
    epsilon_eV: float
    sigma_A: float
    charge_e: float | None


@dataclass(frozen=True)
class Bond:
    """``constant/2 (r - length)**2`` between two kinds of atoms of one molecule."""

    sites: tuple[str, str]
    length_A: float
    constant_eV_A2: float


@dataclass(frozen=True)
class Angle:
    """``constant/2 (theta - angle)**2`` at the second of three kinds of atoms."""

    sites: tuple[str, str, str]
    angle_deg: float
    constant_eV_rad2: float


@dataclass(frozen=True)
class ForceField:
    """Parameters of a force field in eV, Å and e.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the file.
    mixing : str
        ``lorentz-berthelot`` or ``geometric``.
    cutoff_A : float
        Of all but the electrostatic interactions.
    shifted : bool
        Whether a pair's energy is shifted to zero at the cut-off, or cut off as it is. No tail corrections.
    framework_charges : str
        ``structure``: the structure's own; ``sites``: the sites'; ``none``.
    framework, guest : dict of str to Site
        By name. A name belongs to one of both.
    pairs : dict of frozenset to Pair
        Interactions that do not follow from mixing, by the names of both sites.
    bonds : tuple of Bond
    angles : tuple of Angle
    """

    path: Path
    sha256: str
    mixing: str
    cutoff_A: float
    shifted: bool
    framework_charges: str
    framework: dict[str, Site]
    guest: dict[str, Site]
    pairs: dict[frozenset[str], Pair]
    bonds: tuple[Bond, ...]
    angles: tuple[Angle, ...]

    def pair(self, one: str, other: str) -> Pair | None:
        """The interaction of two kinds of atoms; None between two atoms of the framework."""
        if one in self.framework and other in self.framework:
            return None
        explicit = self.pairs.get(frozenset((one, other)))
        if explicit is not None:
            return explicit
        first, second = self.site(one), self.site(other)
        geometric = math.sqrt(first.sigma_A * second.sigma_A)
        sigma_A = geometric if self.mixing == "geometric" else (first.sigma_A + second.sigma_A) / 2
        return LennardJones(math.sqrt(first.epsilon_eV * second.epsilon_eV), sigma_A)

    def site(self, name: str) -> Site:
        """The site of this name."""
        return self.guest[name] if name in self.guest else self.framework[name]

    @property
    def elements(self) -> frozenset[str]:
        """The symbols of all sites."""
        return frozenset(site.element for site in (*self.framework.values(), *self.guest.values()))

    def assign(self, atoms: Atoms) -> Assignment:
        """What every atom of a structure is to the force field.

        An atom is one of a guest molecule if its label in ``site`` is that of a guest's site, or if the force field has
        no framework. Where the label says no more than the element, the number in ``molecule`` decides, which is
        negative in the framework. A label is looked up as it is, then without the number at its end, then the element
        is, if only one site is of it.

        Raises
        ------
        PotentialFailure
            ``unsupported_element`` for atoms that are no site; ``error`` if guest atoms come without the array
            ``molecule``, or the framework without the charges that the force field leaves to it.
        """
        symbols = atoms.get_chemical_symbols()
        labels = _labels(atoms)
        molecules = atoms.arrays.get("molecule")
        # ase fills the numbers of a framework that has none with zeros: without negative ones they tell nothing
        numbered = molecules is not None and (not atoms.has("site") or (molecules < 0).any())
        names = []
        for place, (label, symbol) in enumerate(zip(labels, symbols, strict=True)):
            by_number = numbered and label in ("", symbol) and molecules[place] >= 0
            known = self.guest if label in self.guest or by_number or not self.framework else self.framework
            names.append(_matching(label, symbol, known))
        self._require_sites(atoms, names, labels)
        guest = np.array([name in self.guest for name in names], dtype=bool)
        if guest.any() and molecules is None:
            raise PotentialFailure(
                "error",
                f"the guest atoms of {atoms.get_chemical_formula()} come without the array `molecule`,"
                f" which {self.path.name} needs to know what is bonded.",
            )
        numbers = np.where(guest, molecules if molecules is not None else 0, -1).astype(int)
        return Assignment(tuple(names), numbers, self._charges(atoms, names, guest))

    def assign_guest(self, guest: Atoms) -> Assignment:
        """What every atom of a single guest molecule is; where labels say no more than the element, it decides.

        Raises
        ------
        PotentialFailure
            ``unsupported_element`` for atoms that are no site of a guest.
        """
        symbols = guest.get_chemical_symbols()
        labels = [label if label != symbol else "" for label, symbol in zip(_labels(guest), symbols, strict=True)]
        names = [_matching(label, symbol, self.guest) for label, symbol in zip(labels, symbols, strict=True)]
        self._require_sites(guest, names, labels)
        charges_e = np.array([self.guest[name].charge_e for name in names])
        return Assignment(tuple(names), np.zeros(len(guest), dtype=int), charges_e)

    def _require_sites(self, atoms: Atoms, names: Sequence[str], labels: Sequence[str]) -> None:
        symbols = atoms.get_chemical_symbols()
        unknown = {label or symbol for label, symbol, name in zip(labels, symbols, names, strict=True) if not name}
        if unknown:
            raise PotentialFailure(
                "unsupported_element",
                f"{self.path.name} has no site for {', '.join(sorted(unknown))} of {atoms.get_chemical_formula()};"
                f" label the atoms in the array `site` with {', '.join((*self.framework, *self.guest))}.",
            )

    def _charges(self, atoms: Atoms, names: Iterable[str], guest: np.ndarray) -> np.ndarray:
        charges = np.array([self.site(name).charge_e or 0.0 for name in names])
        if self.framework_charges == "structure" and not guest.all():
            if not atoms.has("initial_charges"):
                raise PotentialFailure(
                    "error",
                    f"{self.path.name} takes the framework's charges from the structure, and"
                    f" {atoms.get_chemical_formula()} has none; give a structure with charges (`_atom_site_charge`).",
                )
            charges[~guest] = atoms.get_initial_charges()[~guest]
        elif self.framework_charges == "none":
            charges[~guest] = 0.0
        return charges


@dataclass(frozen=True)
class Assignment:
    """A structure's atoms as a force field sees them.

    Attributes
    ----------
    names : tuple of str
        Of the atoms' sites.
    molecules : ndarray of int, shape (n,)
        The number of the molecule that an atom belongs to; -1 in the framework.
    charges_e : ndarray, shape (n,)
    """

    names: tuple[str, ...]
    molecules: np.ndarray
    charges_e: np.ndarray

    @property
    def guest(self) -> np.ndarray:
        """Which atoms belong to guest molecules."""
        return self.molecules >= 0


def _labels(atoms: Atoms) -> list[str]:
    """The labels of all atoms; an empty text where ase has filled up what was appended."""
    if not atoms.has("site"):
        return [""] * len(atoms)
    return [label if isinstance(label, str) else "" for label in atoms.arrays["site"]]


def _matching(label: str, symbol: str, known: Mapping[str, Site]) -> str:
    """The name of an atom's site, or an empty text.

    A label with an underscore or the like is a name for a site, not an element with a number: it must be known.
    """
    for name in (label, label.rstrip("0123456789")):
        if name in known:
            return name
    if label and not label.isalnum():
        return ""
    of_element = [name for name, site in known.items() if site.element == symbol]
    return of_element[0] if len(of_element) == 1 else ""


def pair_energies(
    force_field: ForceField,
    positions_a_A: np.ndarray,
    positions_b_A: np.ndarray,
    sites: Sequence[str],
) -> np.ndarray:
    """Energies of many pairs of two like molecules in vacuum, as second virial coefficients need them.

    Plain sums over pairs of atoms, without cut-off and without images.

    Parameters
    ----------
    force_field : ForceField
        Its cut-off and its shift play no part.
    positions_a_A, positions_b_A : ndarray, shape (n, m, 3)
        Atoms of the one and of the other molecule (Å).
    sites : sequence of str
        The atoms' sites in the force field, m names.

    Returns
    -------
    ndarray, shape (n,)
        Energies (eV), zero at infinite distance; infinite where atoms are within 0.5 Å of each other, never NaN.

    Raises
    ------
    ValueError
        If the shapes do not agree.
    """
    one, other = np.asarray(positions_a_A, dtype=float), np.asarray(positions_b_A, dtype=float)
    if one.shape != other.shape or one.ndim != 3 or one.shape[1:] != (len(sites), 3):
        raise ValueError(f"expected two arrays of shape (n, {len(sites)}, 3), got {one.shape} and {other.shape}")
    energies = np.zeros(len(one))
    for i, first in enumerate(sites):
        for j, second in enumerate(sites):
            distances = np.linalg.norm(one[:, i] - other[:, j], axis=1)
            inside = np.maximum(distances, FLOOR_A)
            charges = force_field.site(first).charge_e * force_field.site(second).charge_e
            energies += force_field.pair(first, second).energies(inside) + COULOMB_EV_A * charges / inside
            energies[distances < HARD_CORE_A] = np.inf
    return energies
