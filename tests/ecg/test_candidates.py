from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.ecg.candidates import CandidateFinder
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.preprocessing.boxcar import to_microvolts

FIELDS = ("positions", "heights", "slopes")


def found(signal, cuts=(), rate=360.0):
    finder = CandidateFinder(rate)
    parts = []
    for chunk in np.split(signal, sorted(cuts)):
        before = finder.settled
        part = finder.push(chunk)
        assert (part.positions >= before).all()
        parts.append(part)
    parts.append(finder.flush())
    return [np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([10, 1000, 10_000_000]),
    st.integers(1, 1500),
    st.lists(st.integers(0, 1500), max_size=20),
)
def test_the_cuts_leave_no_trace(seed, size, length, cuts):
    signal = np.random.default_rng(seed).integers(-size, size, length)
    cuts = [min(cut, length) for cut in cuts]
    for whole, cut in zip(found(signal), found(signal, cuts), strict=True):
        assert np.array_equal(whole, cut)


def test_blocks_leave_no_trace():
    signal = to_microvolts(synthetic_ecg(200, 360, seed=1).signal_mv)
    assert len(signal) > 2 * 32_768
    for whole, cut in zip(found(signal), found(signal, range(0, 72_000, 997)), strict=True):
        assert np.array_equal(whole, cut)


@pytest.mark.parametrize("polarity", [1, -1])
def test_every_beat_is_among_the_candidates(polarity):
    ecg = synthetic_ecg(60, 360, seed=2)
    positions, heights, slopes = found(polarity * to_microvolts(ecg.signal_mv))
    nearest = np.abs(positions[:, None] - ecg.samples).min(axis=0)
    assert nearest.max() <= 5
    assert (heights > 0).all()
    assert (slopes > 0).all()
    # P and T waves are candidates as well, but there is no crowd of them.
    assert len(positions) < 5 * len(ecg.samples)


def test_the_largest_amplitudes_do_not_overflow():
    signal = np.where(np.arange(5000) // 9 % 2, 10_000_000, -10_000_000)
    _, heights, slopes = found(signal)
    assert heights.max() < 16 * 4e7
    assert (heights >= 0).all()
    assert (slopes >= 0).all()


def test_a_signal_that_begins_and_ends_on_a_slope_has_no_peak_there():
    assert found(np.arange(0, 40_000, 40))[0].size == 0
