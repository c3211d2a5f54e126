"""Short stretches of signal around ectopic beats, small enough to keep for a report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.lead_signal import Sliceable
from edgecnn.ecg.scored_record import ScoredRecord

__all__ = ["Strip", "cut_strips"]

STRIP_S = 6.0
#: Strips of each class that a record shows.
_STRIPS = 4
#: The signal is thinned to the lowest and highest sample of each stretch of this length.
_BIN_S = 1 / 90


@dataclass(frozen=True)
class Strip:
    """A few seconds of one lead with its beats.

    Attributes
    ----------
    focus : str
        Class of the beat that it was cut for.
    start_s, length_s : float
        Where in the record it begins, and how long it is.
    trace_ms, trace_uv : list of int
        Points of the thinned signal: time from the strip's start, and voltage. A gap is a point
        without voltage.
    beats : list of (int, str)
        Time from the start in ms, and class.
    """

    focus: str
    start_s: float
    length_s: float
    trace_ms: list[int]
    trace_uv: list[int | None]
    beats: list[tuple[int, str]]


def cut_strips(
    signal_mv: Sliceable, scored: ScoredRecord, classes: tuple[str, ...] = ("V", "S")
) -> list[Strip]:
    """Cut strips around beats of some classes: the longest run first, others spread evenly.

    Parameters
    ----------
    signal_mv : ndarray of float, shape (samples,), or LeadSignal
        The lead that was scored, at the record's own rate.
    scored : ScoredRecord
    classes : tuple of str

    Returns
    -------
    list of Strip
        In the order of the classes, then of time.
    """
    strips = []
    for name in classes:
        if name not in scored.labels:
            continue
        centres = _centres(scored, scored.labels.index(name))
        strips += [_cut(signal_mv, scored, name, centre) for centre in centres]
    return strips


def _centres(scored: ScoredRecord, wanted: int) -> list[int]:
    """Choose the samples that strips are cut around."""
    places = np.flatnonzero(scored.places == wanted)
    if not len(places):
        return []
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    longest = max(runs, key=len)
    spread = places[np.linspace(0, len(places) - 1, 3 * _STRIPS).round().astype(int)]
    apart = STRIP_S * scored.sampling_rate_hz
    chosen: list[int] = [int(scored.samples[longest[len(longest) // 2]])]
    # Every third first, so that what is taken spreads over the whole record.
    for place in (*spread[1::3], *spread[0::3], *spread[2::3]):
        sample = int(scored.samples[place])
        if len(chosen) < _STRIPS and all(abs(sample - other) >= apart for other in chosen):
            chosen.append(sample)
    return sorted(chosen)


def _cut(signal_mv: Sliceable, scored: ScoredRecord, focus: str, centre: int) -> Strip:
    rate = scored.sampling_rate_hz
    length = min(round(STRIP_S * rate), len(signal_mv))
    start = int(np.clip(centre - length // 2, 0, len(signal_mv) - length))
    place, values = _thinned(signal_mv[start : start + length], max(1, round(_BIN_S * rate * 2)))
    first, last = np.searchsorted(scored.samples, [start, start + length])
    beats = [
        (round(1000 * (int(scored.samples[i]) - start) / rate), scored.classes[i])
        for i in range(first, last)
    ]
    scaled = np.rint(1000 * values).tolist()
    microvolts = [int(uv) if uv == uv else None for uv in scaled]  # noqa: PLR0124 - NaN is not
    milliseconds = np.rint(1000 * place / rate).astype(int).tolist()
    return Strip(focus, start / rate, length / rate, milliseconds, microvolts, beats)


def _thinned(
    values: NDArray[np.floating], width: int
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Keep the lowest and the highest of every ``width`` samples, in their order."""
    place = np.arange(len(values))
    if width < 3:
        return place, values
    whole = len(values) // width * width
    bins = values[:whole].reshape(-1, width)
    # Where a sample is missing, argmin and argmax both find it: the gap stays.
    ends = np.sort(np.stack([bins.argmin(axis=1), bins.argmax(axis=1)], axis=1), axis=1)
    kept = (ends + np.arange(len(bins))[:, None] * width).reshape(-1)
    kept = np.unique(np.concatenate([kept, place[whole:]]))
    return kept, values[kept]
