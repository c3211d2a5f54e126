from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.latency import Comparison, compare_latency, median_interval


class _Clock:
    """Time that passes only while something is called: no neighbour can slow it."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.order = []
        monkeypatch.setattr("edgecnn.calibration.latency.time.perf_counter", lambda: self.now)

    def takes(self, seconds, name=""):
        def call():
            self.now += seconds
            self.order.append(name)

        return call


def test_ratio_of_known_durations(monkeypatch):
    clock = _Clock(monkeypatch)
    result = compare_latency(clock.takes(0.004), clock.takes(0.002), seconds=0.3)
    assert result.speedup == pytest.approx(2.0)
    assert result.first_ms == pytest.approx((4.0, 4.0))
    assert result.second_ms == pytest.approx((2.0, 2.0))
    assert result.speedup_range == result.interval_95 == pytest.approx((2.0, 2.0))


def test_the_two_are_run_in_turns(monkeypatch):
    clock = _Clock(monkeypatch)
    compare_latency(clock.takes(0.02, "a"), clock.takes(0.02, "b"), seconds=0.1)
    after_warm_up = "".join(clock.order[8:])
    assert after_warm_up == "ab" * 10


def test_a_machine_that_slows_down_slows_both(monkeypatch):
    clock = _Clock(monkeypatch)

    def slowing(seconds):
        def call():
            clock.now += seconds * (1 if clock.now < 0.5 else 3)

        return call

    result = compare_latency(slowing(0.01), slowing(0.02), seconds=1)
    assert result.speedup == pytest.approx(0.5, rel=0.01)
    assert result.first_ms[1] == pytest.approx(30.0)


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
