from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgecnn.calibration.best_method import Chosen, least_noise, with_corrections
from edgecnn.calibration.forms import StaticForms
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.probe import sqnr_db
from edgecnn.calibration.ranges import Range, estimate_ranges
from edgecnn.calibration.sessions import session_of


@pytest.fixture(scope="module")
def made(graphs):
    prepared = prepare(graphs.conv_chain())
    data = graphs.pictures(24)
    ranges = estimate_ranges(prepared, lambda start=0: [data])
    forms = StaticForms(prepared, ranges, "uint8", reduce_range=False)
    run = lambda graph: session_of(graph).run(None, data)[0]  # noqa: E731
    return forms, run, run(prepared)


def test_the_ranges_that_leave_the_least_noise_are_taken(made):
    forms, run, reference = made
    wide = {name: Range(50 * r.low, 50 * r.high) for name, r in forms.ranges.items()}
    narrow = {name: Range(r.low / 50, r.high / 50) for name, r in forms.ranges.items()}
    told = []
    chosen = least_noise(
        {
            "wide": replace(forms, ranges=wide),
            "right": forms,
            "narrow": replace(forms, ranges=narrow),
        },
        run,
        reference,
        progress=lambda done, total: told.append((done, total)),
    )
    assert chosen.title == "right"
    assert (
        chosen.tried["right"] == chosen.sqnr_db > max(chosen.tried["wide"], chosen.tried["narrow"])
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_of_two_alike_the_first_is_taken(made):
    forms, run, reference = made
    assert least_noise({"a": forms, "b": forms}, run, reference).title == "a"


def test_corrections_are_kept_only_where_they_help(made):
    forms, run, reference = made
    chosen = least_noise({"a": forms}, run, reference)
    harm = {"conv1": np.full(8, 0.5, np.float32)}
    assert with_corrections(chosen, harm, run, reference) is None
    assert with_corrections(chosen, {}, run, reference) is None
    broken = Chosen(replace(forms, corrections=harm), "a", -50.0, {})
    better = with_corrections(broken, {"conv1": np.zeros(8, np.float32)}, run, reference)
    assert better is not None
    assert better.sqnr_db == pytest.approx(chosen.sqnr_db, abs=0.5)


def test_values_that_are_no_numbers_are_noise():
    assert sqnr_db(np.array([np.nan]), np.array([1.0])) == float("-inf")
    assert sqnr_db(np.array([1.0]), np.array([1.0])) > 200
