"""Tables as rows: a header, records, and the lines below them; what text, CSV and HTML show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.ec57.beats import NAMES
from edgecnn.ecg.ec57.columns import (
    BEAT_STATISTICS,
    EPISODE_STATISTICS,
    RUN_STATISTICS,
    beat_columns,
    episode_columns,
    run_columns,
)
from edgecnn.ecg.ec57.comparison import ECTOPIC, Comparison
from edgecnn.ecg.ec57.evaluate import Evaluation
from edgecnn.ecg.ec57.ratio import Ratio

__all__ = ["LineTable", "Row", "line_tables", "ratios_of", "sum_matrices"]


@dataclass(frozen=True)
class Row:
    """A line: counts, and statistics as shares (None where there is none)."""

    name: str
    counts: Mapping[str, int | float]
    shares: Mapping[str, float | None]


@dataclass(frozen=True)
class LineTable:
    """A table with a line per record.

    Attributes
    ----------
    title : str
    subject : str
        ``"beats"``, ``"veb"``, ``"sveb"`` or a rhythm.
    records : list of Row
    total : Row
        Sums, with gross statistics.
    average : Mapping
        Average statistics.
    """

    title: str
    subject: str
    records: list[Row]
    total: Row
    average: Mapping[str, float | None]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to count in any record."""
        return not any(self.total.counts.values())


def line_tables(evaluation: Evaluation) -> list[LineTable]:
    """Return the tables of an evaluation: beats, runs of V and S, episodes of each rhythm."""
    tables = [
        _table(
            evaluation,
            ("Beat by beat", "beats"),
            BEAT_STATISTICS,
            lambda one: beat_columns(one.beats.matrix),
        )
    ]
    for name in ECTOPIC:
        where = "ventricular" if name == "veb" else "supraventricular"
        tables.append(
            _table(
                evaluation,
                (f"Run by run: {where} ectopic", name),
                {f"{name}_{key}": column for key, column in RUN_STATISTICS.items()},
                partial(_runs_of, name),
            )
        )
    for name in evaluation.protocol.rhythms:
        tables.append(
            _table(
                evaluation,
                (f"Episode by episode: {_RHYTHMS.get(name, name)}", name),
                {f"{name.lower()}_{key}": column for key, column in EPISODE_STATISTICS.items()},
                partial(_episodes_of, name),
            )
        )
    return tables


def ratios_of(ratios: Mapping[str, Ratio], subject: str) -> dict[str, Ratio]:
    """Return the statistics of a subject by the rest of their names."""
    prefix = f"{subject}_"
    return {
        name.removeprefix(prefix): ratio
        for name, ratio in ratios.items()
        if name.startswith(prefix)
    }


def sum_matrices(evaluation: Evaluation) -> NDArray[np.int64]:
    """Return the beat-by-beat matrix of all records together."""
    matrix = np.zeros((len(NAMES), len(NAMES)), dtype=np.int64)
    for record in evaluation.records:
        matrix += record.comparison.beats.matrix
    return matrix


_RHYTHMS = {
    "AFIB": "atrial fibrillation",
    "VF": "ventricular flutter and fibrillation",
    "AFL": "atrial flutter",
}


def _runs_of(name: str, one: Comparison) -> Mapping[str, int]:
    return run_columns(ratios_of(one.ratios(), name))


def _episodes_of(name: str, one: Comparison) -> Mapping[str, int | float]:
    return episode_columns(one.episodes[name])


def _table(
    evaluation: Evaluation,
    heading: tuple[str, str],
    columns: Mapping[str, str],
    counts_of: Callable[[Comparison], Mapping[str, int | float]],
) -> LineTable:
    """Make a table of counts and of the statistics that have a column."""
    records = []
    for record in evaluation.records:
        ratios = record.comparison.ratios()
        shares = {column: ratios[name].value for name, column in columns.items()}
        records.append(Row(record.name, counts_of(record.comparison), shares))
    counts = records[0].counts if records else ()
    sums = {name: _plain(sum(row.counts[name] for row in records)) for name in counts}
    summed = {column: evaluation.statistics.get(name) for name, column in columns.items()}
    gross = {column: one.gross if one else None for column, one in summed.items()}
    average = {column: one.average if one else None for column, one in summed.items()}
    return LineTable(*heading, records, Row("Sum", sums, gross), average)


def _plain(value: float) -> int | float:
    return value if isinstance(value, int) else round(value, 3)
