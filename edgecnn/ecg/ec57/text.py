"""Text tables in the field's manner: condensed, a line per record, or a page per record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.ec57.beats import NAMES, BeatCounts, beat_ratios
from edgecnn.ecg.ec57.columns import label_of
from edgecnn.ecg.ec57.comparison import ECTOPIC, Comparison
from edgecnn.ecg.ec57.evaluate import Evaluation
from edgecnn.ecg.ec57.ratio import Ratio
from edgecnn.ecg.ec57.runs import LONGEST, RunCounts
from edgecnn.ecg.ec57.tables import LineTable, line_tables, ratios_of, sum_matrices

__all__ = ["STYLES", "text_report", "unmarked_text"]

#: Condensed: all records as one; line: a line per record; standard: a page per record.
STYLES = ("condensed", "line", "standard")


def text_report(evaluation: Evaluation, style: str = "line") -> str:
    """Return an evaluation as text tables.

    Parameters
    ----------
    evaluation : Evaluation
    style : str
        One of :data:`STYLES`. Statistics over all records follow in each.
    """
    parts = [_head(evaluation)]
    if style == "line":
        parts += [_lines(table) for table in line_tables(evaluation)]
    elif style == "condensed":
        matrix = sum_matrices(evaluation)
        parts.append("All records\n\n" + beat_matrix(matrix))
    else:
        for record in evaluation.records:
            parts.append(_page(record.name, record.comparison))
    parts.append(_statistics(evaluation))
    return "\n\n".join(parts) + "\n"


def _head(evaluation: Evaluation) -> str:
    protocol = evaluation.protocol
    until = "the end" if protocol.end_s is None else f"{protocol.end_s:g} s"
    lines = [
        f"Reference annotator: {evaluation.reference}",
        f"     Test annotator: {evaluation.test}",
        f"          Class map: {protocol.class_map}",
        f"             Period: {protocol.start_s:g} s to {until}, "
        f"match window {1000 * protocol.window_s:g} ms",
    ]
    standard = (protocol.start_s, protocol.end_s, protocol.window_s) == (300.0, None, 0.150)
    if not standard:
        lines.append("Not the standard's comparison: its period or match window was changed.")
    return "\n".join(lines)


def beat_matrix(matrix: NDArray[np.int64]) -> str:
    """Return a matrix with a row per label of the reference."""
    width = max(6, len(str(matrix.max())) + 2)
    lines = [" " * 4 + "".join(name.lower().rjust(width) for name in NAMES)]
    lines.append(" " * 4 + "_" * (width * len(NAMES)))
    for row, name in enumerate(NAMES):
        cells = matrix[row] if name not in "OX" else matrix[row, :-2]
        lines.append(f" {name} |" + "".join(str(cell).rjust(width) for cell in cells))
    return "\n".join(lines)


def _run_matrix(matrix: NDArray[np.int64], *, empty: str) -> str:
    width = max(5, len(str(matrix.max())) + 2)
    names = [str(length) for length in range(LONGEST)] + [f">{LONGEST - 1}"]
    lines = [" " * 6 + "".join(name.rjust(width) for name in names)]
    lines.append(" " * 6 + "_" * (width * len(names)))
    for row, name in enumerate(names):
        cells = "".join(
            ("" if (row if empty == "row" else column) == 0 else str(cell)).rjust(width)
            for column, cell in enumerate(matrix[row])
        )
        lines.append(f"{name.rjust(4)} |{cells}".rstrip())
    return "\n".join(lines)


def _page(name: str, comparison: Comparison) -> str:
    ratios = comparison.ratios()
    parts = [
        f"Record {name}",
        "Beat by beat",
        beat_matrix(comparison.beats.matrix),
        _listed(beat_ratios(comparison.beats.matrix)),
        _shutdown(comparison.beats, comparison.rate_hz),
    ]
    for subject in ECTOPIC:
        counts: RunCounts = comparison.runs[subject]
        parts += [
            f"Run by run: {subject.upper()}",
            "Run sensitivity (rows: reference, columns: longest run of the test)\n"
            + _run_matrix(counts.sensitivity, empty="row"),
            "Run positive predictivity (columns: test, rows: longest run of the reference)\n"
            + _run_matrix(counts.predictivity, empty="column"),
            _listed(
                {
                    f"{subject}_{key}": value
                    for key, value in ratios_of(ratios, subject).items()
                    if "run" in key or "couplet" in key
                }
            ),
        ]
    for rhythm in comparison.episodes:
        subject = rhythm.lower()
        parts.append(
            f"Episode by episode: {rhythm}\n\n"
            + _listed(
                {f"{subject}_{key}": value for key, value in ratios_of(ratios, subject).items()}
            )
        )
    return "\n\n".join(parts)


def _shutdown(beats: BeatCounts, rate_hz: float) -> str:
    missed = beats.matrix[:5, -1]
    lines = [
        f"{'Beats missed in shutdown':>40}: {missed.sum()}/{beats.matrix[:5].sum()}",
        f"{'Time shut down':>40}: {beats.shutdown / rate_hz:.0f} s",
        f"{'Time the reference cannot read':>40}: {beats.unreadable / rate_hz:.0f} s",
        f"{'Beats left out in VF (reference, test)':>40}: {beats.left_out[0]}, {beats.left_out[1]}",
    ]
    return "\n".join(lines)


def _listed(ratios: Mapping[str, Ratio]) -> str:
    return "\n".join(
        f"{label_of(name):>40}: {_percent(ratio.value, 2):>7} "
        f"({_count(ratio.part)}/{_count(ratio.whole)})"
        for name, ratio in ratios.items()
    )


def _lines(table: LineTable) -> str:
    if table.is_empty:
        return f"{table.title}\n\nNone in either annotator."
    counts, shares = list(table.records[0].counts), list(table.records[0].shares)
    rows = [
        [row.name, *(_count(row.counts[name]) for name in counts)]
        + [_percent(row.shares[name], 2) for name in shares]
        for row in table.records
    ]
    blank = [""] * len(counts)
    gross = [_percent(table.total.shares[name], 2) for name in shares]
    foot = [
        ["Sum", *(_count(table.total.counts[name]) for name in counts), *[""] * len(shares)],
        ["Gross", *blank, *gross],
        ["Average", *blank, *(_percent(table.average[name], 2) for name in shares)],
    ]
    lines = _aligned([["Record", *counts, *shares], *rows, *foot])
    rule = "_" * max(map(len, lines))
    return "\n".join([table.title, "", lines[0], rule, *lines[1:-3], rule, *lines[-3:]])


def _statistics(evaluation: Evaluation) -> str:
    rows = [["Over all records, %", "Gross", "95 % interval", "Average", "Records", "Counts"]]
    for name, one in evaluation.statistics.items():
        if not one.records:
            continue
        low_high = ""
        if one.interval_95 is not None:
            low_high = " to ".join(_percent(bound, 2) for bound in one.interval_95)
        rows.append(
            [
                label_of(name),
                _percent(one.gross, 2),
                low_high,
                _percent(one.average, 2),
                str(one.records),
                f"{_count(one.part)}/{_count(one.whole)}",
            ]
        )
    lines = _aligned(rows)
    lines.insert(1, "_" * max(map(len, lines)))
    if evaluation.unmarked:
        lines += ["", unmarked_text(evaluation)]
    return "\n".join(lines)


def unmarked_text(evaluation: Evaluation) -> str:
    """Say which rhythms the test nowhere names."""
    return (
        f"No episode of {' or '.join(evaluation.unmarked)} is marked by {evaluation.test}: a test "
        "that does not look for a rhythm has 0 % of it."
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(_cells(row, widths)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if number else cell.ljust(width)


def _percent(share: float | None, digits: int) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def _count(value: float) -> str:
    return (
        str(value)
        if isinstance(value, int)
        else f"{value:.10g}"
        if value % 1 == 0
        else f"{value:.1f}"
    )
