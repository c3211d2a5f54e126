"""The last seconds of a live ECG as a picture: trace, beats in the colours of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.rolling import RollingFigures

__all__ = ["BEAT_COLOURS", "TRACE_S", "Trace", "draw_trace"]

#: Seconds that the picture shows.
TRACE_S = 6.0

Colour = tuple[int, int, int]

_SIZE = (960, 540)
#: What the overlay leaves free: its panel is at the upper left, its footer at the lower edge.
_TOP, _BOTTOM, _MARGIN = 250, 496, 20
_BACKGROUND: Colour = (28, 24, 22)
_GRID: Colour = (52, 46, 42)
_GRID_STRONG: Colour = (74, 66, 60)
_INK: Colour = (196, 232, 188)
_TEXT: Colour = (214, 214, 208)
_FAINT: Colour = (140, 136, 130)
#: Blue, green, red; a class that is not listed is drawn like one without an answer.
BEAT_COLOURS: dict[str, Colour] = {
    "N": (122, 214, 96),
    "S": (66, 190, 255),
    "V": (80, 80, 255),
    "F": (230, 110, 220),
}
_ALARM: Colour = (40, 40, 200)
_AMBER: Colour = (60, 180, 250)
_OTHER: Colour = (170, 166, 160)
#: Heights of the picture in mV: as much as the signal needs, in few steps so that it does not jump.
_SCALES_MV = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 50.0, 200.0, 1000.0, 10000.0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class Trace:
    """What is drawn; a snapshot that nobody changes any more.

    Attributes
    ----------
    signal_uv : ndarray of int64, shape (samples,)
        The last samples, newest last; at most :data:`TRACE_S` seconds.
    valid : ndarray of bool, same shape
        False where there is no signal.
    rate_hz : float
    first : int
        Number of the first sample within the stream.
    beats : sequence of (int, str)
        Sample within the stream and class of each beat in sight; ``""`` for one without an answer.
    heart_rate_bpm : float or None
    figures : RollingFigures
    ringing : tuple of str
        The alarms that are on.
    lead : str
    counts_beats : bool
        Whether there is a heart rate; it is left out otherwise.
    complaint : str
        What is wrong with the signal.
    """

    signal_uv: NDArray[np.int64]
    valid: NDArray[np.bool_]
    rate_hz: float
    first: int
    beats: Sequence[tuple[int, str]]
    heart_rate_bpm: float | None
    figures: RollingFigures
    ringing: tuple[str, ...]
    lead: str
    counts_beats: bool = True
    complaint: str = ""


def draw_trace(trace: Trace) -> NDArray[np.uint8]:
    """Draw the picture.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    ndarray of uint8, shape (540, 960, 3)
        BGR; the newest sample at the right edge.
    """
    width, height = _SIZE
    canvas = np.full((height, width, 3), _BACKGROUND, dtype=np.uint8)
    newest = trace.first + len(trace.signal_uv)
    per_s = (width - 2 * _MARGIN) / TRACE_S

    def across(sample: NDArray[np.floating] | float) -> NDArray[np.floating]:
        return np.asarray(width - _MARGIN - (newest - sample) / trace.rate_hz * per_s)

    centre, scale = _scale(trace)
    per_mv = (_BOTTOM - _TOP) / scale
    middle = (_TOP + _BOTTOM) / 2
    _grid(canvas, newest / trace.rate_hz, per_s, per_mv)
    for sample, label in trace.beats:
        if sample >= trace.first:
            _mark(canvas, int(across(float(sample))), label)
    x = across(trace.first + np.arange(len(trace.signal_uv), dtype=np.float64))
    y = middle - (trace.signal_uv / 1000 - centre) * per_mv
    points = np.stack([x, np.clip(y, _TOP - 20, _BOTTOM + 20)], axis=1)
    edges = np.flatnonzero(np.diff(trace.valid)) + 1
    for part, seen in zip(np.split(points, edges), np.split(trace.valid, edges), strict=True):
        if len(part) > 1 and seen[0]:
            fixed = np.rint(part * 16).astype(np.int32)
            cv2.polylines(canvas, [fixed], False, _INK, 2, cv2.LINE_AA, 4)  # noqa: FBT003
    _figures(canvas, trace, scale)
    _alarms(canvas, trace.ringing)
    if trace.complaint:
        _complain(canvas, trace.complaint)
    return canvas


def _scale(trace: Trace) -> tuple[float, float]:
    """Return the middle of the signal and how many mV the trace is high."""
    seen = trace.signal_uv[trace.valid] / 1000
    if not seen.size:
        return 0.0, 2.0
    # The baseline lies lower than the middle: R peaks point upwards more often than not.
    low, high = np.percentile(seen, [0.2, 99.8])
    needed = 1.15 * float(high - low)
    scale = next((s for s in _SCALES_MV if s >= needed), _SCALES_MV[-1])
    return float(low + high) / 2, scale


def _grid(canvas: NDArray[np.uint8], now_s: float, per_s: float, per_mv: float) -> None:
    """Draw lines every 0.2 s and 0.5 mV, strong ones every second; they move with the trace."""
    right = canvas.shape[1] - _MARGIN
    fifths = int(now_s * 5)
    for number in range(fifths, fifths - int(TRACE_S * 5) - 1, -1):
        x = round(right - (now_s - number / 5) * per_s)
        if x >= _MARGIN:
            colour = _GRID_STRONG if number % 5 == 0 else _GRID
            cv2.line(canvas, (x, _TOP), (x, _BOTTOM), colour, 1)
    step = 0.5 * per_mv
    while step < 12:
        step *= 2
    y = float(_TOP)
    while y <= _BOTTOM:
        cv2.line(canvas, (_MARGIN, round(y)), (right, round(y)), _GRID, 1)
        y += step


def _mark(canvas: NDArray[np.uint8], x: int, label: str) -> None:
    colour = BEAT_COLOURS.get(label, _OTHER)
    text = label or "?"
    band = canvas[_TOP:_BOTTOM, max(0, x - 14) : x + 15]
    if band.size:
        cv2.addWeighted(band, 0.8, np.full_like(band, colour), 0.2, 0, dst=band)
    (text_width, _), _ = cv2.getTextSize(text, _FONT, 0.7, 2)
    cv2.putText(canvas, text, (x - text_width // 2, _TOP - 8), _FONT, 0.7, colour, 2, cv2.LINE_AA)


def _figures(canvas: NDArray[np.uint8], trace: Trace, scale: float) -> None:
    """Write heart rate, lead and scale at the upper right."""
    legend = f"{trace.lead}   {scale:g} mV high   {TRACE_S:g} s"
    _right_aligned(canvas, legend, 160, 0.5, _FAINT)
    if not trace.counts_beats:
        return
    rate = "--" if trace.heart_rate_bpm is None else f"{trace.heart_rate_bpm:.0f}"
    right = canvas.shape[1] - _MARGIN
    (number_width, _), _ = cv2.getTextSize(rate, _FONT, 2.4, 4)
    (unit_width, _), _ = cv2.getTextSize("/min", _FONT, 0.7, 1)
    x = right - unit_width - 10 - number_width
    cv2.putText(canvas, rate, (x, 100), _FONT, 2.4, _TEXT, 4, cv2.LINE_AA)
    cv2.putText(canvas, "/min", (right - unit_width, 100), _FONT, 0.7, _FAINT, 1, cv2.LINE_AA)
    _right_aligned(canvas, "   ".join(trace.figures.told), 134, 0.55, _TEXT)


def _alarms(canvas: NDArray[np.uint8], ringing: Sequence[str]) -> None:
    """Write what is on, white on red, above the trace at the right."""
    if not ringing:
        return
    text = ", ".join(ringing)
    (width, _), _ = cv2.getTextSize(text, _FONT, 0.6, 2)
    right = canvas.shape[1] - _MARGIN
    cv2.rectangle(canvas, (max(0, right - width - 20), 176), (right, 206), _ALARM, cv2.FILLED)
    at = (max(4, right - width - 10), 198)
    cv2.putText(canvas, text, at, _FONT, 0.6, (255, 255, 255), 2, cv2.LINE_AA)


def _complain(canvas: NDArray[np.uint8], text: str) -> None:
    """Write what is wrong with the signal, dark on amber, below the trace's upper edge."""
    (width, _), _ = cv2.getTextSize(text, _FONT, 0.6, 1)
    middle = canvas.shape[1] // 2
    left, right = middle - width // 2 - 10, middle + width // 2 + 10
    cv2.rectangle(canvas, (left, _TOP + 8), (right, _TOP + 38), _AMBER, cv2.FILLED)
    cv2.putText(canvas, text, (left + 10, _TOP + 30), _FONT, 0.6, _BACKGROUND, 1, cv2.LINE_AA)


def _right_aligned(
    canvas: NDArray[np.uint8], text: str, y: int, size: float, colour: Colour
) -> None:
    (width, _), _ = cv2.getTextSize(text, _FONT, size, 1)
    at = (canvas.shape[1] - _MARGIN - width, y)
    cv2.putText(canvas, text, at, _FONT, size, colour, 1, cv2.LINE_AA)
