"""Laws that any potential obeys, one function each: what is measured on a structure, in numbers that carry units.

Deviations come as a dict with the keys ``energy_meV_per_atom``, ``force_meV_A`` (largest component) and
``stress_meV_A3`` (largest component), as far as there are forces and stresses. How a potential answers to malformed
input is a number of wrong answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from assay.failures import PotentialFailure
from assay.potentials.base import PROPERTIES, Potential, Result
from assay.potentials.boxes import boxed
from assay.potentials.probe import probe_dimer

WRONG = "wrong_answers"


def translation(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> dict[str, float]:
    """Deviations under a rigid shift by a random vector of some Å."""
    moved = atoms.copy()
    moved.positions += rng.uniform(-5, 5, 3)
    return _deviations(*potential.evaluate([atoms, moved], PROPERTIES), len(atoms))


def rotation(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> dict[str, float]:
    """Deviations under a random rotation: energy invariant, forces and stress covariant."""
    matrix = random_rotation(rng)
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ matrix.T)
    turned.positions = atoms.positions @ matrix.T
    before, after = potential.evaluate([atoms, turned], PROPERTIES)
    stress = None if before.stress_eV_A3 is None else voigt(matrix @ tensor(before.stress_eV_A3) @ matrix.T)
    return _deviations(Result(before.energy_eV, before.forces_eV_A @ matrix.T, stress), after, len(atoms))


def inversion(potential: Potential, atoms: Atoms) -> dict[str, float]:
    """Deviations of the mirror image, through the origin: energy and stress invariant, forces reversed.

    Nature obeys it; a model that is equivariant under rotations alone, with no parity in its features, does not.
    """
    mirrored = atoms.copy()
    mirrored.set_cell(-atoms.cell.array)
    mirrored.positions = -atoms.positions
    before, after = potential.evaluate([atoms, mirrored], PROPERTIES)
    return _deviations(Result(before.energy_eV, -before.forces_eV_A, before.stress_eV_A3), after, len(atoms))


def permutation(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> dict[str, float]:
    """Deviations when the atoms are listed in another order."""
    order = rng.permutation(len(atoms))
    before, after = potential.evaluate([atoms, atoms[order]], PROPERTIES)
    return _deviations(Result(before.energy_eV, before.forces_eV_A[order], before.stress_eV_A3), after, len(atoms))


def wrapping(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> dict[str, float]:
    """Deviations when atoms are moved by random lattice vectors of the periodic directions."""
    images = rng.integers(-2, 3, (len(atoms), 3)) * atoms.pbc
    moved = atoms.copy()
    moved.positions += images @ atoms.cell.array
    return _deviations(*potential.evaluate([atoms, moved], PROPERTIES), len(atoms))


def extensivity(potential: Potential, atoms: Atoms) -> dict[str, float]:
    """Deviations between a crystal and its 1 x 2 x 3 supercell, the energy per atom."""
    repeats = (1, 2, 3)
    small, large = potential.evaluate([atoms, atoms.repeat(repeats)], PROPERTIES)
    copies = int(np.prod(repeats))
    forces = np.tile(small.forces_eV_A, (copies, 1))
    return _deviations(Result(small.energy_eV * copies, forces, small.stress_eV_A3), large, len(atoms) * copies)


def net_force(potential: Potential, atoms: Atoms) -> dict[str, float]:
    """The largest component of the sum of all forces, per atom: zero for any energy that translation leaves alone."""
    (result,) = potential.evaluate([atoms], ("energy", "forces"))
    return {"force_meV_A": 1e3 * float(np.abs(result.forces_eV_A.mean(axis=0)).max())}


def force_derivative(
    potential: Potential, atoms: Atoms, rng: np.random.Generator, steps_A: Sequence[float], samples: int = 4
) -> dict[str, float]:
    """Largest |F + dE/dx| over some random coordinates, by central differences (see `slopes`), at the best step.

    A difference quotient is wrong by rounding at small steps and by curvature at large ones, and where the balance
    lies depends on the potential: all steps are tried, and the one whose largest deviation is smallest counts. A
    force that is not the derivative deviates at every step.
    """
    chosen = rng.choice(3 * len(atoms), size=min(samples, 3 * len(atoms)), replace=False)
    moved = []
    for coordinate in chosen:
        for step in ladder(steps_A):
            displaced = atoms.copy()
            displaced.positions[coordinate // 3, coordinate % 3] += step
            moved.append(displaced)
    (here,) = potential.evaluate([atoms], ("energy", "forces"))
    energies = [result.energy_eV for result in potential.evaluate(moved, ("energy",))]
    deviations = np.abs(here.forces_eV_A.ravel()[chosen] + slopes(energies, steps_A)).max(axis=1)
    return {"force_derivative_meV_A": 1e3 * float(deviations.min())}


def stress_derivative(potential: Potential, atoms: Atoms, strains: Sequence[float]) -> dict[str, float]:
    """Largest deviation of a component of the stress from dE/dstrain / V, as of `force_derivative`.

    The derivative is with respect to a symmetric strain. Nothing is measured where there is no stress.
    """
    (here,) = potential.evaluate([atoms], PROPERTIES)
    if here.stress_eV_A3 is None:
        return {}
    strained = []
    for component in range(6):
        for strain in ladder(strains):
            direction = np.zeros(6)
            direction[component] = strain if component < 3 else strain / 2
            deformed = atoms.copy()
            deformed.set_cell(atoms.cell.array @ (np.eye(3) + tensor(direction)), scale_atoms=True)
            strained.append(deformed)
    energies = [result.energy_eV for result in potential.evaluate(strained, ("energy",))]
    deviations = np.abs(here.stress_eV_A3 - slopes(energies, strains) / atoms.get_volume()).max(axis=1)
    return {"stress_derivative_meV_A3": 1e3 * float(deviations.min())}


def batch_equals_single(potential: Potential, structures: Sequence[Atoms]) -> dict[str, float]:
    """Largest deviations between one call for all structures and one call each, energies alone included."""
    together = potential.evaluate(structures, PROPERTIES)
    energies = potential.evaluate(structures, ("energy",))
    worst: dict[str, float] = {}
    for atoms, batched, alone in zip(structures, together, energies, strict=True):
        (single,) = potential.evaluate([atoms], PROPERTIES)
        _widen(worst, _deviations(single, batched, len(atoms)))
        _widen(worst, _deviations(Result(single.energy_eV), alone, len(atoms)))
    return worst


def calculator_equals_batch(potential: Potential, structures: Sequence[Atoms]) -> dict[str, float]:
    """Largest deviations between `Potential.calculator` and `Potential.evaluate`."""
    return _calculator_deviations(potential.calculator(), potential, structures)


def batch_equals_package(potential: Potential, structures: Sequence[Atoms]) -> dict[str, float]:
    """Largest deviations between `Potential.evaluate` and the package's own ase calculator, one structure at a time.

    Packages that only know crystals get molecules and slabs with a vacuum of 12 Å.
    """
    padded = []
    for atoms in structures:
        positions, cell = boxed(atoms, 12.0)
        padded.append(Atoms(atoms.numbers, positions=positions, cell=cell, pbc=True))
    return _calculator_deviations(potential.package_calculator(), potential, padded)


def answers_empty_batch(potential: Potential) -> dict[str, float]:
    """Wrong answers: no structures give no results, a structure without atoms gives no energy and no forces."""
    (nothing,) = potential.evaluate([Atoms()])
    right = (potential.evaluate([]) == [], nothing.energy_eV == 0.0, nothing.forces_eV_A.shape == (0, 3))
    return {WRONG: float(sum(not answer for answer in right))}


def refuses_unknown_element(potential: Potential) -> dict[str, float]:
    """Wrong answers: an element that the potential does not know is refused by name.

    Nothing is measured where the potential does not say what it knows.
    """
    unknown = [symbol for symbol in chemical_symbols[1:] if potential.elements and symbol not in potential.elements]
    if not unknown:
        return {}
    try:
        potential.evaluate([probe_dimer(unknown[-1])])
    except PotentialFailure as failure:
        return {WRONG: float(failure.reason != "unsupported_element" or unknown[-1] not in failure.message)}
    return {WRONG: 1.0}


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation matrix, uniform over all rotations (QR of a normal matrix)."""
    matrix, triangle = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix *= np.sign(np.diag(triangle))
    return matrix * np.sign(np.linalg.det(matrix))


def tensor(components: np.ndarray) -> np.ndarray:
    """Symmetric 3 x 3 tensor of components xx, yy, zz, yz, xz, xy."""
    xx, yy, zz, yz, xz, xy = components
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def voigt(symmetric: np.ndarray) -> np.ndarray:
    """Components xx, yy, zz, yz, xz, xy of a symmetric tensor."""
    return symmetric[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def ladder(steps: Sequence[float]) -> np.ndarray:
    """The displacements that `slopes` needs: each step and twice the step, to both sides."""
    return np.concatenate([(-2 * step, -step, step, 2 * step) for step in steps])


def slopes(energies: Sequence[float], steps: Sequence[float]) -> np.ndarray:
    """Derivatives at the centre by central differences, extrapolated to step zero (Richardson).

    Parameters
    ----------
    energies : sequence of float
        For each quantity, energies (eV) along its `ladder`.
    steps : sequence of float

    Returns
    -------
    ndarray, shape (number of steps, number of quantities)
    """
    far_left, left, right, far_right = np.reshape(energies, (-1, len(steps), 4)).transpose(2, 1, 0)
    return (8 * (right - left) - (far_right - far_left)) / (12 * np.reshape(steps, (-1, 1)))


def _deviations(one: Result, other: Result, atoms: int) -> dict[str, float]:
    numbers = {"energy_meV_per_atom": 1e3 * abs(one.energy_eV - other.energy_eV) / atoms}
    if one.forces_eV_A is not None and other.forces_eV_A is not None:
        numbers["force_meV_A"] = 1e3 * float(np.abs(one.forces_eV_A - other.forces_eV_A).max())
    if one.stress_eV_A3 is not None and other.stress_eV_A3 is not None:
        numbers["stress_meV_A3"] = 1e3 * float(np.abs(one.stress_eV_A3 - other.stress_eV_A3).max())
    return numbers


def _calculator_deviations(
    calculator: Calculator, potential: Potential, structures: Sequence[Atoms]
) -> dict[str, float]:
    worst: dict[str, float] = {}
    for atoms, batched in zip(structures, potential.evaluate(structures, PROPERTIES), strict=True):
        alone = atoms.copy()
        alone.calc = calculator
        energy, forces = float(alone.get_potential_energy()), alone.get_forces()
        stress = None if batched.stress_eV_A3 is None else alone.get_stress(voigt=True)
        _widen(worst, _deviations(Result(energy, forces, stress), batched, len(atoms)))
    return worst


def _widen(worst: dict[str, float], numbers: Mapping[str, float]) -> None:
    for quantity, value in numbers.items():
        # not max(): a NaN has to stay
        if not worst.get(quantity, -1.0) >= value:
            worst[quantity] = value
