from __future__ import annotations

import pytest

from edgecnn.calibration.fastest import fastest_form
from edgecnn.calibration.latency import Comparison

BLOCKS = {"a": ("1",), "b": ("2",), "c": ("3",)}


def _machine(times, *, spread=0.01):
    """Race by known times; a form that is not listed cannot be made."""

    def race(one, other):
        first, second = times.get(frozenset(one)), times.get(frozenset(other))
        if first is None or second is None:
            return None
        ratio = first / second
        bounds = (ratio * (1 - spread), ratio * (1 + spread))
        return Comparison((first, first), (second, second), ratio, bounds, bounds)

    return race


def _times(**values):
    return {frozenset(k.strip("_")): v for k, v in values.items()}


def test_blocks_go_while_that_is_faster():
    times = _times(_=10, a=8, b=9, c=11, ab=7, ac=9, bc=10, abc=9)
    assert set(fastest_form(BLOCKS, _machine(times)).left) == {"a", "b"}


def test_all_at_once_is_tried_too():
    """One alone may only add changes of type, as in MobileNetV3."""
    times = _times(_=10, a=11, b=11, c=11, abc=8)
    assert set(fastest_form(BLOCKS, _machine(times)).left) == {"a", "b", "c"}


@pytest.mark.parametrize(("gain", "spread"), [(0.98, 0.0), (0.9, 0.2)])
def test_noise_does_not_decide(gain, spread):
    """Neither a gain of two percent, nor one whose interval reaches down to none."""
    times = _times(_=10, a=10 * gain, b=10, c=10, abc=10)
    assert fastest_form(BLOCKS, _machine(times, spread=spread)).left == ()


def test_what_cannot_be_made_is_passed_over():
    assert fastest_form(BLOCKS, _machine(_times(_=10))).left == ()
    assert fastest_form({}, _machine({})).tried == 0
