"""The rows of the tables, and what their columns are called."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain
from math import isnan
from typing import Any

import numpy as np

from edgecnn.ecg.episodes import Rhythm
from edgecnn.ecg.parts import Part, RecordScore
from edgecnn.ecg.scored_record import UNCLASSIFIED

__all__ = [
    "BEATS_HEADER",
    "EPISODES_HEADER",
    "ERRORS_HEADER",
    "beat_documents",
    "beat_rows",
    "episode_rows",
    "record_row",
    "records_header",
]

BEATS_HEADER = ("record", "sample", "time_s", "symbol", "class", "score")
EPISODES_HEADER = (
    *("record", "start_sample", "end_sample", "start_s", "end_s", "rhythm", "score"),
)
ERRORS_HEADER = ("path", "reason", "hint")

_BLOCK = 1 << 13
_RHYTHM = (*("rhythm", "rhythm_s", "af_episodes", "af_s", "af_longest_s", "af_burden_percent"),)


def records_header(labels: Sequence[str], *, rhythm: bool = False) -> tuple[str, ...]:
    """Return the columns of the table of records, for a model's labels; with those of a rhythm."""
    return (
        *("record", "path", "duration_s", "sampling_rate_hz", "lead", "beats"),
        *dict.fromkeys((*labels, UNCLASSIFIED)),
        *("heart_rate_bpm_mean", "heart_rate_bpm_min", "heart_rate_bpm_max"),
        *("sdnn_ms", "rmssd_ms", "pvc_burden_percent", "sve_burden_percent"),
        *(_RHYTHM if rhythm else ()),
        *("flat_s", "saturated_s", "noise_s", "gaps_s", "notes", "remarks"),
    )


def record_row(score: RecordScore, *, rhythm: bool = False) -> dict[str, Any]:
    """Return a record's row by column; None where there is no value.

    Parameters
    ----------
    score : RecordScore
    rhythm : bool
        With the columns of a rhythm.
    """
    rate = score.heart_rate_bpm
    sve = score.ectopy.get("S")
    return {
        "record": score.record,
        "path": score.path,
        "duration_s": round(score.duration_s, 3),
        "sampling_rate_hz": round(score.sampling_rate_hz, 6),
        "lead": score.lead,
        "beats": score.beats,
        **score.counts,
        "heart_rate_bpm_mean": round(rate.mean, 1) if rate is not None else None,
        "heart_rate_bpm_min": round(rate.min, 1) if rate is not None else None,
        "heart_rate_bpm_max": round(rate.max, 1) if rate is not None else None,
        "sdnn_ms": _rounded(score.variability.sdnn_ms, 1),
        "rmssd_ms": _rounded(score.variability.rmssd_ms, 1),
        "pvc_burden_percent": _rounded(score.pvc_burden_percent, 3),
        "sve_burden_percent": _rounded(sve.burden_percent if sve else None, 3),
        **(_rhythm_cells(score.rhythm) if rhythm else {}),
        "flat_s": round(score.flat_s, 1),
        "saturated_s": round(score.saturated_s, 1),
        "noise_s": round(score.noise_s, 1),
        "gaps_s": round(score.gaps_s, 1),
        "notes": "; ".join(score.notes),
        "remarks": "; ".join(score.remarks),
    }


def _rhythm_cells(rhythm: Rhythm | None) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(_RHYTHM)
    if rhythm is not None:
        cells |= {"rhythm": rhythm.main, "rhythm_s": round(rhythm.answered_s, 1)}
        if rhythm.af is not None:
            cells["af_episodes"] = rhythm.af.episodes
            cells["af_s"] = round(rhythm.af.seconds, 1)
            cells["af_longest_s"] = round(rhythm.af.longest_s, 1)
            cells["af_burden_percent"] = _rounded(rhythm.af.burden_percent, 3)
    return cells


def episode_rows(part: Part) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of ``episodes.csv`` for one record; ``unknown`` has no score."""
    record, rate = part.score.record, part.score.sampling_rate_hz
    for episode in part.episodes:
        times = (round(at / rate, 3) for at in (episode.start, episode.stop))
        score = _rounded(episode.score, 4)
        yield (record, episode.start, episode.stop, *times, episode.label, score)


def beat_rows(part: Part) -> bytes:
    """Return the rows of ``beats.csv`` for one record; a beat without a class has no score."""
    count = part.score.beats
    if not count:
        return b""
    record = _cells(part.score.record).replace("%", "%%")
    ends = [_cells(*pair) for pair in zip(part.symbols_by_class, part.names, strict=True)]
    scores = part.scores
    answered = np.isfinite(scores)
    times = part.samples / part.score.sampling_rate_hz
    written = []
    # Some at a time: a beat as numbers and text takes a hundred times its place in the arrays.
    for first in range(0, count, _BLOCK):
        block = slice(first, first + _BLOCK)
        own = [ends[index] for index in part.class_indices[block].tolist()]
        values = (part.samples[block].tolist(), times[block].tolist(), own)
        if answered[block].all():
            # One format for all rows: a third of the time that a call for each takes.
            row = record + ",%d,%.4f,%s,%.4f\n"
            columns = (*values, scores[block].tolist())
        else:
            row = record + ",%d,%.4f,%s,%s\n"
            columns = (*values, [_score(score) for score in scores[block].tolist()])
        flat = tuple(chain.from_iterable(zip(*columns, strict=True)))
        written.append(((row * len(own)) % flat).encode())
    return b"".join(written)


def _score(score: float) -> str:
    return "" if isnan(score) else f"{score:.4f}"


def _cells(*values: str) -> str:
    """Return values as the table has them: in quotes where they need it."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def beat_documents(part: Part) -> Iterator[dict[str, object]]:
    """Yield the lines of ``beats.jsonl`` for one record."""
    record, rate = part.score.record, part.score.sampling_rate_hz
    for sample, symbol, name, score in zip(
        part.samples.tolist(), part.symbols, part.classes, part.scores.tolist(), strict=True
    ):
        known = None if np.isnan(score) else round(score, 4)
        values = (record, sample, round(sample / rate, 4), symbol, name, known)
        yield dict(zip(BEATS_HEADER, values, strict=True))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
