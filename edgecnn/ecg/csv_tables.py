"""The tables as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from edgecnn.ecg.parts import Part
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.table_rows import (
    BEATS_HEADER,
    EPISODES_HEADER,
    ERRORS_HEADER,
    beat_rows,
    episode_rows,
    record_row,
    records_header,
)

__all__ = ["CsvTables"]


class CsvTables:
    """Write the tables record by record (see :class:`~edgecnn.ecg.tables.TableWriter`)."""

    def __init__(
        self, folder: Path, names: Sequence[str], labels: Sequence[str], open_files: ExitStack
    ) -> None:
        records, beats, errors, *episodes = (folder / name for name in names)
        self._errors = errors
        self._rhythm = bool(episodes)
        text = open_files.enter_context(records.open("w", encoding="utf-8", newline=""))
        header = records_header(labels, rhythm=self._rhythm)
        self._records = csv.DictWriter(text, header, lineterminator="\n")
        self._records.writeheader()
        for path in episodes:
            text = open_files.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._episodes = csv.writer(text, lineterminator="\n")
            self._episodes.writerow(EPISODES_HEADER)
        self._beats = open_files.enter_context(beats.open("wb"))
        self._beats.write((",".join(BEATS_HEADER) + "\n").encode())

    def add(self, part: Part) -> None:
        """Write a record's row, and those of its beats."""
        self._records.writerow(record_row(part.score, rhythm=self._rhythm))
        self._beats.write(part.rows or beat_rows(part))
        if self._rhythm:
            self._episodes.writerows(episode_rows(part))

    def finish(self, problems: Sequence[Problem]) -> None:
        """Write the table of what was not scored."""
        with self._errors.open("w", encoding="utf-8", newline="") as file:
            errors = csv.writer(file, lineterminator="\n")
            errors.writerow(ERRORS_HEADER)
            errors.writerows((p.path, p.reason, p.error.hint or "") for p in problems)
