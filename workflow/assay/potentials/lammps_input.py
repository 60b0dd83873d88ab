"""A force field and a structure as LAMMPS takes them: its data file and its commands, in ``units metal``.

Every pair of atoms within a molecule is a bond to LAMMPS, with a constant of zero where the force field has none: that
is how it leaves out their other interactions, and what the Ewald sum counts between them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from assay.potentials.force_field_pairs import WALL_EV, Buckingham, LennardJones
from assay.potentials.force_fields import Assignment, ForceField

EWALD_ACCURACY = 1e-6
"""Error of electrostatic forces, relative to that between two elementary charges at 1 Å."""

MESH_FROM_ATOMS = 2000
"""From so many charges on, the reciprocal sum is done on a mesh (PPPM)."""

SKIN_A = 1.0


@dataclass(frozen=True)
class Topology:
    """What LAMMPS calls types, bonds and angles. Atoms count from zero, types from one.

    Attributes
    ----------
    names : tuple of str
        The site of each type of atom.
    types : ndarray of int, shape (n,)
    elements : tuple of str
        Of the types of atoms.
    bond_coefficients, angle_coefficients : tuple of (float, float)
        ``K`` (eV/Å², eV/rad²) of LAMMPS's ``K x**2``, and the length (Å) or the angle (degrees), by type.
    bonds, angles : tuple of int tuples
        Type and atoms.
    """

    names: tuple[str, ...]
    types: np.ndarray
    elements: tuple[str, ...]
    bond_coefficients: tuple[tuple[float, float], ...]
    angle_coefficients: tuple[tuple[float, float], ...]
    bonds: tuple[tuple[int, int, int], ...]
    angles: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of(cls, force_field: ForceField, assignment: Assignment) -> Topology:
        """The topology of a structure: all bonds and angles between atoms of one molecule that the force field has."""
        sites = assignment.names
        names = tuple(sorted(set(sites)))
        bond_types = {frozenset(bond.sites): number for number, bond in enumerate(force_field.bonds, start=1)}
        angle_types: dict[tuple[str, str, str], int] = {}
        for number, angle in enumerate(force_field.angles, start=1):
            angle_types[angle.sites] = angle_types[angle.sites[::-1]] = number
        unbonded = len(bond_types) + 1
        bonds, angles = [], []
        for molecule in np.unique(assignment.molecules[assignment.guest]):
            members = np.flatnonzero(assignment.molecules == molecule).tolist()
            pairs = {
                pair: bond_types.get(frozenset(sites[i] for i in pair)) for pair in itertools.combinations(members, 2)
            }
            bonds += [(number or unbonded, *pair) for pair, number in pairs.items()]
            for centre in members:
                partners = [i for i in members if pairs.get((min(i, centre), max(i, centre)))]
                for one, other in itertools.combinations(partners, 2):
                    number = angle_types.get((sites[one], sites[centre], sites[other]))
                    if number:
                        angles.append((number, one, centre, other))
        return cls(
            names=names,
            types=np.array([names.index(site) + 1 for site in sites]),
            elements=tuple(force_field.site(name).element for name in names),
            # LAMMPS's constants have no factor of one half
            bond_coefficients=(*((bond.constant_eV_A2 / 2, bond.length_A) for bond in force_field.bonds), (0.0, 1.0)),
            angle_coefficients=tuple((angle.constant_eV_rad2 / 2, angle.angle_deg) for angle in force_field.angles),
            bonds=tuple(bonds),
            angles=tuple(angles),
        )


def data_file(topology: Topology, assignment: Assignment, positions_A: np.ndarray, box_A: np.ndarray) -> str:
    """The text of a LAMMPS data file (atom style ``full``).

    Parameters
    ----------
    topology : Topology
    assignment : Assignment
    positions_A : ndarray, shape (n, 3)
        In LAMMPS's axes and cell.
    box_A : ndarray, shape (6,)
        Edges and tilts: lx, ly, lz, xy, xz, yz.
    """
    lines = ["A structure with the sites of a force field", "", f"{len(topology.types)} atoms"]
    lines += [f"{len(topology.bonds)} bonds", f"{len(topology.angles)} angles"]
    lines += [f"{len(topology.names)} atom types", f"{len(topology.bond_coefficients)} bond types"]
    lines += [f"{len(topology.angle_coefficients)} angle types"]
    lines += [f"0 {edge_A:.17g} {axis}lo {axis}hi" for edge_A, axis in zip(box_A[:3], "xyz", strict=True)]
    if np.any(box_A[3:]):
        lines += [f"{' '.join(f'{tilt_A:.17g}' for tilt_A in box_A[3:])} xy xz yz"]
    lines += ["", "Masses", ""]
    lines += [
        f"{number} {atomic_masses[atomic_numbers[element]]:.17g}"
        for number, element in enumerate(topology.elements, start=1)
    ]
    lines += ["", "Atoms # full", ""]
    atoms = zip(assignment.molecules, topology.types, assignment.charges_e, positions_A, strict=True)
    lines += [
        f"{number} {molecule + 1} {kind} {charge:.17g} {x:.17g} {y:.17g} {z:.17g}"
        for number, (molecule, kind, charge, (x, y, z)) in enumerate(atoms, start=1)
    ]
    for title, entries in (("Bonds", topology.bonds), ("Angles", topology.angles)):
        if entries:
            lines += ["", title, ""]
            lines += [
                f"{number} {kind} {' '.join(str(atom + 1) for atom in members)}"
                for number, (kind, *members) in enumerate(entries, start=1)
            ]
    return "\n".join(lines) + "\n"


def commands(
    force_field: ForceField,
    topology: Topology,
    assignment: Assignment,
    data: Path,
    *,
    ewald_accuracy: float = EWALD_ACCURACY,
    walls: bool = True,
    room: int = 0,
    evaluated: bool = True,
) -> Iterator[str]:
    """LAMMPS's commands from an empty instance to evaluated forces.

    Parameters
    ----------
    force_field, topology, assignment
    data : Path
        The file that `data_file` wrote.
    ewald_accuracy : float
    walls : bool
        Whether Buckingham interactions have their walls. LAMMPS's own style ``buck`` has none; with them the style is
        ``lepton``, which compiles its expressions at each evaluation anew, some 2 ms for each.
    room : int
        Bonds, angles and excluded partners that an atom which comes later may have beyond those in the file.
    evaluated : bool
        Whether to end with an evaluation.
    """
    charged = bool(assignment.charges_e.any())
    yield from (
        "units metal",
        "atom_style full",
        "atom_modify map array sort 0 0",
        "box tilt large",
        "bond_style harmonic",
    )
    if topology.angle_coefficients:
        yield "angle_style harmonic"
    yield "special_bonds lj/coul 0 0 0"
    extra = " ".join(f"extra/{what}/per/atom {room}" for what in ("bond", "angle", "special")) if room else ""
    yield f'read_data "{data}" {extra}'
    for number, (constant, length_A) in enumerate(topology.bond_coefficients, start=1):
        yield f"bond_coeff {number} {constant:.17g} {length_A:.17g}"
    for number, (constant, angle_deg) in enumerate(topology.angle_coefficients, start=1):
        yield f"angle_coeff {number} {constant:.17g} {angle_deg:.17g}"
    yield from _pairs(force_field, topology, charged, walls)
    if charged:
        mesh = len(topology.types) >= MESH_FROM_ATOMS
        yield f"kspace_style {'pppm' if mesh else 'ewald'} {ewald_accuracy:g}"
    yield from (
        f"neighbor {SKIN_A} bin",
        "neigh_modify every 1 delay 0 check yes",
        "thermo_style custom pe pxx pyy pzz pyz pxz pxy",
        "thermo_modify norm no lost error",
        "thermo 1",
    )
    if evaluated:
        yield "run 0 post no"


def _pairs(force_field: ForceField, topology: Topology, charged: bool, walls: bool) -> Iterator[str]:
    cutoff = f"{force_field.cutoff_A:.17g}"
    pairs = {
        (one + 1, other + 1): force_field.pair(topology.names[one], topology.names[other])
        for one, other in itertools.combinations_with_replacement(range(len(topology.names)), 2)
    }
    has_buckingham = any(isinstance(pair, Buckingham) for pair in pairs.values())
    styles = [f"lj/cut {cutoff}"]
    styles += [f"{'lepton' if walls else 'buck'} {cutoff}"] if has_buckingham else []
    styles += [f"coul/long {cutoff}"] if charged else []
    yield f"pair_style hybrid/overlay {' '.join(styles)}"
    # no tables: interpolated electrostatics would not be the derivative of its energy
    yield f"pair_modify shift {'yes' if force_field.shifted else 'no'} table 0"
    for (one, other), pair in pairs.items():
        match pair:
            case LennardJones():
                yield f"pair_coeff {one} {other} lj/cut {pair.epsilon_eV:.17g} {pair.sigma_A:.17g}"
            case Buckingham() if walls:
                yield f'pair_coeff {one} {other} lepton "{_expression(pair)}"'
            case Buckingham():
                length_A = 1 / pair.B_1_A
                yield f"pair_coeff {one} {other} buck {pair.A_eV:.17g} {length_A:.17g} {pair.C_eV_A6:.17g}"
            case None:
                yield f"pair_coeff {one} {other} lj/cut 0 1"
    if charged:
        yield "pair_coeff * * coul/long"


def _expression(pair: Buckingham) -> str:
    """`Buckingham.energies` in the language of pair style ``lepton``."""
    core = f"{pair.core_A:.17g}"
    return (
        f"{pair.A_eV:.17g}*exp(-{pair.B_1_A:.17g}*outside) - {pair.C_eV_A6:.17g}/outside^6"
        f" + {WALL_EV:.17g}*({core}/min(r,{core}) - 1)^2; outside = max(r,{core})"
    )
