from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.ec57.ratio import Ratio
from edgecnn.ecg.ec57.statistics import summarize


def test_gross_and_average():
    """90/100, 1/10 and nothing: gross 91/110, average of 0.9 and 0.1."""
    one = summarize([{"se": Ratio(90, 100)}, {"se": Ratio(1, 10)}, {"se": Ratio(0, 0)}])["se"]
    assert (one.part, one.whole, one.records) == (91, 110, 2)
    assert one.gross == pytest.approx(91 / 110)
    assert one.average == pytest.approx(0.5)


def test_two_records_are_drawn_as_one_draws_two_of_two():
    """Twice the one (1/4), once each (1/2), twice the other (1/4): 0.1, 91/110, 0.9.

    The 2.5th and 97.5th percentile are the outer ones.
    """
    one = summarize([{"se": Ratio(90, 100)}, {"se": Ratio(1, 10)}])["se"]
    assert one.interval_95 == pytest.approx((0.1, 0.9))


def test_a_single_record_has_no_interval():
    assert summarize([{"se": Ratio(9, 10)}])["se"].interval_95 is None
    assert summarize([{"se": Ratio(9, 10)}, {"se": Ratio(0, 0)}])["se"].interval_95 is None


def test_alike_records_leave_no_doubt():
    one = summarize([{"se": Ratio(3, 4)}] * 5)["se"]
    assert one.interval_95 == (0.75, 0.75)


def test_the_interval_is_that_of_the_records():
    """Of 40 records with shares around 0.8, s.d. 0.1: the standard error is 0.1/sqrt(40)."""
    shares = np.clip(np.random.default_rng(1).normal(0.8, 0.1, 40), 0, 1)
    one = summarize([{"se": Ratio(float(share * 1000), 1000)} for share in shares])["se"]
    assert one.interval_95 is not None
    half = (one.interval_95[1] - one.interval_95[0]) / 2
    assert half == pytest.approx(1.96 * shares.std() / np.sqrt(40), rel=0.1)


def test_nothing_at_all():
    assert summarize([]) == {}
    none = summarize([{"se": Ratio(0, 0)}] * 3)["se"]
    assert (none.gross, none.average, none.records, none.interval_95) == (None, None, 0, None)
