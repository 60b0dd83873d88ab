"""Internal configurations of an isolated guest, of which insertions take one.

A rigid guest has one. Those of a flexible one are drawn from the Boltzmann distribution of the potential's own isolated
molecule, by many Markov chains that displace all atoms at once and are advanced together. Every chain gives members
that are so many steps apart. The adsorbed phase then has the reservoir's internal configurations weighted by their
interaction alone, as a real one of the same potential has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from scipy import constants

from assay.failures import PotentialFailure, UserError
from assay.potentials.whole_structures import isolated

if TYPE_CHECKING:
    from assay.potentials import Potential

CHAINS = 64
MEMBERS_PER_CHAIN = 8
STEPS_BEFORE = 300
STEPS_BETWEEN = 50
FIRST_STEP_A = 0.03
ACCEPTED = 0.4
ADAPT_EVERY = 25
STRETCH = 1.02
"""What a potential with intramolecular energies notices."""

LONGEST_STRETCH = 1.6
"""A distance within the molecule that has grown to so many times its first value means that it fell apart."""


@dataclass(frozen=True)
class Reservoir:
    """Internal configurations that are equally probable.

    Attributes
    ----------
    members_A : ndarray, shape (r, m, 3)
        Centre of mass at the origin, in about the same orientation.
    energies_eV : ndarray, shape (r,)
        Of the isolated molecule; NaN where nobody had to know.
    """

    members_A: np.ndarray
    energies_eV: np.ndarray

    def __len__(self) -> int:
        return len(self.members_A)


def rigid_reservoir(guest: Atoms) -> Reservoir:
    """The guest as it is."""
    return Reservoir((guest.positions - guest.get_center_of_mass())[None], np.full(1, np.nan))


def flexible_reservoir(
    potential: Potential, guest: Atoms, temperature_K: float, stream: np.random.Generator
) -> Reservoir:
    """Configurations of the isolated guest at a temperature.

    Parameters
    ----------
    potential : Potential
        With an energy of the molecule's own deformation.
    guest : Atoms
        Where the chains start.
    temperature_K : float
    stream : Generator

    Raises
    ------
    UserError
        If the potential does not notice that the molecule is stretched.
    PotentialFailure
        ``unstable`` if the molecule falls apart, ``non_finite`` if its energy is at the start; as of
        `Potential.evaluate`.
    """
    kT = constants.k / constants.e * temperature_K
    state = np.repeat(guest.positions[None], CHAINS, axis=0)
    energies = _energies(potential, guest, state)
    if not np.isfinite(energies).all():
        raise PotentialFailure(
            "non_finite", f"guest {guest.get_chemical_formula()}: the potential's energy is not a finite number."
        )
    (stretched,) = _energies(potential, guest, STRETCH * guest.positions[None])
    if stretched == energies[0]:
        raise UserError(
            f"adsorption.guest: flexible: {potential.name} has no energy of the guest's own deformation; take `rigid`"
            " for it."
        )
    longest_A = LONGEST_STRETCH * _distances(guest.positions)
    step, accepted, members, member_energies = FIRST_STEP_A, [], [], []
    for number in range(1, STEPS_BEFORE + MEMBERS_PER_CHAIN * STEPS_BETWEEN + 1):
        moved = state + stream.uniform(-step, step, state.shape)
        changed = _energies(potential, guest, moved)
        # a comparison with NaN is false: what is no number is not accepted
        taken = stream.random(CHAINS) < np.exp(np.minimum((energies - changed) / kT, 0.0))
        state[taken], energies[taken] = moved[taken], changed[taken]
        accepted.append(taken.mean())
        if (_distances(state) > longest_A).any():
            raise PotentialFailure(
                "unstable",
                f"guest {guest.get_chemical_formula()}: the isolated molecule falls apart at {temperature_K:g} K.",
            )
        if number <= STEPS_BEFORE and number % ADAPT_EVERY == 0:
            step *= np.clip(np.mean(accepted[-ADAPT_EVERY:]) / ACCEPTED, 0.5, 1.5)
        elif number > STEPS_BEFORE and (number - STEPS_BEFORE) % STEPS_BETWEEN == 0:
            members.append(state.copy())
            member_energies.append(energies.copy())
    aligned = _aligned(np.concatenate(members), guest)
    return Reservoir(aligned, np.concatenate(member_energies))


def _energies(potential: Potential, guest: Atoms, positions_A: np.ndarray) -> np.ndarray:
    """Energies (eV) of the isolated molecule, shape (n,)."""
    batch = [isolated(guest, one) for one in positions_A]
    return np.array([result.energy_eV for result in potential.evaluate(batch, ("energy",))])


def _distances(positions_A: np.ndarray) -> np.ndarray:
    """Distances (Å) within molecules, shape (..., pairs)."""
    first, second = np.triu_indices(positions_A.shape[-2], 1)
    return np.linalg.norm(positions_A[..., first, :] - positions_A[..., second, :], axis=-1)


def _aligned(positions_A: np.ndarray, guest: Atoms) -> np.ndarray:
    """The same with their centres of mass at the origin, turned onto the guest."""
    masses = guest.get_masses()
    like = guest.positions - guest.get_center_of_mass()
    centred = positions_A - (masses @ positions_A / masses.sum())[:, None, :]
    # the best rotation by singular values (Kabsch, doi:10.1107/S0567739476001873), for linear molecules too
    left, _, right = np.linalg.svd(centred.transpose(0, 2, 1) @ like)
    handed = np.ones((len(centred), 1, 3))
    handed[:, 0, 2] = np.linalg.det(left @ right)
    return centred @ (left * handed) @ right
