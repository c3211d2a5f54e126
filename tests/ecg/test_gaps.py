from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.gaps import GapFiller, gaps_of

NAN = np.nan


def filled(signal, rate_hz=360, cuts=()):
    filler = GapFiller(rate_hz)
    parts = [filler.push(chunk) for chunk in np.split(np.asarray(signal, dtype=float), cuts)]
    parts.append(filler.flush())
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def test_a_whole_signal_is_left_as_it_is():
    signal = np.random.default_rng(0).normal(size=500)
    out, valid = filled(signal)
    assert np.array_equal(out, signal)
    assert valid.all()


def test_a_short_gap_becomes_a_line_and_counts_as_signal():
    out, valid = filled([0.0, 1, NAN, NAN, NAN, 5, 6])
    assert out.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert valid.all()


@pytest.mark.parametrize(("rate_hz", "longest"), [(360, 7), (250, 5), (1000, 20), (100, 2)])
def test_20_ms_are_bridged_and_no_more(rate_hz, longest):
    for length in (longest, longest + 1):
        signal = np.ones(100)
        signal[50 : 50 + length] = NAN
        _, valid = filled(signal, rate_hz)
        assert valid.all() == (length == longest)


def test_after_a_long_gap_the_signal_goes_on_where_it_was():
    """Its offset alone is another: no step, so nothing that looks like a beat."""
    signal = [1.0, 2.0, *[NAN] * 8, 7.0, 8.0, 6.0]
    out, valid = filled(signal)
    assert out.tolist() == [1, 2, *[2] * 8, 2, 3, 1]
    assert np.flatnonzero(~valid).tolist() == list(range(2, 10))


def test_short_gaps_after_a_long_one_keep_its_offset():
    out, _ = filled([1.0, *[NAN] * 8, 7.0, NAN, 9.0])
    assert out[-3:].tolist() == [1, 2, 3]


def test_gaps_at_the_ends():
    out, valid = filled([NAN, NAN, 3.0, 4.0, NAN])
    assert out.tolist() == [3, 3, 3, 4, 4]
    assert valid.all()
    out, valid = filled([*[NAN] * 9, 3.0, 4.0, *[NAN] * 9])
    assert out.tolist() == [*[0] * 9, 0, 1, *[1] * 9]
    assert np.flatnonzero(valid).tolist() == [9, 10]
    out, valid = filled([NAN] * 3)
    assert out.tolist() == [0, 0, 0]


def test_what_no_electrode_gives_is_a_gap():
    out, valid = filled([0.0, 1e308, -np.inf, 3.0])
    assert out.tolist() == [0, 1, 2, 3]
    _, valid = filled([0.0, *[1e308] * 10, 3.0])
    assert np.count_nonzero(~valid) == 10


def test_offsets_do_not_add_up_without_end():
    signal = np.tile([*np.linspace(0, 900, 10), *[NAN] * 9], 50)
    out, _ = filled(signal)
    assert np.abs(out).max() < 2000


def test_nothing_is_held_back_but_a_gap():
    filler = GapFiller(360)
    assert filler.push(np.arange(5.0))[0].size == 5
    assert filler.push(np.array([5.0, NAN, NAN]))[0].size == 1
    assert filler.push(np.full(5, NAN))[0].size == 0
    assert filler.push(np.full(1, NAN))[0].size == 8
    assert filler.push(np.full(3, NAN))[0].size == 3


@pytest.mark.parametrize("seed", range(20))
def test_however_it_is_cut_the_result_is_the_same(seed):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=400).cumsum()
    for start in rng.integers(0, 400, size=8):
        signal[start : start + rng.integers(1, 16)] = NAN
    whole = filled(signal)
    cuts = np.sort(rng.integers(0, 401, size=rng.integers(1, 200)))
    for one, other in zip(whole, filled(signal, cuts=cuts), strict=True):
        assert np.array_equal(one, other)
    each = filled(signal, cuts=np.arange(1, 400))
    assert np.array_equal(each[0], whole[0])


def test_gaps_are_told_by_their_ends():
    valid = np.array([False, True, True, False, False, True, False])
    assert gaps_of(valid).tolist() == [[0, 1], [3, 5], [6, 7]]
    assert gaps_of(valid, longer_than=1).tolist() == [[3, 5]]
    assert gaps_of(np.ones(3, dtype=bool)).shape == (0, 2)
