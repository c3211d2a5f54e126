"""An evaluation as plain data: the JSON document, and the rows of the CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from edgecnn.ecg.ec57.beats import NAMES
from edgecnn.ecg.ec57.columns import cell_columns
from edgecnn.ecg.ec57.evaluate import ComparedRecord, Evaluation
from edgecnn.ecg.ec57.ratio import Ratio
from edgecnn.ecg.ec57.tables import LineTable, line_tables, sum_matrices
from edgecnn.ecg.table_rows import ERRORS_HEADER

__all__ = ["csv_files", "json_document"]

_DIGITS = 6


def json_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain data; shares are of 1, times in seconds."""
    protocol = evaluation.protocol
    return {
        "reference": evaluation.reference,
        "test": evaluation.test,
        "protocol": {
            "map": protocol.class_map,
            "start_s": protocol.start_s,
            "end_s": protocol.end_s,
            "window_s": protocol.window_s,
            "vf": protocol.vf,
            "rhythms": protocol.rhythms,
        },
        "labels": NAMES,
        "confusion": sum_matrices(evaluation).tolist(),
        "statistics": {
            name: {
                "part": _number(one.part),
                "whole": _number(one.whole),
                "gross": _rounded(one.gross),
                "average": _rounded(one.average),
                "records": one.records,
                "interval_95": None
                if one.interval_95 is None
                else [_rounded(bound) for bound in one.interval_95],
            }
            for name, one in evaluation.statistics.items()
        },
        "unmarked": evaluation.unmarked,
        "records": [_record(record) for record in evaluation.records],
        "errors": [
            {"path": p.path, "reason": p.reason, "hint": p.error.hint} for p in evaluation.problems
        ],
    }


def csv_files(evaluation: Evaluation) -> dict[str, str]:
    """Return the CSV files of an evaluation by their names; percentages have the sign in front."""
    beats, *others = line_tables(evaluation)
    count = len(evaluation.protocol.rhythms)
    runs, episodes = others[: len(others) - count], others[len(others) - count :]
    statistics = [
        (
            name,
            _number(one.part),
            _number(one.whole),
            _rounded(one.gross),
            _rounded(one.average),
            one.records,
            *(map(_rounded, one.interval_95) if one.interval_95 is not None else ("", "")),
        )
        for name, one in evaluation.statistics.items()
    ]
    errors = [(p.path, p.reason, p.error.hint or "") for p in evaluation.problems]
    return {
        "beat-by-beat.csv": _beats_csv(evaluation.records, beats),
        "run-by-run.csv": _lines_csv("class", runs),
        "episodes.csv": _lines_csv("rhythm", episodes),
        "statistics.csv": _csv(
            ("statistic", "part", "whole", "gross", "average", "records", "low_95", "high_95"),
            statistics,
        ),
        "errors.csv": _csv(ERRORS_HEADER, errors),
    }


def _beats_csv(records: Sequence[ComparedRecord], table: LineTable) -> str:
    if not records:
        return _csv(("record",), ())
    cells = [cell_columns(record.comparison.beats.matrix) for record in records]
    header = ("record", *cells[0], *(f"% {name}" for name in table.records[0].shares))
    return _csv(
        header,
        (
            (row.name, *own.values(), *map(_percent, row.shares.values()))
            for row, own in zip(table.records, cells, strict=True)
        ),
    )


def _lines_csv(subject: str, tables: Sequence[LineTable]) -> str:
    first = next((table.records[0] for table in tables if table.records), None)
    if first is None:
        return _csv(("record", subject), ())
    header = ("record", subject, *first.counts, *(f"% {name}" for name in first.shares))
    return _csv(
        header,
        (
            (row.name, table.subject, *row.counts.values(), *map(_percent, row.shares.values()))
            for table in tables
            for row in table.records
        ),
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue()


def _record(record: ComparedRecord) -> dict[str, Any]:
    one = record.comparison
    return {
        "record": record.name,
        "duration_s": round(one.duration_s, 3),
        "sampling_rate_hz": round(one.rate_hz, 6),
        "confusion": one.beats.matrix.tolist(),
        "left_out_in_vf": {"reference": one.beats.left_out[0], "test": one.beats.left_out[1]},
        "shutdown_s": round(one.beats.shutdown / one.rate_hz, 3),
        "unreadable_s": round(one.beats.unreadable / one.rate_hz, 3),
        "runs": {
            name: {
                "sensitivity": counts.sensitivity.tolist(),
                "positive_predictivity": counts.predictivity.tolist(),
            }
            for name, counts in one.runs.items()
        },
        "statistics": {name: _ratio(ratio) for name, ratio in one.ratios().items()},
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {
        "part": _number(ratio.part),
        "whole": _number(ratio.whole),
        "value": _rounded(ratio.value),
    }


def _number(value: float) -> int | float:
    return int(value) if value % 1 == 0 else round(value, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 3)
