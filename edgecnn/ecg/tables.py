"""Parts merged into tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from edgecnn.ecg.beats import UNCLASSIFIED
from edgecnn.ecg.parts import Part, RecordScore
from edgecnn.ecg.record_files import Problem

__all__ = [
    "BEATS_HEADER",
    "BEATS_JSONL",
    "ERRORS_HEADER",
    "record_row",
    "records_header",
    "write_tables",
]

BEATS_HEADER = ("record", "sample", "time_s", "symbol", "class", "score")
ERRORS_HEADER = ("path", "reason", "hint")
BEATS_JSONL = "beats.jsonl"


def records_header(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the table of records, for a model's labels."""
    return (
        *("record", "path", "duration_s", "sampling_rate_hz", "lead", "beats"),
        *dict.fromkeys((*labels, UNCLASSIFIED)),
        *("heart_rate_bpm_mean", "heart_rate_bpm_min", "heart_rate_bpm_max"),
        *("pvc_burden_percent", "notes", "remarks"),
    )


def record_row(score: RecordScore) -> dict[str, Any]:
    """Return a record's row by column; None where there is no value."""
    rate = score.heart_rate_bpm
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
        "pvc_burden_percent": _rounded(score.pvc_burden_percent, 3),
        "notes": "; ".join(score.notes),
        "remarks": "; ".join(score.remarks),
    }


def write_tables(
    folder: Path,
    labels: Sequence[str],
    parts: Iterable[Part],
    problems: Sequence[Problem],
    *,
    jsonl: bool,
) -> list[str]:
    """Write ``records.csv``, ``beats.csv``, ``errors.csv`` and, if asked for, ``beats.jsonl``.

    Parts are read one by one: the memory does not grow with their number.

    Returns
    -------
    list of str
        Names of the files written.
    """
    names = ["records.csv", "beats.csv", "errors.csv"]
    with ExitStack() as open_files:
        tables = [
            open_files.enter_context((folder / name).open("w", encoding="utf-8", newline=""))
            for name in names
        ]
        records = csv.DictWriter(tables[0], records_header(labels), lineterminator="\n")
        beats, errors = (csv.writer(table, lineterminator="\n") for table in tables[1:])
        lines = None
        if jsonl:
            names.append(BEATS_JSONL)
            lines = open_files.enter_context((folder / BEATS_JSONL).open("wb"))
        records.writeheader()
        beats.writerow(BEATS_HEADER)
        errors.writerow(ERRORS_HEADER)
        for part in parts:
            records.writerow(record_row(part.score))
            beats.writerows(_beat_rows(part))
            if lines is not None:
                encoder = msgspec.json.Encoder()
                lines.writelines(encoder.encode(row) + b"\n" for row in _beat_documents(part))
        errors.writerows((p.path, p.reason, p.error.hint or "") for p in problems)
    return names


def _beat_rows(part: Part) -> Iterator[tuple[object, ...]]:
    """Give a beat's row as text; a beat without a class has no score."""
    record, rate = part.score.record, part.score.sampling_rate_hz
    for sample, symbol, name, score in zip(
        part.samples, part.symbols, part.classes, part.scores, strict=True
    ):
        written = "" if score is None else f"{score:.4f}"
        yield record, sample, f"{sample / rate:.4f}", symbol, name, written


def _beat_documents(part: Part) -> Iterator[dict[str, object]]:
    record, rate = part.score.record, part.score.sampling_rate_hz
    for sample, symbol, name, score in zip(
        part.samples, part.symbols, part.classes, part.scores, strict=True
    ):
        values = (record, sample, round(sample / rate, 4), symbol, name, _rounded(score, 4))
        yield dict(zip(BEATS_HEADER, values, strict=True))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
