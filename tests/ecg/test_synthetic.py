from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import UsageError


def test_the_same_seed_draws_the_same_ecg():
    first, again = synthetic_ecg(20, 360, seed=3), synthetic_ecg(20, 360, seed=3)
    assert np.array_equal(first.signal_mv, again.signal_mv)
    assert first.symbols == again.symbols
    assert not np.array_equal(first.signal_mv, synthetic_ecg(20, 360, seed=4).signal_mv)


@pytest.mark.parametrize("rate", [125, 250, 360, 1000])
def test_each_peak_lies_where_it_is_said_to(rate):
    ecg = synthetic_ecg(60, rate, seed=1, noise_mv=0, wander_mv=0)
    half = round(0.04 * rate)
    for sample in ecg.samples:
        window = ecg.signal_mv[sample - half : sample + half + 1]
        assert abs(int(window.argmax()) - half) <= max(1, round(0.004 * rate))


def test_pvcs_come_early_and_are_followed_by_a_full_pause():
    ecg = synthetic_ecg(300, 360, seed=2)
    intervals = np.diff(ecg.samples) / 360
    usual = np.median(intervals)
    places = [i for i, symbol in enumerate(ecg.symbols) if symbol == "V"]
    assert len(places) > 20
    for i in places:
        assert ecg.symbols[i - 1] == "N"
        assert intervals[i - 1] < 0.7 * usual
        if i < len(intervals):
            assert intervals[i - 1] + intervals[i] == pytest.approx(2 * usual, rel=0.1)


def test_the_heart_rate_and_the_number_of_pvcs_are_as_asked():
    ecg = synthetic_ecg(600, 200, heart_rate_bpm=90, pvc_every=0)
    assert set(ecg.symbols) == {"N"}
    assert len(ecg.samples) == pytest.approx(900, rel=0.02)
    often = synthetic_ecg(600, 200, pvc_every=6)
    assert often.symbols.count("V") == pytest.approx(len(often.symbols) / 7, rel=0.2)


@pytest.mark.parametrize(
    "wrong", [{"duration_s": 1}, {"rate_hz": 50}, {"heart_rate_bpm": 300}, {"pvc_every": -1}]
)
def test_values_out_of_range_are_refused(wrong):
    arguments = {"duration_s": 10, "rate_hz": 360, **wrong}
    with pytest.raises(UsageError, match="cannot draw"):
        synthetic_ecg(**arguments)
