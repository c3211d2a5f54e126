import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.runtime.latency import LatencyHistogram


@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=300), st.sampled_from([50, 95, 99]))
def test_percentiles_are_within_half_a_percent(values, percent):
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value)
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.006)


def test_nothing_counted_gives_zero():
    assert LatencyHistogram().summary() == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_memory_does_not_grow():
    histogram = LatencyHistogram()
    size = histogram._counts.nbytes
    for value in np.geomspace(1e-9, 1e12, 5000):
        histogram.add(float(value))
    assert histogram._counts.nbytes == size
    assert histogram.count == 5000
