from __future__ import annotations

import time

import numpy as np
import pytest

from edgecnn.calibration.latency import Comparison, compare_latency, median_interval


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


def test_the_interval_of_a_median_holds_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    for n in (10, 31, 200):
        held = 0
        for _ in range(1000):
            low, high = median_interval(random.standard_cauchy(n).tolist())
            held += low <= 0 <= high
        # By the binomial distribution never less; with few values its steps are coarse.
        assert 935 <= held <= 995


def test_few_values_give_the_widest_interval():
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert median_interval([5.0]) == (5.0, 5.0)


@pytest.mark.parametrize(
    ("interval", "quartiles", "slower"),
    [
        ((0.8, 0.9), (0.8, 0.95), True),
        # Three percent are what another run may give back.
        ((0.96, 0.98), (0.95, 0.99), False),
        # A busy machine: the median is low, but a quarter of the rounds say otherwise.
        ((0.8, 0.9), (0.5, 1.1), False),
        ((0.8, 1.2), (0.7, 1.3), False),
    ],
)
def test_clearly_slower(interval, quartiles, slower):
    timed = Comparison((1.0, 1.0), (1.2, 1.2), 0.85, quartiles, interval)
    assert timed.clearly_slower == slower
