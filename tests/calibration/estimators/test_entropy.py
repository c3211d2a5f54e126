from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.estimators.entropy import Entropy
from tests.calibration.estimators.test_estimators import seen


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_threshold_scales_with_the_values(scale):
    data = np.random.default_rng(0).laplace(size=100_000)
    plain = Entropy().range_of(seen(data)).high
    assert Entropy().range_of(seen(data * scale)).high == pytest.approx(plain * scale, rel=0.1)


def test_long_tails_are_cut_and_short_ones_are_not():
    random = np.random.default_rng(0)
    kept = {}
    for name, data in {
        "uniform": random.uniform(0, 1, 100_000),
        "normal": np.abs(random.normal(size=100_000)),
        "student": np.abs(random.standard_t(3, 100_000)),
    }.items():
        kept[name] = Entropy().range_of(seen(data)).high / data.max()
    assert kept["uniform"] > 0.97 > kept["normal"] > 0.5 > kept["student"]


def test_zeros_of_a_relu_do_not_move_the_threshold():
    data = np.abs(np.random.default_rng(0).normal(size=100_000))
    with_zeros = np.append(data, np.zeros(1_000_000))
    expected = Entropy().range_of(seen(data)).high
    assert Entropy().range_of(seen(with_zeros)).high == pytest.approx(expected, rel=0.05)
