from __future__ import annotations

import time

import pytest

from edgecnn.calibration.latency import compare_latency


def _sleeps(seconds):
    return lambda: time.sleep(seconds)


def test_ratio_of_known_durations():
    result = compare_latency(_sleeps(0.004), _sleeps(0.002), seconds=0.3)
    assert result.speedup == pytest.approx(2.0, rel=0.25)
    assert result.first_ms[0] == pytest.approx(4.1, rel=0.25)
    assert result.speedup_range[0] <= result.speedup <= result.speedup_range[1]
    assert result.first_ms[0] <= result.first_ms[1]


def test_the_two_are_run_in_turns():
    order: list[str] = []
    compare_latency(
        lambda: (order.append("a"), time.sleep(0.02)),
        lambda: (order.append("b"), time.sleep(0.02)),
        seconds=0.1,
    )
    after_warm_up = "".join(order[8:])
    assert after_warm_up.startswith("abababab")
