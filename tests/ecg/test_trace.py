from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.rolling import RollingFigures
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.ecg.trace import BEAT_COLOURS, Trace, draw_trace
from edgecnn.preprocessing.boxcar import to_microvolts

RATE = 360.0
INK = (196, 232, 188)


def trace(seconds=6.0, first=1000, beats=(), valid=None, gain=1.0, rate=70.0, ringing=()):
    signal = to_microvolts(gain * synthetic_ecg(max(seconds, 2), RATE, seed=1).signal_mv)
    signal = signal[: round(seconds * RATE)]
    mask = np.ones(signal.size, dtype=bool) if valid is None else valid
    return Trace(signal, mask, RATE, first, beats, rate, RollingFigures(), ringing, "MLII")


def coloured(picture, colour):
    """Columns with a pixel of a colour."""
    return np.flatnonzero((picture == colour).all(axis=2).any(axis=0))


def test_the_trace_fills_the_width_and_its_own_height():
    picture = draw_trace(trace())
    assert picture.shape == (540, 960, 3)
    columns = coloured(picture, INK)
    assert columns[0] < 30
    assert columns[-1] > 930
    rows = np.flatnonzero((picture == INK).all(axis=2).any(axis=1))
    # The overlay's panel and footer have the rest.
    assert rows[0] > 200
    assert rows[-1] < 510


@pytest.mark.parametrize("gain", [0.05, 1.0, 40.0, 5000.0])
def test_any_amplitude_is_in_the_picture(gain):
    rows = np.flatnonzero((draw_trace(trace(gain=gain)) == INK).all(axis=2).any(axis=1))
    assert rows[-1] - rows[0] > 60
    assert rows[0] > 200


def test_each_beat_is_marked_in_the_colour_of_its_class_where_it_is():
    middle = 1000 + round(3 * RATE)
    for label, colour in BEAT_COLOURS.items():
        columns = coloured(draw_trace(trace(beats=[(middle, label)])), colour)
        assert columns.mean() == pytest.approx(480, abs=6)
    assert coloured(draw_trace(trace(beats=[(5, "V")])), BEAT_COLOURS["V"]).size == 0


def test_a_gap_is_left_empty():
    valid = np.ones(round(6 * RATE), dtype=bool)
    valid[720:1440] = False
    columns = coloured(draw_trace(trace(valid=valid)), INK)
    assert not ((columns > 335) & (columns < 625)).any()
    assert ((columns < 320) | (columns > 640)).sum() > 400


@pytest.mark.parametrize("seconds", [0.0, 0.1, 2.0])
def test_the_first_seconds_come_in_from_the_right(seconds):
    columns = coloured(draw_trace(trace(seconds=seconds, first=0, rate=None)), INK)
    assert (columns > 940 - 160 * seconds - 6).all()
    assert bool(columns.size) == (seconds > 0)


def test_the_same_trace_gives_the_same_picture():
    assert np.array_equal(draw_trace(trace()), draw_trace(trace()))


def test_an_alarm_is_written_white_on_red_beside_the_panel():
    quiet, ringing = draw_trace(trace()), draw_trace(trace(ringing=("heart rate is high",)))
    red = (ringing == (40, 40, 200)).all(axis=2)
    assert not (quiet == (40, 40, 200)).all(axis=2).any()
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert 160 < rows[0] < rows[-1] < 215
    assert columns[0] > 500
    assert (ringing[rows[0] : rows[-1], columns[0] :] == 255).all(axis=2).sum() > 200
