"""The report's figures as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from edgecnn.ecg.parts import Part
from edgecnn.ecg.strips import Strip

__all__ = ["class_style", "clock", "strip_figure", "tachogram"]

#: Classes that have a colour of their own.
_COLOURED = ("S", "V", "F", "Q")

#: ECG paper: 25 mm per second; the viewBox counts in millimetres.
_MM_PER_S = 25
_STRIP_MM = 36.0
_HEAD_MM = 7.0
_FOOT_MM = 1.5
#: Half as wide as the widest letter is on a phone, and a little paper beside it.
_LETTER_MM = 3.0
_GAINS_MM_PER_MV = (20.0, 10.0, 5.0, 2.5, 1.0)
#: What of the trace belongs to a beat, in ms before and after its R peak.
_BEAT_MS = (120, 220)

_CHART = (1000, 200)
_RATE_STEP_BPM = 20


def class_style(name: str) -> str:
    """Return the style class of a beat class."""
    return f"c-{name}" if name in _COLOURED else "c-N"


def strip_figure(strip: Strip) -> str:
    """Draw a strip on ECG paper, its beats lettered and the abnormal ones coloured."""
    width = strip.length_s * _MM_PER_S
    low, high = _extent(strip)
    room = _STRIP_MM - _HEAD_MM - _FOOT_MM
    swing = max((high - low) / 1000, 1e-6)
    gain = next((g for g in _GAINS_MM_PER_MV if g * swing <= room), room / swing)
    middle = _HEAD_MM + room / 2

    def x(ms: float) -> float:
        return ms * _MM_PER_S / 1000

    def y(microvolts: float) -> float:
        return middle - (microvolts - (low + high) / 2) / 1000 * gain

    points = [
        None if uv is None else (x(ms), y(uv))
        for ms, uv in zip(strip.trace_ms, strip.trace_uv, strict=True)
    ]
    shapes = [f'<path class="trace" d="{_line(points)}"/>']
    letters = []
    for ms, name in strip.beats:
        middle_of_letter = min(max(x(ms), _LETTER_MM), width - _LETTER_MM)
        letters.append(
            f'<text class="{class_style(name)}" x="{middle_of_letter:.1f}" y="5">'
            f"{escape(name)}</text>"
        )
        if class_style(name) != "c-N":
            own = [
                point
                for at, point in zip(strip.trace_ms, points, strict=True)
                if ms - _BEAT_MS[0] <= at <= ms + _BEAT_MS[1]
            ]
            shapes.append(f'<path class="trace {class_style(name)}" d="{_line(own)}"/>')
    counted = ", ".join(f"{clock(strip.start_s + ms / 1000)} {name}" for ms, name in strip.beats)
    scale = f"{gain:.3g} mm/mV" if gain in _GAINS_MM_PER_MV else "fitted to height"
    return (
        f'<figure class="strip"><figcaption><b class="{class_style(strip.focus)}">'
        f"{escape(strip.focus)}</b> {clock(strip.start_s)} <span>{scale}</span></figcaption>"
        f'<svg viewBox="0 0 {width:g} {_STRIP_MM:g}" role="img" '
        f'aria-label="ECG strip; beats: {escape(counted)}">'
        f'<rect class="paper" width="{width:g}" height="{_STRIP_MM:g}"/>'
        f"{''.join(shapes)}{''.join(letters)}</svg></figure>"
    )


def tachogram(part: Part) -> str:
    """Draw the heart rate from beat to beat: a dot for each interval, coloured by its beat."""
    rate_hz, duration = part.score.sampling_rate_hz, part.score.duration_s
    dots = [
        (sample / rate_hz, 60 / interval, name)
        for sample, interval, name in zip(
            part.samples[1:], part.intervals_s, part.classes[1:], strict=True
        )
        if interval is not None
    ]
    if len(dots) < 2:
        return ""
    low, high = _rate_range([rate for _, rate, _ in dots])
    width, height = _CHART

    def y(rate: float) -> float:
        return height * (1 - (min(max(rate, low), high) - low) / (high - low))

    # A day has more beats than the screen has dots: what falls together is drawn once.
    cells: dict[str, dict[tuple[int, int], None]] = {}
    for time, rate, name in dots:
        cell = (round(width * time / duration), round(y(rate)))
        cells.setdefault(class_style(name), {})[cell] = None
    order = sorted(cells, key=lambda style: style != "c-N")
    paths = "".join(
        f'<path class="dots {style}" d="{"".join(f"M{a} {b}h0" for a, b in cells[style])}"/>'
        for style in order
    )
    step = _RATE_STEP_BPM * max(1, math.ceil((high - low) / (6 * _RATE_STEP_BPM)))
    lines, labels = [], []
    for rate in range(low, high + 1, step):
        lines.append(f"M0 {y(rate):.4g}h{width}")
        labels.append(f'<span class="y" style="top:{100 * y(rate) / height:.4g}%">{rate}</span>')
    times = [duration * n / 4 for n in range(5)]
    axis = "".join(f"<span>{clock(time)[:-2]}</span>" for time in times)
    return (
        '<figure class="chart"><figcaption>Heart rate from beat to beat, bpm</figcaption>'
        f'<div class="plot">{"".join(labels)}'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="Heart rate over time, {low} to {high} bpm">'
        f'<path class="grid" d="{"".join(lines)}"/>{paths}</svg></div>'
        f'<div class="times">{axis}</div></figure>'
    )


def clock(seconds: float) -> str:
    """Return a time in the record: ``1:02:03.4`` or ``2:03.4``.

    Examples
    --------
    >>> clock(62.04), clock(3723.4)
    ('1:02.0', '1:02:03.4')
    """
    tenths = round(10 * seconds)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{tenths // 10:02}.{tenths % 10}"


def _extent(strip: Strip) -> tuple[float, float]:
    known = [uv for uv in strip.trace_uv if uv is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)


def _line(points: Sequence[tuple[float, float] | None]) -> str:
    """Return a path through points in tenths of a unit; it breaks where there is none."""
    words: list[str] = []
    last: tuple[int, int] | None = None
    for point in points:
        if point is None:
            last = None
            continue
        here = (round(point[0] * 10), round(point[1] * 10))
        if last is None:
            words.append(f"M{here[0] / 10:g} {here[1] / 10:g}l")
        else:
            across, down = (here[0] - last[0]) / 10, (here[1] - last[1]) / 10
            words.append(f"{across:g} {down:g} ")
        last = here
    return "".join(words)


def _rate_range(rates: list[float]) -> tuple[int, int]:
    """Return lowest and highest rate to draw; single outliers are drawn at the edge."""
    ordered = sorted(rates)
    cut = len(ordered) // 200
    low = math.floor(ordered[cut] / _RATE_STEP_BPM) * _RATE_STEP_BPM
    high = math.ceil(ordered[-1 - cut] / _RATE_STEP_BPM) * _RATE_STEP_BPM
    return low, max(high, low + 2 * _RATE_STEP_BPM)
