"""Parts merged into tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec

from edgecnn.ecg.csv_tables import CsvTables
from edgecnn.ecg.parquet_tables import ParquetTables
from edgecnn.ecg.parts import Part
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.table_rows import beat_documents

__all__ = ["BEATS_JSONL", "TABLE_FORMATS", "TableWriter", "table_names", "write_tables"]

BEATS_JSONL = "beats.jsonl"
#: What ``tables`` may be.
TABLE_FORMATS = ("csv", "parquet")

_TABLES = ("records", "beats", "errors")
_EPISODES = "episodes"


def table_names(form: str, *, rhythm: bool = False) -> list[str]:
    """Return the names of the tables' files: records, beats, errors, and episodes of a rhythm."""
    return [f"{name}.{form}" for name in (*_TABLES, *([_EPISODES] if rhythm else []))]


class TableWriter(Protocol):
    """Takes the rows of the tables one record after the other."""

    def add(self, part: Part) -> None:
        """Write a record's row, and those of its beats."""
        ...

    def finish(self, problems: Sequence[Problem]) -> None:
        """Write the table of what was not scored."""
        ...


def write_tables(
    folder: Path,
    labels: Sequence[str],
    parts: Iterable[Part],
    problems: Sequence[Problem],
    *,
    jsonl: bool,
    form: str = "csv",
    rhythm: bool = False,
) -> list[str]:
    """Write the tables of records, beats and errors and, if asked for, ``beats.jsonl``.

    Parts are read one by one: the memory does not grow with their number.

    Parameters
    ----------
    form : str
        ``"csv"`` or ``"parquet"`` (needs pyarrow).
    rhythm : bool
        A rhythm model ran: with the table of its episodes.

    Returns
    -------
    list of str
        Names of the files written.

    Raises
    ------
    MissingPackageError
        Parquet without pyarrow.
    """
    names = table_names(form, rhythm=rhythm)
    with ExitStack() as open_files:
        writer: TableWriter
        if form == "parquet":
            writer = ParquetTables(folder, names, labels, open_files)
        else:
            writer = CsvTables(folder, names, labels, open_files)
        lines = None
        if jsonl:
            names.append(BEATS_JSONL)
            lines = open_files.enter_context((folder / BEATS_JSONL).open("wb"))
        for part in parts:
            writer.add(part)
            if lines is not None:
                encoder = msgspec.json.Encoder()
                lines.writelines(encoder.encode(row) + b"\n" for row in beat_documents(part))
        writer.finish(problems)
    return names
