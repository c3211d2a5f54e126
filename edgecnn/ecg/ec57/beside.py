"""Two test annotators against one reference, class by class: FP32 and INT8 of one model, or two.

Only records that both have are compared, so that both are judged by the same beats. What lies
between them has an interval of its own: the same records are drawn for both.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASSES
from edgecnn.ecg.ec57.evaluate import Evaluation
from edgecnn.ecg.ec57.statistics import draws_of, quotient, summarize

__all__ = [
    "BESIDE_SHORT",
    "BesideRow",
    "SideBySide",
    "beside_csv",
    "beside_document",
    "beside_text",
    "put_beside",
]

_SENSITIVITY, _PREDICTIVITY = "sensitivity", "positive_predictivity"
#: How the field names the statistics.
BESIDE_SHORT = {_SENSITIVITY: "Se", _PREDICTIVITY: "+P"}
_HEADER = ("class", "beats", "statistic", "first", "second", "difference", "low_95", "high_95")


@dataclass(frozen=True)
class BesideRow:
    """A class's sensitivity or positive predictivity, by both.

    Attributes
    ----------
    name : str
        The class.
    beats : int
        Of the reference.
    statistic : str
        ``"sensitivity"`` or ``"positive_predictivity"``.
    first, second : float or None
        Gross shares of 1; None of nothing.
    difference : float or None
        Second minus first.
    interval_95 : tuple of float, or None
        Of the difference, by drawing records anew; None with fewer than two.
    """

    name: str
    beats: int
    statistic: str
    first: float | None
    second: float | None
    difference: float | None
    interval_95: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Two evaluations of the same records.

    Attributes
    ----------
    first, second : Evaluation
        Without the records that one of them lacks.
    names : (str, str)
        What they are called.
    rows : tuple of BesideRow
        Sensitivity and positive predictivity of each class that occurs.
    """

    first: Evaluation
    second: Evaluation
    names: tuple[str, str]
    rows: tuple[BesideRow, ...]


def put_beside(first: Evaluation, second: Evaluation, names: tuple[str, str]) -> SideBySide:
    """Put two evaluations beside each other.

    Parameters
    ----------
    first, second : Evaluation
        Against the same reference, with the same protocol.
    names : (str, str)
        What they are called.

    Examples
    --------
    >>> fp32 = evaluate_records(["mitdb/"], test_dir="fp32/annotations")       # doctest: +SKIP
    >>> int8 = evaluate_records(["mitdb/"], test_dir="int8/annotations")       # doctest: +SKIP
    >>> print(beside_text(put_beside(fp32, int8, ("FP32", "INT8"))))           # doctest: +SKIP
    """
    in_both = {r.name for r in first.records} & {r.name for r in second.records}
    first, second = _only(first, in_both), _only(second, in_both)
    matrices = [
        np.array([record.comparison.beats.matrix for record in one.records], dtype=float)
        for one in (first, second)
    ]
    rows = []
    if in_both:
        draws = draws_of(len(in_both))
        for place, name in enumerate(CLASSES):
            beats = int(matrices[0][:, place].sum())
            if not beats and not any(m[:, :, place].sum() for m in matrices):
                continue
            for statistic, axis in ((_SENSITIVITY, 2), (_PREDICTIVITY, 1)):
                shares = [_shares(matrix, place, axis, draws) for matrix in matrices]
                rows.append(_row(name, beats, statistic, shares))
    return SideBySide(first, second, names, tuple(rows))


def _only(evaluation: Evaluation, names: set[str]) -> Evaluation:
    records = tuple(record for record in evaluation.records if record.name in names)
    statistics = summarize([record.comparison.ratios() for record in records])
    return replace(evaluation, records=records, statistics=statistics)


def _shares(
    matrices: NDArray[np.float64], place: int, axis: int, draws: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the share of a class that is right: of all records, then of each draw of them."""
    hits = matrices[:, place, place]
    whole = (matrices[:, place] if axis == 2 else matrices[:, :, place]).sum(axis=1)
    counts = np.concatenate([np.ones((1, len(hits)), dtype=np.int64), draws]).astype(float)
    return quotient(counts @ hits, counts @ whole)


def _row(name: str, beats: int, statistic: str, shares: list[NDArray[np.float64]]) -> BesideRow:
    first, second = (None if np.isnan(share[0]) else float(share[0]) for share in shares)
    differences = shares[1] - shares[0]
    drawn = differences[1:][np.isfinite(differences[1:])]
    difference, interval = None, None
    if first is not None and second is not None:
        difference = second - first
        if len(drawn) and beats:
            low, high = np.percentile(drawn, [2.5, 97.5])
            interval = (float(low), float(high))
    return BesideRow(name, beats, statistic, first, second, difference, interval)


def beside_text(both: SideBySide) -> str:
    """Return the classes line by line, in percent."""
    first, second = both.names
    count = len(both.first.records)
    noun = "record" if count == 1 else "records"
    head = f"{'Class':<6}{'beats':>9}  {'':<3}{'first':>9}{'second':>9}{'change':>9}  95 % interval"
    if not count:
        return "Side by side: no record that both have\n"
    lines = [
        f"Side by side, %, over {count} {noun}",
        f" First: {first}",
        f"Second: {second}",
        "",
        head,
        "_" * len(head),
    ]
    last = ""
    for row in both.rows:
        again = row.name == last
        last = row.name
        interval = ""
        if row.interval_95 is not None:
            interval = " to ".join(f"{100 * bound:+.2f}" for bound in row.interval_95)
        change = "-" if row.difference is None else f"{100 * row.difference:+.2f}"
        lines.append(
            f"{'' if again else row.name:<6}{'' if again else row.beats:>9}  "
            f"{BESIDE_SHORT[row.statistic]:<3}{_percent(row.first):>9}{_percent(row.second):>9}"
            f"{change:>9}  {interval}".rstrip()
        )
    return "\n".join(lines) + "\n"


def beside_document(both: SideBySide) -> dict[str, Any]:
    """Return the classes as plain data; shares are of 1."""
    return {
        "first": both.names[0],
        "second": both.names[1],
        "records": len(both.first.records),
        "rows": [dict(zip(_HEADER[:-2], _cells(row)[:-2], strict=True))
                 | {"interval_95": row.interval_95} for row in both.rows],
    }  # fmt: skip


def beside_csv(both: SideBySide) -> str:
    """Return the text of ``side-by-side.csv``; shares are of 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_HEADER, *map(_cells, both.rows)])
    return text.getvalue()


def _cells(row: BesideRow) -> tuple[object, ...]:
    low, high = (None, None) if row.interval_95 is None else row.interval_95
    shares = (row.first, row.second, row.difference, low, high)
    return (
        *(row.name, row.beats, row.statistic),
        *(None if share is None else round(share, 6) for share in shares),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"
