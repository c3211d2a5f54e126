"""The report's figures as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.parts import Part
from edgecnn.ecg.strips import Strip

__all__ = ["class_style", "clock", "rr_histogram", "strip_figure", "tachogram"]

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
#: More than a chart is high.
_ROWS = 1000
_RATE_STEP_BPM = 20
_BIN_MS = 20
_MOST_BINS = 150

_Floats = NDArray[np.float64]


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

    per_ms = _MM_PER_S / 1000

    def y(microvolts: _Floats) -> _Floats:
        return middle - (microvolts - (low + high) / 2) / 1000 * gain

    ms = np.array(strip.trace_ms, dtype=np.float64)
    known = np.array([np.nan if uv is None else uv for uv in strip.trace_uv], dtype=np.float64)
    tenths = np.round(np.stack([ms * per_ms, y(known)], axis=1) * 10)
    shapes = [f'<path class="trace" d="{_line(tenths)}"/>']
    letters = []
    for at, name in strip.beats:
        middle_of_letter = min(max(at * per_ms, _LETTER_MM), width - _LETTER_MM)
        letters.append(
            f'<text class="{class_style(name)}" x="{middle_of_letter:.1f}" y="5">'
            f"{escape(name)}</text>"
        )
        if class_style(name) != "c-N":
            first = np.searchsorted(ms, at - _BEAT_MS[0])
            stop = np.searchsorted(ms, at + _BEAT_MS[1], side="right")
            own = _line(tenths[first:stop])
            shapes.append(f'<path class="trace {class_style(name)}" d="{own}"/>')
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
    duration = part.score.duration_s
    known = np.isfinite(part.intervals_s)
    if np.count_nonzero(known) < 2:
        return ""
    rates = 60 / part.intervals_s[known]
    low, high = _rate_range(rates)
    width, height = _CHART

    def y(rate: float) -> float:
        return height * (1 - (min(max(rate, low), high) - low) / (high - low))

    # A day has more beats than the screen has dots: what falls together is drawn once.
    times = part.samples[1:][known] / part.score.sampling_rate_hz
    heights = height * (1 - (np.clip(rates, low, high) - low) / (high - low))
    # One number for both: pairs take ten times as long to be made unique.
    places = np.round(width * times / duration).astype(np.int64) * _ROWS
    places += np.round(heights).astype(np.int64)
    styles = [class_style(name) for name in part.names]
    indices = part.class_indices[1:][known] % len(styles)
    paths = ""
    for style in sorted(dict.fromkeys(styles), key=lambda style: style != "c-N"):
        chosen = np.isin(indices, [n for n, other in enumerate(styles) if other == style])
        cells = np.stack(np.divmod(np.unique(places[chosen]), _ROWS), axis=1).reshape(-1).tolist()
        if cells:
            dots = ("M%d %dh0" * (len(cells) // 2)) % tuple(cells)
            paths += f'<path class="dots {style}" d="{dots}"/>'
    step = _RATE_STEP_BPM * max(1, math.ceil((high - low) / (6 * _RATE_STEP_BPM)))
    lines, labels = [], []
    for rate in range(low, high + 1, step):
        lines.append(f"M0 {y(rate):.4g}h{width}")
        labels.append(f'<span class="y" style="top:{100 * y(rate) / height:.4g}%">{rate}</span>')
    axis = "".join(f"<span>{clock(duration * n / 4)[:-2]}</span>" for n in range(5))
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


def _line(tenths: _Floats) -> str:
    """Return a path through points in tenths of a unit; it breaks where there is none."""
    words = []
    known = np.isfinite(tenths)
    edges = [[0, len(tenths)]] if len(tenths) else []
    if not known.all():
        here = known.all(axis=1)
        edges = np.flatnonzero(np.diff(here, prepend=False, append=False)).reshape(-1, 2).tolist()
    for first, stop in edges:
        across, down = (tenths[first] / 10).tolist()
        steps = tenths[first + 1 : stop] - tenths[first : stop - 1]
        words.append(f"M{across:g} {down:g}l")
        words.append(" ".join(map(_TENTHS.__getitem__, steps.astype(np.int64).ravel().tolist())))
    return "".join(words)


class _Tenths(dict[int, str]):
    """Numbers of tenths as text; the usual ones are looked up in a third of the time."""

    def __missing__(self, tenths: int) -> str:
        return f"{tenths / 10:g}"


_TENTHS = _Tenths({number: f"{number / 10:g}" for number in range(-1000, 1001)})


def _rate_range(rates: _Floats) -> tuple[int, int]:
    """Return lowest and highest rate to draw; single outliers are drawn at the edge."""
    ordered = np.sort(rates)
    cut = len(ordered) // 200
    low = math.floor(ordered[cut] / _RATE_STEP_BPM) * _RATE_STEP_BPM
    high = math.ceil(ordered[-1 - cut] / _RATE_STEP_BPM) * _RATE_STEP_BPM
    return low, max(high, low + 2 * _RATE_STEP_BPM)


def rr_histogram(part: Part) -> str:
    """Draw how many RR intervals of each length there are, by the beats that end them."""
    known = np.isfinite(part.intervals_s)
    if np.count_nonzero(known) < 2:
        return ""
    milliseconds = 1000 * part.intervals_s[known]
    low, high = np.percentile(milliseconds, [0.5, 99.5])
    first = math.floor(low / _BIN_MS) - 1
    bins = max(10, min(math.ceil(high / _BIN_MS) + 1 - first, _MOST_BINS))
    place = np.clip(milliseconds // _BIN_MS - first, 0, bins - 1).astype(np.int64)
    styles = [class_style(name) for name in part.names]
    indices = part.class_indices[1:][known] % len(styles)
    width, height = _CHART
    base = np.zeros(bins)
    most = max(1, int(np.bincount(place, minlength=bins).max()))
    shapes = ""
    for style in sorted(dict.fromkeys(styles), key=lambda style: style != "c-N"):
        chosen = np.isin(indices, [n for n, other in enumerate(styles) if other == style])
        counts = np.bincount(place[chosen], minlength=bins)
        path = "".join(
            f"M{n * width / bins:g} {height * (1 - base[n] / most):.4g}"
            f"h{width / bins:g}v{-height * count / most:.4g}h{-width / bins:g}z"
            for n, count in enumerate(counts.tolist())
            if count
        )
        base += counts
        if path:
            shapes += f'<path class="bars {style}" d="{path}"/>'
    labels = "".join(
        f"<span>{round((first + bins * n / 4) * _BIN_MS)}&nbsp;ms</span>" for n in range(5)
    )
    return (
        '<figure class="chart"><figcaption>RR intervals: how many beats of each length, '
        "coloured by the beat that ends them</figcaption>"
        f'<div class="plot"><span class="y" style="top:0%">{most:,}</span>'
        '<span class="y" style="top:100%">0</span>'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="Histogram of RR intervals, {first * _BIN_MS} to '
        f'{(first + bins) * _BIN_MS} ms">'
        f'<path class="grid" d="M0 0h{width}M0 {height}h{width}"/>{shapes}</svg></div>'
        f'<div class="times">{labels}</div></figure>'
    )
