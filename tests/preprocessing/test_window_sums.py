"""Sums of sliding windows: their definition, whatever the width, the length and the integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgecnn.preprocessing import window_sums as module
from edgecnn.preprocessing.window_sums import largest_of, narrowed, window_sums


def by_definition(signal: NDArray[np.integer], width: int) -> list[int]:
    return [sum(signal[n : n + width].tolist()) for n in range(len(signal) - width + 1)]


@given(
    arrays(np.int64, st.integers(0, 200), elements=st.integers(-(2**40), 2**40)),
    st.integers(1, 210),
)
def test_each_window_by_its_definition(signal: NDArray[np.int64], width: int) -> None:
    assert window_sums(signal, width).tolist() == by_definition(signal, width)


@pytest.mark.parametrize("width", [1, 2, 7, 8, 289])
@pytest.mark.parametrize("beyond", [-1, 0, 1, 288])
def test_where_one_block_ends_and_the_next_begins(width: int, beyond: int) -> None:
    count = 2 * module._BLOCK + beyond
    signal = np.random.default_rng(width).integers(-1000, 1000, count).astype(np.int32)
    totals = np.concatenate([[0], np.cumsum(signal, dtype=np.int64)])
    sums = window_sums(signal, width)
    assert sums.dtype == np.int32
    np.testing.assert_array_equal(sums, totals[width:] - totals[:-width])


def test_rows_are_added_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(-99, 99, (50, 4))
    expected = np.stack([window_sums(column, 6) for column in rows.T], axis=1)
    # Three rows at a time.
    monkeypatch.setattr(module, "_BLOCK", 12)
    np.testing.assert_array_equal(window_sums(rows, 6), expected)


def test_the_signal_is_left_as_it_was() -> None:
    signal = np.arange(100)
    window_sums(signal, 1)[:] = 0
    window_sums(signal, 13)
    assert signal.tolist() == list(range(100))


def test_narrowed_holds_what_it_says() -> None:
    limits = np.iinfo(np.int32)
    assert narrowed(limits.max) == np.int32
    assert narrowed(limits.max + 1) == np.int64


def test_largest_of() -> None:
    assert largest_of(np.array([3, -7, 5])) == 7
    assert largest_of(np.array([], dtype=np.int64)) == 0
    # Its absolute value is no int32.
    assert largest_of(np.array([np.iinfo(np.int32).min], dtype=np.int32)) == 2**31
