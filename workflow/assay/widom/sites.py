"""What a guest sits at: a metal, the linker, the open pore, or nothing that could be.

Classes by distance, in this order: ``overlap`` (nearer than any bond, see `assay.contacts`), ``metal`` (an atom
of the guest within `COORDINATION` sums of covalent radii of a metal: 3.1 Å for Mg-O, between the 2.2 to 2.6 Å at which
CO2 sits at open metal sites and the 4 Å and more from where it sits at the linker), ``linker`` (within `CONTACT` sums
of van der Waals radii of another atom of the host), ``pore``.
Covalent radii: Cordero et al., doi:10.1039/b801115j; van der Waals radii: Alvarez, doi:10.1039/c3dt50599e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.vdw_alvarez import vdw_radii
from ase.geometry import find_mic

from assay.contacts import OVERLAP_FRACTION
from assay.elements import are_metals

SITES = ("metal", "linker", "pore", "overlap")
COORDINATION = 1.5
CONTACT = 1.1


@dataclass(frozen=True)
class Site:
    """Where a configuration is.

    Attributes
    ----------
    site : str
        One of `SITES`.
    metal : str or None
        Symbol of the metal that the guest is nearest to; None in a host without metals.
    metal_distance_A : float or None
        From that metal to the nearest atom of the guest.
    angle_deg : float or None
        At that atom of the guest, between the metal and the atom that it is bonded to; None for a single atom.
    closest_fraction : float
        Least distance between guest and host in sums of covalent radii.
    """

    site: str
    metal: str | None
    metal_distance_A: float | None
    angle_deg: float | None
    closest_fraction: float


def locate(host: Atoms, guest: Atoms, overlap_fraction: float = OVERLAP_FRACTION) -> Site:
    """Classify one configuration of a guest in a periodic host.

    Parameters
    ----------
    host : Atoms
    guest : Atoms
        At its place; images of the host are taken into account.
    overlap_fraction : float
        Below this fraction of covalent radii a contact is an overlap.
    """
    pairs = (guest.positions[:, None, :] - host.positions).reshape(-1, 3)
    vectors, distances = find_mic(pairs, host.cell, host.pbc)
    distances, vectors = distances.reshape(len(guest), -1), vectors.reshape(len(guest), -1, 3)
    fractions = distances / (covalent_radii[guest.numbers][:, None] + covalent_radii[host.numbers])
    contacts = distances / (vdw_radii[guest.numbers][:, None] + vdw_radii[host.numbers])
    metals = are_metals(host.numbers)
    site = site_class(fractions, contacts, metals, overlap_fraction)
    closest = float(fractions.min())
    if not metals.any():
        return Site(site, None, None, None, closest)
    among = np.where(metals, distances, np.inf)
    atom, metal = np.unravel_index(np.argmin(among), among.shape)
    angle = _angle(guest.positions, int(atom), -vectors[atom, metal])
    return Site(site, chemical_symbols[host.numbers[metal]], float(among[atom, metal]), angle, closest)


def site_class(fractions: np.ndarray, contacts: np.ndarray, metals: np.ndarray, overlap_fraction: float) -> str:
    """The class of one configuration.

    Parameters
    ----------
    fractions, contacts : ndarray, shape (m, n)
        Distances between the guest's and the host's atoms in sums of covalent and of van der Waals radii. NaN where
        there is no such radius.
    metals : ndarray of bool, shape (n,)
        Which atoms of the host are metals.
    overlap_fraction : float

    Returns
    -------
    str
        One of `SITES`.
    """
    if fractions.min() < overlap_fraction:
        return "overlap"
    if (fractions[:, metals] < COORDINATION).any():
        return "metal"
    if (contacts[:, ~metals] < CONTACT).any():
        return "linker"
    return "pore"


def _angle(positions: np.ndarray, atom: int, towards_metal: np.ndarray) -> float | None:
    """Angle (degrees) at an atom of the guest between the metal and the next atom of the guest."""
    if len(positions) == 1:
        return None
    bonds = np.delete(positions, atom, axis=0) - positions[atom]
    bond = bonds[np.argmin(np.linalg.norm(bonds, axis=1))]
    cosine = bond @ towards_metal / (np.linalg.norm(bond) * np.linalg.norm(towards_metal))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
