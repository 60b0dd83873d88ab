"""From force constants to spectra: bands along the standard path, density of states, thermal properties on a mesh.

Path through the Brillouin zone: Y. Hinuma et al., Comput. Mater. Sci. 128, 140 (2017),
doi:10.1016/j.commatsci.2016.10.015, by seekpath. Everything else is phonopy's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from phonopy import Phonopy
from phonopy.harmonic.dynmat_to_fc import get_commensurate_points
from phonopy.phonon.grid import length2mesh
from phonopy.phonon.thermal_properties import ThermalProperties

from assay.records import atomic_path


@dataclass(frozen=True)
class BandPath:
    """Segments of a path through the Brillouin zone.

    Attributes
    ----------
    qpoints : ndarray, shape (n_segments, n_points, 3)
        In reciprocal vectors of the primitive cell.
    distances : ndarray, shape (n_segments, n_points)
        Along the path (1/Å, without 2 pi), with no gap where the path jumps.
    labels : ndarray of str, shape (n_segments, 2)
        Names of both ends of each segment.
    """

    qpoints: np.ndarray
    distances: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Spectrum:
    """Phonons of one crystal.

    Attributes
    ----------
    band_distances : ndarray, shape (n_segments, n_points)
        1/Å, without 2 pi.
    band_labels : ndarray of str, shape (n_segments, 2)
    band_frequencies : ndarray, shape (n_segments, n_points, n_branches)
        THz; imaginary ones negative.
    mesh_qpoints : ndarray, shape (n_q, 3)
        Irreducible points of the mesh, in reciprocal vectors of the primitive cell.
    mesh_weights : ndarray, shape (n_q,)
    mesh_frequencies : ndarray, shape (n_q, n_branches)
        THz.
    commensurate_frequencies : ndarray, shape (n_c, n_branches)
        At the wave vectors that fit into the supercell, where nothing is interpolated (THz).
    dos_frequencies, dos : ndarray, shape (n_dos,)
        THz, and states per THz and primitive cell.
    temperatures_K, free_energy_kJ_mol, entropy_J_K_mol, heat_capacity_J_K_mol : ndarray, shape (n_T,)
        Harmonic, per mole of primitive cells. Imaginary modes are left out of the sums.
    """

    band_distances: np.ndarray
    band_labels: np.ndarray
    band_frequencies: np.ndarray
    mesh_qpoints: np.ndarray
    mesh_weights: np.ndarray
    mesh_frequencies: np.ndarray
    commensurate_frequencies: np.ndarray
    dos_frequencies: np.ndarray
    dos: np.ndarray
    temperatures_K: np.ndarray
    free_energy_kJ_mol: np.ndarray
    entropy_J_K_mol: np.ndarray
    heat_capacity_J_K_mol: np.ndarray

    def at(self, temperature_K: float) -> tuple[float, float, float]:
        """Free energy (kJ/mol), entropy and heat capacity (J/K/mol) at one of the temperatures."""
        index = int(np.argmin(np.abs(self.temperatures_K - temperature_K)))
        if not np.isclose(self.temperatures_K[index], temperature_K):
            raise ValueError(f"{temperature_K} K is not among {self.temperatures_K.tolist()} K")
        return self.free_energy_kJ_mol[index], self.entropy_J_K_mol[index], self.heat_capacity_J_K_mol[index]


def band_path(phonopy: Phonopy, points: int) -> BandPath:
    """The standard path of a crystal, in the basis of its own primitive cell.

    Parameters
    ----------
    phonopy : Phonopy
    points : int
        Per segment, both ends included.
    """
    import seekpath

    cell = phonopy.primitive
    with warnings.catch_warnings():
        # seekpath says that the cell is not the standard one; get_path_orig_cell exists for that
        warnings.filterwarnings("ignore", module="seekpath")
        found = seekpath.get_path_orig_cell(
            (cell.cell, cell.scaled_positions, cell.numbers), symprec=phonopy.symmetry.tolerance
        )
    fractions = np.linspace(0, 1, points)[:, None]
    ends = [(np.array(found["point_coords"][a]), np.array(found["point_coords"][b])) for a, b in found["path"]]
    qpoints = np.array([start + fractions * (end - start) for start, end in ends])
    reciprocal = np.linalg.inv(cell.cell).T
    lengths = np.linalg.norm((qpoints[:, -1] - qpoints[:, 0]) @ reciprocal, axis=1)
    offsets = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    distances = offsets[:, None] + np.linspace(0, 1, points) * lengths[:, None]
    return BandPath(qpoints, distances, np.array(found["path"]))


def mesh_numbers(phonopy: Phonopy, mesh_length_A: float) -> list[int]:
    """Divisions of the q-mesh along each reciprocal vector, phonopy's ``mesh=length``; the same for all potentials."""
    rotations = phonopy.symmetry.pointgroup_operations
    return [int(number) for number in length2mesh(mesh_length_A, phonopy.primitive.cell, rotations=rotations)]


def spectrum(phonopy: Phonopy, path: BandPath, mesh: Sequence[int], temperatures_K: Sequence[float]) -> Spectrum:
    """All that is derived from one set of force constants.

    Parameters
    ----------
    phonopy : Phonopy
        With force constants.
    path : BandPath
        Of the prepared crystal, the same for all potentials.
    mesh : sequence of int, length 3
        Divisions of the q-mesh, the same for all potentials.
    temperatures_K : sequence of float
    """
    n_segments, n_points, _ = path.qpoints.shape
    phonopy.run_qpoints(path.qpoints.reshape(-1, 3))
    bands = phonopy.qpoints.frequencies.reshape(n_segments, n_points, -1)
    thermal = thermal_properties(phonopy, mesh, temperatures_K)
    on_mesh = phonopy.mesh
    phonopy.run_total_dos()
    dos = phonopy.total_dos
    return Spectrum(
        band_distances=path.distances,
        band_labels=path.labels,
        band_frequencies=bands,
        mesh_qpoints=np.array(on_mesh.qpoints),
        mesh_weights=np.array(on_mesh.weights),
        mesh_frequencies=np.array(on_mesh.frequencies),
        commensurate_frequencies=frequencies_at(phonopy, commensurate_qpoints(phonopy)),
        dos_frequencies=np.array(dos.frequency_points),
        dos=np.array(dos.dos),
        temperatures_K=np.array(thermal.temperatures),
        free_energy_kJ_mol=np.array(thermal.free_energy),
        entropy_J_K_mol=np.array(thermal.entropy),
        heat_capacity_J_K_mol=np.array(thermal.heat_capacity),
    )


def thermal_properties(phonopy: Phonopy, mesh: Sequence[int], temperatures_K: Sequence[float]) -> ThermalProperties:
    """Harmonic sums over a mesh that holds Gamma, per mole of primitive cells; imaginary modes are left out.

    The acoustic modes at Gamma are zero. What a diagonalisation leaves of them is rounding, some 1e-7 THz of either
    sign, and its logarithm must not enter the sums: they are left out as well.
    """
    phonopy.run_mesh(list(mesh), is_gamma_center=True)
    phonopy.run_thermal_properties(temperatures=np.asarray(temperatures_K, float), exclude_gamma_acoustic=True)
    return phonopy.thermal_properties


def commensurate_qpoints(phonopy: Phonopy) -> np.ndarray:
    """Wave vectors that fit into the supercell, shape (n_c, 3), in reciprocal vectors of the primitive cell."""
    in_primitive_vectors = np.linalg.inv(phonopy.primitive_matrix) @ phonopy.supercell_matrix
    return get_commensurate_points(np.rint(in_primitive_vectors).astype(int))


def frequencies_at(phonopy: Phonopy, qpoints: np.ndarray) -> np.ndarray:
    """Frequencies (THz), shape (n_q, n_branches), at given q-points."""
    phonopy.run_qpoints(qpoints)
    return phonopy.qpoints.frequencies


def save_spectrum(path: Path, content: Spectrum, fingerprint: str) -> None:
    """Write a spectrum (NumPy's npz), with the identity of what it was made from."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        arrays = {item.name: getattr(content, item.name) for item in fields(content)}
        np.savez_compressed(stream, fingerprint=np.array(fingerprint), **arrays)


def load_spectrum(path: Path, fingerprint: str) -> Spectrum | None:
    """A spectrum that was written for the same input, or None where there is none."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["fingerprint"]) != fingerprint:
                return None
            return Spectrum(**{item.name: stored[item.name] for item in fields(Spectrum)})
    except (FileNotFoundError, BadZipFile, KeyError, ValueError, EOFError):
        return None  # absent, half-written by an older version, or damaged: computed again
