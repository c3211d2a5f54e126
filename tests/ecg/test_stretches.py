from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.ecg.gaps import gaps_of
from edgecnn.ecg.stretches import (
    FlatFinder,
    Runs,
    SaturationFinder,
    stretches_flat,
    stretches_saturated,
)

RATE = 100.0

cut_anywhere = st.lists(st.integers(0, 3000), max_size=30).map(sorted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.lists(st.integers(0, 60)), st.integers(0, 3))
def test_runs_are_those_of_the_whole_mask(mask, cuts, longer_than):
    whole = np.array(mask, dtype=bool)
    runs = Runs(longer_than)
    for part in np.split(whole, sorted(min(cut, len(mask)) for cut in cuts)):
        runs.push(part)
    assert runs.finish().tolist() == gaps_of(~whole, longer_than).tolist()


@pytest.fixture(scope="module")
def odd():
    """Noise that is flat twice, clipped at the top, and has gaps."""
    signal = np.random.default_rng(0).normal(scale=0.5, size=3000)
    signal[400:900] = 0.25
    signal[2700:] = -0.1
    signal = np.minimum(signal, 0.3)
    for first in (1000, 1300, 1700):
        signal[first : first + 9] = 0.3
    signal[1500:1600] = np.nan
    return signal


def test_what_is_found_in_one_piece(odd):
    flat = stretches_flat(odd, RATE)
    assert flat.tolist() == [[400, 900], [2700, 3000]]
    saturated = stretches_saturated(odd, RATE, flat)
    assert {tuple(run) for run in saturated.tolist()} >= {(1000, 1009), (1300, 1309), (1700, 1709)}
    assert (odd[np.concatenate([np.arange(*run) for run in saturated])] == 0.3).all()


@settings(max_examples=40, deadline=None)
@given(cut_anywhere)
def test_however_it_is_cut_the_same_is_found(odd, cuts):
    flat, saturated = FlatFinder(RATE), SaturationFinder(RATE)
    for part in np.split(odd, cuts):
        flat.push(part)
        saturated.push(part)
    found = flat.finish()
    assert found.tolist() == stretches_flat(odd, RATE).tolist()
    assert saturated.finish(found).tolist() == stretches_saturated(odd, RATE, found).tolist()


def test_a_window_that_moves_between_the_glances_is_not_flat():
    signal = np.zeros(3000)
    signal[3::25] = 1.0
    assert stretches_flat(signal, RATE).tolist() == []
