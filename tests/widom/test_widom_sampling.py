"""Places are uniform in the cell and orientations over all rotations; a longer stream begins with the shorter one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.transform import Rotation

from assay.failures import UserError
from assay.hosts import placed
from assay.widom.sampling import draw_insertions, read_insertions, write_insertions

COUNT = 20000
ALPHA = 1e-4
"""Chance that a true law fails its test."""


@pytest.fixture(scope="module", params=["random", "sobol"])
def drawn(request):
    return draw_insertions(COUNT, seed=7, path="widom/x", sampling=request.param)


def test_places_fill_the_cell_evenly(drawn):
    assert ((drawn.fractional >= 0) & (drawn.fractional < 1)).all()
    counts, _ = np.histogramdd(drawn.fractional, bins=5, range=[(0, 1)] * 3)
    assert stats.chisquare(counts.ravel()).pvalue > ALPHA


def test_a_turned_vector_is_uniform_on_the_sphere(drawn):
    assert np.linalg.norm(drawn.quaternions, axis=1) == pytest.approx(1.0)
    for vector in ([0, 0, 1], [1, 0, 0], [0.6, -0.8, 0]):
        turned = Rotation.from_quat(drawn.quaternions).apply(vector)
        # on a sphere every Cartesian component is uniform (Archimedes), and so is the azimuth
        for component in turned.T:
            assert stats.kstest(component, stats.uniform(-1, 2).cdf).pvalue > ALPHA
        azimuth = np.arctan2(turned[:, 1], turned[:, 0])
        assert stats.kstest(azimuth, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > ALPHA


def test_angles_of_rotation_have_the_density_of_so3(drawn):
    angles = 2 * np.arccos(np.abs(drawn.quaternions[:, 3]))
    assert stats.kstest(angles, lambda angle: (angle - np.sin(angle)) / np.pi).pvalue > ALPHA


def test_orientations_do_not_depend_on_places(drawn):
    turned = Rotation.from_quat(drawn.quaternions).apply([0, 0, 1])
    correlations = [stats.pearsonr(drawn.fractional[:, i], turned[:, j])[0] for i in range(3) for j in range(3)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(COUNT)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 300), more=st.integers(0, 300), sampling=st.sampled_from(["random", "sobol"]))
def test_a_longer_stream_begins_with_the_shorter_one(count, more, sampling):
    short, long = (draw_insertions(n, seed=3, path="widom/y", sampling=sampling) for n in (count, count + more))
    assert len(short) == count
    for name in ("fractional", "quaternions", "replicate"):
        assert np.array_equal(getattr(short, name), getattr(long.first(count), name))


def test_streams_depend_on_seed_and_case():
    streams = [draw_insertions(5, seed=seed, path=path).fractional for seed in (1, 2) for path in ("a", "b")]
    assert len({array.tobytes() for array in streams}) == 4


def test_replicates_are_independent_and_each_is_a_low_discrepancy_sequence():
    drawn = draw_insertions(16 * 256, seed=1, path="w", sampling="sobol", replicates=16)
    assert np.array_equal(np.bincount(drawn.replicate), [256] * 16)
    sequences = [drawn.fractional[drawn.replicate == one] for one in range(16)]
    assert len({sequence.tobytes() for sequence in sequences}) == 16
    # the mean of 256 random numbers has the error 0.018
    assert max(np.abs(sequence.mean(axis=0) - 0.5).max() for sequence in sequences) < 0.002
    function = np.exp(drawn.fractional.sum(axis=1))
    found = np.array([function[drawn.replicate == one].mean() for one in range(16)])
    error = found.std(ddof=1) / 4
    assert abs(found.mean() - (np.e - 1) ** 3) < 4 * error
    assert error < function.std() / np.sqrt(len(function)) / 5


def test_an_unknown_sampling_is_told():
    with pytest.raises(UserError, match=r"widom\.sampling: unknown sampling 'sobel'; did you mean 'sobol'"):
        draw_insertions(3, seed=1, path="", sampling="sobel")


def test_files_give_back_what_was_written(tmp_path):
    drawn = draw_insertions(10, seed=1, path="w", sampling="sobol", replicates=3)
    write_insertions(tmp_path / "a.h5", drawn)
    again = read_insertions(tmp_path / "a.h5")
    assert np.array_equal(again.fractional, drawn.fractional) and np.array_equal(again.replicate, drawn.replicate)
    with pytest.raises(UserError, match="no such file"):
        read_insertions(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["fractional"] = [1.0]
    with pytest.raises(UserError, match="not a file of insertions"):
        read_insertions(tmp_path / "c.h5")


def test_a_guest_is_placed_as_a_rigid_body():
    guest = Atoms("OCS", [(0, 0, -1.56), (0, 0, 0), (0, 0.3, 1.5)])
    drawn = draw_insertions(20, seed=1, path="w")
    positions = placed(guest, 9 * drawn.fractional, drawn.quaternions)
    for one, centre, quaternion in zip(positions, 9 * drawn.fractional, drawn.quaternions, strict=True):
        assert one == pytest.approx(Rotation.from_quat(quaternion).apply(guest.positions) + centre)
