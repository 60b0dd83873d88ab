"""Force sets by finite displacements: lattice relaxation and displaced supercells with GPAW, written by phonopy.

The lattice is relaxed within PBE first (equation of state where symmetry fixes every site, else by the stress), then
the symmetry-inequivalent displacements of phonopy (doi:10.7566/JPSJ.92.012001) are computed in the supercell of the
campaign. The conventional cell is the unit cell of the record, and its forces are those of the code minus their mean
(the drift). No non-analytical correction.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from phonopy import Phonopy
from phonopy.structure.cells import PrimitiveMatrixAutoDefaultWarning

from assay.records import atomic_path, file_sha256, write_json
from assay.references.gpaw_code import LEVEL_OF_THEORY, Code, Scheme, single_point
from assay.references.gpaw_settings import PhononSettings, kpoint_mesh, mesh_length
from assay.references.lattice import fit_equation_of_state, positions_are_fixed, relax_cell, scaled
from assay.references.points import PointStore, geometry
from assay.structures import Crystal, to_ase, to_phonopy

SYMMETRY_TOLERANCE_A = 1e-5
MESH_LENGTH_A = 60.0
"""Mesh of wave vectors on which the maximum frequency is looked for (phonopy's length)."""

CONVERGENCE_CUTOFF_FACTOR = 1.3

SCHEMES = (
    Scheme("davidson-msr1", {"name": "davidson", "niter": 2}, {"backend": "msr1", "beta": 0.2}, 60),
    Scheme(
        "davidson-pulay",
        {"name": "davidson", "niter": 3},
        {"backend": "pulay", "beta": 0.1, "nmaxold": 5, "weight": 50},
        250,
    ),
)
"""Tried in this order; the second mixes the density more cautiously."""


class _StoredCalculator(Calculator):
    """An ASE calculator whose evaluations are single points on disk, so that a relaxation resumes where it stopped."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(self, evaluate: Callable[[Atoms, int], dict]) -> None:
        super().__init__()
        self._evaluate = evaluate
        self._count = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        # A constraint on the structure would be applied to the stored forces: what is stored is the code's own.
        free = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        point = self._evaluate(free, self._count)
        self._count += 1
        self.results = {
            "energy": point["energy_eV"],
            "forces": np.array(point["forces_eV_A"]),
            "stress": np.array(point["stress_eV_A3"]),
        }


class ForceSet:
    """One crystal's force set, point by point.

    Parameters
    ----------
    crystal : Crystal
        What is computed; its cell is the start of the relaxation.
    settings : PhononSettings
        How.
    code : Code
        With what.
    workdir : Path
        Finished points and logs.
    say : callable
        Takes one line of progress.
    """

    def __init__(
        self, crystal: Crystal, settings: PhononSettings, code: Code, workdir: Path, say: Callable[[str], None] = print
    ) -> None:
        self.crystal = crystal
        self.settings = settings
        self.code = code
        self.workdir = Path(workdir)
        self.say = say
        self.versions = code.versions()
        self.symbols = sorted(crystal.sites)
        self.cutoff_eV = settings.cutoff(self.symbols)
        self.store = PointStore(self.workdir / "points", self.versions)
        self.seconds: dict[str, float] = {}

    def evaluate(
        self, label: str, atoms: Atoms, kpoints: Sequence[int], *, cutoff_eV: float | None = None, stress: bool = False
    ) -> dict:
        """Energy, forces and (if asked for) stress of one geometry: found on disk, or computed.

        Raises
        ------
        NotConverged
            If none of `SCHEMES` reaches self-consistency.
        """
        cutoff_eV = cutoff_eV or self.cutoff_eV
        parameters = self.parameters(kpoints, cutoff_eV)

        def compute() -> dict:
            started = time.monotonic()
            point = single_point(
                atoms, self.code, SCHEMES, parameters, log=self.workdir / "logs" / f"{label}.txt", stress=stress
            )
            return {**point, "wall_s": time.monotonic() - started}

        identity = (geometry(atoms), parameters, [asdict(scheme) for scheme in SCHEMES], stress)
        point, computed = self.store.get_or_make(label, compute, *identity)
        self.seconds[label] = point["wall_s"]
        self.say(
            f"{self.crystal.case}: {label}: {len(atoms)} atoms, k {'x'.join(map(str, kpoints))},"
            f" {cutoff_eV:g} eV: E = {point['energy_eV']:.5f} eV, {point['iterations']} iterations,"
            f" {point['wall_s']:.0f} s{'' if computed else ' (found)'}"
        )
        return point

    def parameters(self, kpoints: Sequence[int], cutoff_eV: float) -> dict[str, Any]:
        """What all schemes share, in GPAW's words."""
        return {
            "cutoff_eV": cutoff_eV,
            "kpts": {"size": tuple(int(count) for count in kpoints), "gamma": True},
            "occupations": {"name": "fermi-dirac", "width": self.settings.smearing(self.symbols)},
            "convergence": {
                "density": self.settings.density_convergence,
                "forces": self.settings.force_convergence_eV_A,
            },
        }

    def relax(self) -> tuple[Atoms, dict]:
        """The conventional cell at the PBE minimum, and how it was found."""
        conventional = self.crystal.atoms()
        primitive = to_ase(_phonopy(conventional, np.eye(3, dtype=int)).primitive)
        kpoints = self.settings.lattice_kpoints(primitive.cell, self.symbols)
        if self.crystal.space_group >= 195 and positions_are_fixed(primitive):
            return self._relax_by_volume(conventional, primitive, kpoints)
        return self._relax_by_stress(conventional, kpoints)

    def _relax_by_volume(self, conventional: Atoms, primitive: Atoms, kpoints: Sequence[int]) -> tuple[Atoms, dict]:
        cells = {strain: scaled(primitive, 1 + strain) for strain in self.settings.strains}
        points = [self.evaluate(f"strain{strain:+.4f}", cell, kpoints) for strain, cell in cells.items()]
        volumes = np.array([cell.get_volume() for cell in cells.values()])
        energies = np.array([point["energy_eV"] for point in points])
        fit = fit_equation_of_state(volumes, energies)
        relaxed = scaled(conventional, (fit.volume_A3 / primitive.get_volume()) ** (1 / 3))
        self.say(
            f"{self.crystal.case}: a = {relaxed.cell.lengths()[0]:.4f} Å (start {self.crystal.cell[0]:.4f}),"
            f" B = {fit.bulk_modulus_GPa:.1f} GPa"
        )
        return relaxed, {
            "method": "third-order Birch-Murnaghan equation of state, doi:10.1103/PhysRev.71.809",
            "cutoff_eV": self.cutoff_eV,
            "kpoints": list(kpoints),
            "volumes_A3": volumes,
            "energies_eV": energies,
            "bulk_modulus_GPa": fit.bulk_modulus_GPa,
            "fit_rms_eV": fit.rms_eV,
        }

    def _relax_by_stress(self, conventional: Atoms, kpoints: Sequence[int]) -> tuple[Atoms, dict]:
        kpoints = self.settings.lattice_kpoints(conventional.cell, self.symbols)
        cutoff_eV = self.cutoff_eV * self.settings.stress_cutoff_factor
        calculator = _StoredCalculator(
            lambda atoms, step: self.evaluate(f"relax{step:03d}", atoms, kpoints, cutoff_eV=cutoff_eV, stress=True)
        )
        relaxed, steps = relax_cell(conventional, calculator, self.settings.relaxation_force_eV_A)
        return relaxed, {
            "method": "BFGS of cell and positions by stress and forces under the symmetry of the space group",
            "cutoff_eV": cutoff_eV,
            "kpoints": list(kpoints),
            "steps": steps,
            "largest_force_eV_A": float(np.abs(relaxed.get_forces()).max()),
            "largest_stress_eV_A3": float(np.abs(relaxed.get_stress()).max()),
        }

    def displacements(self, relaxed: Atoms) -> tuple[Phonopy, list[dict]]:
        """The phonopy object with forces and energies of all displaced supercells, and the points."""
        phonon = _phonopy(relaxed, self.crystal.supercell_matrix)
        phonon.generate_displacements(distance=self.settings.displacement_A, is_plusminus="auto")
        supercells = phonon.supercells_with_displacements
        kpoints = self.settings.supercell_kpoints(phonon.supercell.cell, self.symbols)
        points = [
            self.evaluate(f"displacement{number:03d}", to_ase(cell), kpoints)
            for number, cell in enumerate(supercells, 1)
        ]
        forces = np.array([point["forces_eV_A"] for point in points])
        phonon.forces = forces - forces.mean(axis=1, keepdims=True)
        phonon.supercell_energies = [point["energy_eV"] for point in points]
        return phonon, points

    def convergence_tests(self, relaxed: Atoms) -> list[dict]:
        """Maximum frequency with a higher cut-off and with denser k-points, against that of the settings.

        Everything at the same cell and in the supercell of 2 x 2 x 2 primitive cells, which may be smaller than the
        record's, with k-points as dense as the record's: what is tested is the basis and the sampling, not the reach
        of the forces.
        """
        doubled = np.rint(2 * _phonopy(relaxed, np.eye(3, dtype=int)).primitive_matrix).astype(int)
        cell = _phonopy(relaxed, doubled).supercell.cell
        own_cell = _phonopy(relaxed, self.crystal.supercell_matrix).supercell.cell
        kpoints = kpoint_mesh(cell, mesh_length(own_cell, self.settings.supercell_kpoints(own_cell, self.symbols)))
        same = np.array_equal(doubled, self.crystal.supercell_matrix)
        base_label = "displacement" if same else "test-base"
        base = self._maximum_frequency(base_label, relaxed, doubled, kpoints, self.cutoff_eV)
        denser = tuple(count + 1 for count in kpoints)
        higher = self.cutoff_eV * CONVERGENCE_CUTOFF_FACTOR
        meshes = " to ".join("x".join(map(str, mesh)) for mesh in (kpoints, denser))
        changes = {
            f"cut-off {self.cutoff_eV:g} to {higher:g} eV": ("test-cutoff", kpoints, higher),
            f"k-points {meshes}": ("test-kpoints", denser, self.cutoff_eV),
        }
        return [
            {
                "change": change,
                "supercell_matrix": doubled,
                "atoms": len(relaxed) * round(np.linalg.det(doubled)),
                "frequency_max_base_THz": base,
                "frequency_max_THz": self._maximum_frequency(label, relaxed, doubled, mesh, cutoff_eV),
            }
            for change, (label, mesh, cutoff_eV) in changes.items()
        ]

    def _maximum_frequency(
        self, label: str, relaxed: Atoms, supercell_matrix: np.ndarray, kpoints: Sequence[int], cutoff_eV: float
    ) -> float:
        phonon = _phonopy(relaxed, supercell_matrix)
        phonon.generate_displacements(distance=self.settings.displacement_A, is_plusminus="auto")
        forces = []
        for number, cell in enumerate(phonon.supercells_with_displacements, 1):
            point = self.evaluate(f"{label}{number:03d}", to_ase(cell), kpoints, cutoff_eV=cutoff_eV)
            forces.append(np.array(point["forces_eV_A"]) - np.mean(point["forces_eV_A"], axis=0))
        phonon.forces = np.array(forces)
        phonon.produce_force_constants()
        phonon.symmetrize_force_constants()
        phonon.run_mesh(MESH_LENGTH_A)
        return float(phonon.mesh.frequencies.max())

    def record(self, phonon: Phonopy, points: list[dict], relaxation: dict) -> dict:
        """What the force set is: level of theory, settings, energies, convergence, timings."""
        cell = phonon.unitcell
        lengths = np.linalg.norm(cell.cell, axis=1)
        drifts = [np.abs(np.mean(point["forces_eV_A"], axis=0)).max() for point in points]
        return {
            "case": self.crystal.case,
            "name": self.crystal.name,
            "level_of_theory": LEVEL_OF_THEORY,
            "code": "GPAW",
            "versions": self.versions,
            "settings": self.settings.name,
            "cutoff_eV": self.cutoff_eV,
            "kpoints_supercell": list(self.settings.supercell_kpoints(phonon.supercell.cell, self.symbols)),
            "occupations": {"name": "fermi-dirac", "width_eV": self.settings.smearing(self.symbols)},
            "convergence": {
                "density_electrons": self.settings.density_convergence,
                "force_eV_A": self.settings.force_convergence_eV_A,
            },
            "schemes": [asdict(scheme) for scheme in SCHEMES],
            "relaxation": relaxation,
            "cell_lengths_A": lengths,
            "unit_cell_A": cell.cell,
            "scaled_positions": cell.scaled_positions,
            "symbols": cell.symbols,
            "supercell_matrix": phonon.supercell_matrix,
            "atoms_in_supercell": len(phonon.supercell),
            "displacement_A": self.settings.displacement_A,
            "displacements": [
                {
                    "energy_eV": point["energy_eV"],
                    "scheme": point["scheme"],
                    "iterations": point["iterations"],
                    "failed_schemes": point["failed_schemes"],
                    "drift_eV_A": drift,
                    "wall_s": point["wall_s"],
                }
                for point, drift in zip(points, drifts, strict=True)
            ],
            "wall_s": {"total": sum(self.seconds.values()), **self.seconds},
        }


def make_force_set(
    crystal: Crystal,
    settings: PhononSettings,
    code: Code,
    *,
    workdir: Path,
    output: Path,
    record_path: Path,
    say: Callable[[str], None] = print,
    convergence_tests: bool = False,
) -> dict:
    """Compute a crystal's force set and write the phonopy file and its record.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    NotConverged
        If a point does not reach self-consistency: a force set with a hole is of no use.
    """
    job = ForceSet(crystal, settings, code, workdir, say)
    relaxed, relaxation = job.relax()
    phonon, points = job.displacements(relaxed)
    save_force_set(phonon, output)
    tests = job.convergence_tests(relaxed) if convergence_tests else []
    record = {**job.record(phonon, points, relaxation), "convergence_tests": tests, "sha256": file_sha256(output)}
    write_json(record_path, record)
    return record


def save_force_set(phonon: Phonopy, output: Path) -> None:
    """Write ``phonopy_params.yaml.xz`` atomically: cell, supercell, displacements, forces, supercell energies."""
    with atomic_path(output) as temporary:
        stem = temporary.with_name(temporary.name.removesuffix(".xz"))
        written = phonon.save(stem, settings={"force_sets": True, "displacements": True}, compression="xz")
        Path(written or f"{stem}.xz").replace(temporary)


def _phonopy(atoms: Atoms, supercell_matrix: np.ndarray) -> Phonopy:
    with warnings.catch_warnings():
        # phonopy 4 tells users of phonopy 3 that "auto" found a smaller primitive cell: here that is what is asked for.
        warnings.simplefilter("ignore", PrimitiveMatrixAutoDefaultWarning)
        return Phonopy(
            to_phonopy(atoms), supercell_matrix=supercell_matrix, primitive_matrix="auto", symprec=SYMMETRY_TOLERANCE_A
        )
