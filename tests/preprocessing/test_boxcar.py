"""The band-pass: exact sums, linear phase, and the same bits however the signal is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgecnn.metadata import BoxcarFilter
from edgecnn.preprocessing.boxcar import (
    boxcar_sum,
    filter_boxcar,
    half_width,
    reach,
    to_microvolts,
)

SPEC = BoxcarFilter(baseline_s=0.6, smooth_s=0.02)
RATE_HZ = 360.0
signals = arrays(
    np.int64, st.integers(1, 3000), elements=st.integers(-10_000_000, 10_000_000), fill=st.just(0)
)


@given(arrays(np.int64, st.integers(1, 60), elements=st.integers(-9, 9)), st.integers(0, 40))
def test_sum_is_the_definition(signal: NDArray[np.int64], half: int) -> None:
    """``signal[n - half] + ... + signal[n + half]``, outermost samples repeated."""
    last = signal.size - 1
    expected = [
        sum(int(signal[min(max(n + k, 0), last)]) for k in range(-half, half + 1))
        for n in range(signal.size)
    ]
    assert boxcar_sum(signal, half).tolist() == expected


def test_half_width_rounds_to_an_odd_window() -> None:
    assert half_width(0.02, 360) == 3  # 7.2 samples: 7
    assert half_width(0.6, 360) == 108  # 216 samples: 217
    assert half_width(0.0001, 360) == 0


@given(signals, st.data())
@settings(max_examples=60, deadline=None)
def test_any_cut_gives_the_same_bits(signal: NDArray[np.int64], data: st.DataObject) -> None:
    """A chunk that overlaps its neighbours by ``reach`` is filtered to the whole's bits."""
    whole = filter_boxcar(signal, SPEC, RATE_HZ)
    margin = reach(SPEC, RATE_HZ)
    cuts = data.draw(st.lists(st.integers(0, signal.size), max_size=8).map(sorted))
    pieces = []
    for start, stop in zip([0, *cuts], [*cuts, signal.size], strict=True):
        low, high = max(0, start - margin), min(signal.size, stop + margin)
        pieces.append(filter_boxcar(signal[low:high], SPEC, RATE_HZ)[start - low : stop - low])
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_reach_is_the_smallest_that_will_do() -> None:
    """An impulse shows exactly ``reach`` samples around itself, and nothing beyond."""
    signal = np.zeros(2001, np.int64)
    signal[1000] = 10_000_000
    shown = np.flatnonzero(filter_boxcar(signal, SPEC, RATE_HZ))
    margin = reach(SPEC, RATE_HZ)
    # Division rounds towards minus infinity, so the baseline's last, tiny tails stay visible.
    assert (shown[0], shown[-1]) == (1000 - margin, 1000 + margin)


def test_linear_phase() -> None:
    """A symmetric beat stays symmetric around its peak: no delay, no distortion of phase."""
    signal = np.zeros(2001, np.int64)
    signal[990:1011] = 16 * np.concatenate([np.arange(11), np.arange(9, -1, -1)])
    filtered = filter_boxcar(signal, SPEC, RATE_HZ)
    assert filtered.argmax() == 1000
    np.testing.assert_array_equal(filtered, filtered[::-1])


def gain(frequency_hz: float) -> float:
    """Amplitude out per amplitude in, of a sine long enough to forget its ends."""
    n = np.arange(round(RATE_HZ * 40))
    sine = np.sin(2 * np.pi * frequency_hz / RATE_HZ * n)
    filtered = filter_boxcar(np.rint(sine * 100_000).astype(np.int64), SPEC, RATE_HZ) / 16
    middle = slice(round(RATE_HZ * 10), round(RATE_HZ * 30))
    return float(np.std(filtered[middle]) / np.std(sine[middle] * 100_000))


def test_passes_the_qrs_and_stops_drift_and_hum() -> None:
    """As the product of two ``sin(x)/x`` says: the QRS complex lies around 5 to 25 Hz."""
    assert gain(0.2) < 0.05
    assert gain(10.0) == pytest.approx(0.87, abs=0.03)
    assert gain(150.0) < 0.1
    flat = np.full(5000, 12_345, np.int64)
    assert not filter_boxcar(flat, SPEC, RATE_HZ).any()


def test_no_overflow_at_the_largest_amplitude() -> None:
    """At the clipping limit and a high rate, against Python's unbounded integers."""
    signal = np.full(20_000, 10_000_000, np.int64)
    signal[10_000::2] *= -1
    spec = BoxcarFilter(baseline_s=2.0, smooth_s=0.01)
    filtered = filter_boxcar(signal, spec, 2000.0)
    exact = filter_boxcar(signal.astype(object), spec, 2000.0)
    assert exact.dtype == object
    assert filtered.tolist() == exact.tolist()


@pytest.mark.parametrize("drift_uv", [0, 3_000, -40_000, 200_000, 5_000_000])
@pytest.mark.parametrize("swing_uv", [500, 100_000, 4_000_000])
def test_narrow_integers_change_no_bit(drift_uv: int, swing_uv: int) -> None:
    """Whether sums fit into 32 bits depends on the signal; what comes out does not."""
    n = np.arange(4000)
    random = np.random.default_rng(drift_uv % 97)
    drift = drift_uv * np.sin(n / 900) + drift_uv / 2
    signal = np.rint(drift + random.integers(-swing_uv, swing_uv, n.size)).astype(np.int64)
    for whole in (signal, -signal, signal + drift_uv):
        exact = filter_boxcar(whole.astype(object), SPEC, RATE_HZ)
        assert filter_boxcar(whole, SPEC, RATE_HZ).tolist() == exact.tolist()


def test_empty_signal() -> None:
    assert filter_boxcar(np.zeros(0, np.int64), SPEC, RATE_HZ).size == 0


def test_to_microvolts() -> None:
    mv = np.array([0.0, 1.0, -0.0005, 0.0014, np.nan, np.inf, -np.inf, 1e9])
    assert to_microvolts(mv).tolist() == [0, 1000, 0, 1, 0, 0, 0, 10_000_000]
    assert to_microvolts(np.float32([0.005])).tolist() == [5]


def test_microvolts_keep_every_step_of_the_converter() -> None:
    """MIT-BIH: 200 steps per mV, that is 5 µV: every value is told from its neighbour."""
    steps = np.arange(-2048, 2048)
    assert to_microvolts(steps / 200).tolist() == (steps * 5).tolist()
