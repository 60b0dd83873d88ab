"""Internal configurations of a flexible guest: the distribution of a spring, and molecules that do not hold."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gcmc_toys import KT, T

from assay.adsorption.reservoir import CHAINS, MEMBERS_PER_CHAIN, flexible_reservoir, rigid_reservoir
from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.randomness import random_stream

LENGTH, WIDTH = 1.2, 0.05
"""Å; the width is that of a spring's length in one dimension."""


def potential(stiffness_eV_A2: float) -> Potential:
    """Neighbouring atoms on springs, or on none."""

    def forward(graphs, wanted):
        lengths = np.linalg.norm(np.diff([atoms.positions for atoms in graphs], axis=1), axis=2)
        return [Result(float(energy)) for energy in stiffness_eV_A2 / 2 * ((lengths - LENGTH) ** 2).sum(axis=1)]

    return Potential(
        name="spring",
        device="cpu",
        dtype="float64",
        conservative=True,
        elements=None,
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=forward,
        make_package_calculator=None,
        package_calculator_name="",
        native=True,
    )


PAIR = Atoms("CO", [(0, 0, 0), (0, 0, LENGTH)])


def test_a_spring_has_its_distribution_of_lengths():
    stiffness = KT / WIDTH**2
    found = flexible_reservoir(potential(stiffness), PAIR, T, random_stream(1, "spring"))
    assert found.members_A.shape == (CHAINS * MEMBERS_PER_CHAIN, 2, 3)
    lengths = np.linalg.norm(found.members_A[:, 1] - found.members_A[:, 0], axis=1)
    grid = np.linspace(LENGTH - 8 * WIDTH, LENGTH + 8 * WIDTH, 4001)
    weight = grid**2 * np.exp(-((grid - LENGTH) ** 2) / (2 * WIDTH**2))
    mean = np.average(grid, weights=weight)
    spread = np.sqrt(np.average((grid - mean) ** 2, weights=weight))
    # members of a chain are some correlation times apart; the chains are independent
    error = lengths.reshape(MEMBERS_PER_CHAIN, CHAINS).mean(axis=0).std(ddof=1) / np.sqrt(CHAINS)
    assert abs(lengths.mean() - mean) < 3 * error < 0.02
    assert lengths.std() == pytest.approx(spread, rel=0.15)
    assert found.energies_eV == pytest.approx(stiffness / 2 * (lengths - LENGTH) ** 2)
    assert found.energies_eV.mean() == pytest.approx(KT / 2, rel=0.25)


def test_members_are_centred_and_turned_alike():
    stiffness = KT / WIDTH**2
    bent = Atoms("OCO", [(0, 0, LENGTH), (0, 0, 0), (0, 0, -LENGTH)])
    found = flexible_reservoir(potential(stiffness), bent, T, random_stream(1, "bent"))
    masses = bent.get_masses()
    assert np.abs(np.einsum("a,naj->nj", masses, found.members_A)).max() < 1e-9
    axes = found.members_A[:, 0] - found.members_A[:, 2]
    assert (axes[:, 2] / np.linalg.norm(axes, axis=1) > 0.999).all()


def test_a_molecule_that_does_not_hold_is_unstable():
    with pytest.raises(PotentialFailure, match="falls apart") as caught:
        flexible_reservoir(potential(1e-6), PAIR, T, random_stream(1, "loose"))
    assert caught.value.reason == "unstable"


def test_a_molecule_without_an_energy_is_a_failure():
    with pytest.raises(PotentialFailure) as caught:
        flexible_reservoir(potential(np.nan), PAIR, T, random_stream(1, "lost"))
    assert caught.value.reason == "non_finite"


def test_a_potential_without_deformations_is_told():
    with pytest.raises(UserError, match=r"adsorption\.guest.*spring"):
        flexible_reservoir(potential(0.0), PAIR, T, random_stream(1, "stiff"))


def test_a_rigid_guest_has_one_configuration():
    found = rigid_reservoir(PAIR)
    assert len(found) == 1
    assert np.allclose(PAIR.get_masses() @ found.members_A[0], 0)
