"""The tables as Parquet files, by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.ecg.parts import Part
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.table_rows import (
    BEATS_HEADER,
    EPISODES_HEADER,
    ERRORS_HEADER,
    episode_rows,
    record_row,
    records_header,
)
from edgecnn.errors import MissingPackageError

__all__ = ["ParquetTables", "check_parquet"]

#: Beats of a row group: readers skip whole ones.
_GROUP = 1 << 20
_GROUP_RECORDS = 1 << 14
#: Tables that there are without a rhythm.
_FIRST_TABLES = 3
_TEXTS = frozenset(("record", "path", "lead", "rhythm", "notes", "remarks"))
_FRACTIONS = ("_s", "_hz", "_mean", "_min", "_max", "_ms", "_percent")


def check_parquet() -> None:
    """Refuse to begin where pyarrow is missing.

    Raises
    ------
    MissingPackageError
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "tables as Parquet need the package pyarrow", hint="pip install 'edgecnn[cluster]'"
        ) from error


class ParquetTables:
    """Write the tables one record after the other (see :class:`~edgecnn.ecg.tables.TableWriter`).

    Times and scores have the digits of the CSV tables, so that both say the same.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], labels: Sequence[str], open_files: ExitStack
    ) -> None:
        check_parquet()
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._paths = [folder / name for name in names]
        self._rhythm = len(names) > _FIRST_TABLES
        header = records_header(labels, rhythm=self._rhythm)
        self._schema = pa.schema([(name, _kind(name)) for name in header])
        word = pa.dictionary(pa.int32(), pa.string())
        kinds = (word, pa.int64(), pa.float64(), word, word, pa.float32())
        self._beat_schema = pa.schema(list(zip(BEATS_HEADER, kinds, strict=True)))
        kinds = (pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.string())
        fields = zip(EPISODES_HEADER, (*kinds, pa.float64()), strict=True)
        self._episode_schema = pa.schema(list(fields))
        self._episodes: list[tuple[Any, ...]] = []
        self._records, self._beats = (
            open_files.enter_context(pq.ParquetWriter(path, schema))
            for path, schema in zip(self._paths[:2], (self._schema, self._beat_schema), strict=True)
        )
        if self._rhythm:
            self._episode_table = open_files.enter_context(
                pq.ParquetWriter(self._paths[3], self._episode_schema)
            )
        self._rows: list[dict[str, Any]] = []
        self._batches: list[Any] = []
        self._waiting = 0

    def add(self, part: Part) -> None:
        """Write a record's row, and those of its beats."""
        import pyarrow as pa

        self._rows.append(record_row(part.score, rhythm=self._rhythm))
        if len(self._rows) >= _GROUP_RECORDS:
            self._write_rows()
        if self._rhythm:
            self._episodes += episode_rows(part)
            if len(self._episodes) >= _GROUP_RECORDS:
                self._write_episodes()
        count = part.score.beats
        if not count:
            return
        classes = part.class_indices.astype(np.int32) % len(part.names)
        score = np.round(part.scores.astype(np.float64), 4).astype(np.float32)
        columns = [
            pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [part.score.record]),
            pa.array(part.samples),
            pa.array(np.round(part.samples / part.score.sampling_rate_hz, 4)),
            _words(classes, part.symbols_by_class),
            _words(classes, part.names),
            pa.array(score, from_pandas=True),
        ]
        self._batches.append(pa.Table.from_arrays(columns, schema=self._beat_schema))
        self._waiting += count
        if self._waiting >= _GROUP:
            self._write_beats()

    def finish(self, problems: Sequence[Problem]) -> None:
        """Write the table of what was not scored, and what is left of the others."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._write_rows()
        self._write_beats()
        if self._rhythm:
            self._write_episodes()
        schema = pa.schema([(name, pa.string()) for name in ERRORS_HEADER])
        rows = [
            dict(zip(ERRORS_HEADER, (p.path, p.reason, p.error.hint or ""), strict=True))
            for p in problems
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), self._paths[2])

    def _write_rows(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._records.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _write_episodes(self) -> None:
        import pyarrow as pa

        rows = [dict(zip(EPISODES_HEADER, row, strict=True)) for row in self._episodes]
        self._episode_table.write_table(pa.Table.from_pylist(rows, schema=self._episode_schema))
        self._episodes = []

    def _write_beats(self) -> None:
        import pyarrow as pa

        if self._batches:
            whole = pa.concat_tables(self._batches).unify_dictionaries()
            self._beats.write_table(whole.combine_chunks(), row_group_size=_GROUP)
            self._batches, self._waiting = [], 0


def _words(indices: np.ndarray[Any, Any], words: Sequence[str]) -> Any:
    """Return words as Arrow keeps them, each once."""
    import pyarrow as pa

    once = list(dict.fromkeys(words))
    place = np.array([once.index(word) for word in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(place[indices], once)


def _kind(name: str) -> Any:
    import pyarrow as pa

    if name in _TEXTS:
        return pa.string()
    return pa.float64() if name.endswith(_FRACTIONS) else pa.int64()
