from __future__ import annotations

import numpy as np
import pytest

from edgecnn.errors import DataError
from edgecnn.preprocessing.resample import Resampler, resample


@pytest.mark.parametrize(
    ("rate", "new"), [(250, 360), (360, 180), (500, 360), (128, 360), (1000, 360), (257.5, 360)]
)
@pytest.mark.parametrize("share_of_nyquist", [0.02, 0.3, 0.8])
def test_tones_in_the_passband_come_through_in_place(rate, new, share_of_nyquist):
    frequency = share_of_nyquist * min(rate, new) / 2
    time = np.arange(int(rate * 10)) / rate
    result = resample(np.sin(2 * np.pi * frequency * time), rate, new)
    new_time = np.arange(len(result)) / new
    inner = slice(int(new), -int(new))
    error = result - np.sin(2 * np.pi * frequency * new_time)
    assert np.abs(error[inner]).max() < 1e-3


@pytest.mark.parametrize("frequency", [100, 140, 170])
def test_tones_above_the_new_nyquist_are_removed(frequency):
    time = np.arange(3600) / 360
    result = resample(np.sin(2 * np.pi * frequency * time), 360, 180)
    # Plain decimation would fold them back at full size.
    assert np.abs(result[180:-180]).max() < 2e-3


def test_the_length_follows_the_rates_and_the_ends_hold():
    result = resample(np.full(1000, 3.25), 250, 360)
    assert len(result) == 1440
    assert np.allclose(result, 3.25, atol=1e-12)


def test_the_same_rate_changes_nothing():
    signal = np.random.default_rng(0).normal(size=100)
    assert np.array_equal(resample(signal, 360, 360), signal)


def test_a_long_signal_is_cut_into_blocks_without_a_trace():
    signal = np.random.default_rng(0).normal(size=30_000)
    whole = resample(signal, 250, 360)
    part = resample(signal[:10_000], 250, 360)
    assert np.array_equal(whole[:14_000], part[:14_000])


@pytest.mark.parametrize(("rate", "new"), [(0, 360), (360, -1), (float("nan"), 360)])
def test_impossible_rates_are_refused(rate, new):
    with pytest.raises(DataError, match="sampling rate"):
        resample(np.zeros(10), rate, new)


def test_an_empty_signal_stays_empty():
    assert resample(np.empty(0), 250, 360).size == 0


@pytest.mark.parametrize(("rate", "new"), [(1e-308, 360.0), (1e308, 360.0), (0.001, 360.0)])
def test_rates_that_are_worlds_apart_are_refused(rate, new):
    with pytest.raises(DataError, match="too far"):
        resample(np.zeros(3), rate, new)


@pytest.mark.parametrize("rates", [(250, 360), (360, 250), (1000, 360), (257, 360), (2000, 100)])
@pytest.mark.parametrize("size", [1, 3, 60, 5003])
def test_a_stream_gives_what_the_whole_gives_however_it_is_cut(rates, size):
    rng = np.random.default_rng(size)
    signal = rng.normal(size=size)
    whole = resample(signal, *rates)
    for cuts in (np.sort(rng.integers(0, size + 1, size=20)), np.arange(1, size)):
        resampler = Resampler(*rates)
        parts = [resampler.push(chunk) for chunk in np.split(signal, cuts)]
        assert np.array_equal(np.concatenate([*parts, resampler.flush()]), whole)
    assert Resampler(*rates).flush().size == 0


def test_a_stream_waits_for_its_look_ahead_and_no_longer():
    resampler, given = Resampler(250, 360), 0
    for taken in range(1, 2000):
        given += resampler.push(np.ones(1)).size
        # The next result would need a sample that is not there.
        assert given * 250 / 360 + resampler.look_ahead >= taken - 1e-9
        assert not given or (given - 1) * 250 / 360 + resampler.look_ahead <= taken
    assert resampler.look_ahead == 24
    assert resampler._rest.size < 100
