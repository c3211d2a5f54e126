"""Ten-second fragments of MIT-BIH by their rhythm, as Yıldırım et al. 2018 classify them.

Fragments lie side by side from a record's start, and :func:`~edgecnn.ecg.rhythm_classes.
fragment_class` names their class from the annotations. There are two ways to divide them:

``fragments-train``, ``fragments-test``
    The paper's kind: a fifth of each class, drawn at random. Train and test share all patients.
``fragments15-train``, ``fragments13-train``, ...
    The same with the 15 or 13 classes that have the most fragments: the paper counts so many, too.
``records-train``, ``records-test``
    About a third of the records, whole, so that each class is on both sides: only classes that
    occur in two patients or more, and 201 and 202 are one man.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import combined_sha256
from edgecnn.data.catalogue import entry_of, mitdb_files
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.mitdb import SAME_PATIENT
from edgecnn.data.split import stratified_folds
from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.ec57.labels import labels_of, rhythm_episodes
from edgecnn.ecg.fragments import condition_leads
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.rhythm_classes import FRAGMENT_S, RHYTHM_LABELS, fragment_class
from edgecnn.errors import DataError
from edgecnn.files import sha256_of
from edgecnn.metadata import InputSpec, SignalInput, reads
from edgecnn.preprocessing.fragments import fragment_inputs

__all__ = [
    "RHYTHM_RECORDS",
    "RhythmFragments",
    "commonest_classes",
    "fragment_table",
    "open_mitdb_rhythm",
    "rhythm_files",
    "shared_classes",
]

_ANNOTATOR = "atr"
#: Records whose only leads are V5 and V2: the paper reads MLII.
_WITHOUT_MLII = ("102", "104")
_SEED = 2018
_TRIES = 100_000


def _all_records() -> tuple[str, ...]:
    return tuple(dict.fromkeys(file.name.partition(".")[0] for file in mitdb_files()))


#: The 46 records with the lead MLII.
RHYTHM_RECORDS = tuple(name for name in _all_records() if name not in _WITHOUT_MLII)


@dataclass(frozen=True, eq=False)
class _Table:
    """All fragments that have a class: record, start in seconds, class, patient."""

    records: NDArray[np.str_]
    starts_s: NDArray[np.float64]
    targets: NDArray[np.int64]
    left_out: int

    @property
    def patients(self) -> NDArray[np.str_]:
        return np.array([SAME_PATIENT.get(name, name) for name in self.records])

    def take(self, rows: NDArray[np.integer]) -> _Table:
        return _Table(self.records[rows], self.starts_s[rows], self.targets[rows], self.left_out)

    def of_classes(self, kept: Sequence[int]) -> _Table:
        """Return the fragments of some classes, which are then counted from 0 in their order."""
        part = self.take(np.flatnonzero(np.isin(self.targets, kept)))
        place = np.searchsorted(np.array(kept), part.targets)
        return _Table(part.records, part.starts_s, place.astype(np.int64), self.left_out)


class RhythmFragments:
    """A dataset of fragments; signals are read when inputs are asked for, by the model's leads."""

    targets: NDArray[np.int64] | None
    groups: NDArray[np.str_] | None

    def __init__(self, info: DatasetInfo, folder: Path, table: _Table) -> None:
        self.info = info
        self._folder = folder
        self._table = table
        self.targets = table.targets
        # Of the paper's kind of split, patients are on both sides: there is nothing to keep whole.
        self.groups = table.patients if info.split.startswith("records") else None

    def __len__(self) -> int:
        return len(self._table.records)

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Preprocess fragments; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        if not isinstance(spec, SignalInput):
            raise DataError(
                f"{self.info.name}:{self.info.split} holds fragments of signals; "
                f"the model reads {reads(spec)}",
                hint="`edgecnn datasets` lists the others",
            )
        if abs(spec.samples / spec.sampling_rate_hz - FRAGMENT_S) > 0.5 / spec.sampling_rate_hz:
            raise DataError(
                f"{self.info.name} holds fragments of {FRAGMENT_S:g} s; the model reads "
                f"{spec.samples / spec.sampling_rate_hz:g} s",
                hint=f"{round(FRAGMENT_S * spec.sampling_rate_hz)} samples at its rate",
            )
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices)
        result = np.empty((len(chosen), *spec.shape), dtype=np.float32)
        part = self._table.take(chosen)
        for name in np.unique(part.records):
            rows = np.flatnonzero(part.records == name)
            leads = condition_leads(read_record(self._folder / name), spec)
            starts = np.rint(part.starts_s[rows] * spec.sampling_rate_hz).astype(np.int64)
            result[rows] = fragment_inputs(leads.signal_uv, starts, spec)[spec.name]
        return {spec.name: result}


def rhythm_files() -> tuple[str, ...]:
    """Return the file names that every split is read from."""
    return tuple(f"{name}.{end}" for name in RHYTHM_RECORDS for end in ("atr", "dat", "hea"))


def open_mitdb_rhythm(folder: Path, split: str) -> RhythmFragments:
    """Open ten-second fragments of the MIT-BIH Arrhythmia Database.

    Parameters
    ----------
    folder : Path
        Holds the records' files.
    split : str
        ``fragments-train``, ``fragments-test``, ``records-train`` or ``records-test``; for fewer
        classes ``fragments15-train``, ``fragments13-test`` and so on.

    Raises
    ------
    RecordError
        A file is cut short.
    """
    entry = entry_of("mitdb-rhythm")
    hashes = [sha256_of(folder / file) for file in rhythm_files()]
    published = {file.name: file.sha256 for file in entry.files}
    genuine = all(published[f] == h for f, h in zip(rhythm_files(), hashes, strict=True))
    table = fragment_table(folder)
    kind, _, part = split.partition("-")
    at_random = kind.startswith("fragments")
    labels = RHYTHM_LABELS
    if count := kind.removeprefix("fragments") if at_random else "":
        kept = commonest_classes(table, int(count))
        labels = tuple(RHYTHM_LABELS[target] for target in kept)
        table = table.of_classes(kept)
    rows = (_by_fragment if at_random else _by_record)(table, test=part == "test")
    info = DatasetInfo(
        name=entry.name,
        split=split,
        labels=labels,
        sha256=combined_sha256(hashes),
        attribution=entry.attribution,
        licence=entry.licence,
        note="; ".join(
            said
            for said, holds in (
                ("not the published files: their content has another hash", not genuine),
                (
                    "fragments at random: patients are in training and test alike",
                    at_random,
                ),
            )
            if holds
        ),
    )
    return RhythmFragments(info, folder, table.take(rows))


def fragment_table(folder: Path, names: Sequence[str] = RHYTHM_RECORDS) -> _Table:
    """Name the class of every fragment of some records; those without one are counted only."""
    records, starts, targets, left_out = [], [], [], 0
    for name in names:
        for start_s, label in _fragments(folder / name):
            if label is None:
                left_out += 1
                continue
            records.append(name)
            starts.append(start_s)
            targets.append(RHYTHM_LABELS.index(label))
    return _Table(
        np.array(records, dtype=np.str_),
        np.array(starts, dtype=np.float64),
        np.array(targets, dtype=np.int64),
        left_out,
    )


def commonest_classes(table: _Table, count: int) -> tuple[int, ...]:
    """Return so many classes, those with the most fragments, in the labels' order."""
    sizes = np.bincount(table.targets, minlength=len(RHYTHM_LABELS))
    return tuple(sorted(np.argsort(-sizes, kind="stable")[:count].tolist()))


def shared_classes(table: _Table) -> tuple[int, ...]:
    """Return the classes that occur in two patients or more."""
    patients = table.patients
    return tuple(
        int(target)
        for target in np.unique(table.targets)
        if len(np.unique(patients[table.targets == target])) > 1
    )


def _fragments(path: Path) -> list[tuple[float, str | None]]:
    annotations = read_annotations(path, _ANNOTATOR)
    record = read_record(path)
    rate, length = record.sampling_rate_hz, len(record.signal_mv)
    labels = labels_of(annotations, CLASS_OF_SYMBOL, rate_hz=rate, end=length)
    episodes = {name: rhythm_episodes(labels, name) for _, name in labels.rhythms}
    is_beat = np.array([symbol in CLASS_OF_SYMBOL for symbol in annotations.symbols], dtype=bool)
    beats = np.flatnonzero(is_beat)
    at = annotations.samples[beats]
    size = round(FRAGMENT_S * rate)
    found: list[tuple[float, str | None]] = []
    for start in range(0, length - size + 1, size):
        inside = beats[(at >= start) & (at < start + size)]
        seconds = {
            name: sum(max(0, min(b, start + size) - max(a, start)) for a, b in spans) / rate
            for name, spans in episodes.items()
        }
        symbols = [annotations.symbols[int(i)] for i in inside]
        found.append((start / rate, fragment_class(seconds, symbols)))
    return found


def _by_fragment(table: _Table, *, test: bool) -> NDArray[np.int64]:
    held = stratified_folds(table.targets, 5, _SEED) == 0
    return np.flatnonzero(held if test else ~held)


def _by_record(table: _Table, *, test: bool) -> NDArray[np.int64]:
    """Draw a third of the patients until each class has a tenth to two thirds of it in the test."""
    rows = np.flatnonzero(np.isin(table.targets, shared_classes(table)))
    names, patient_of = np.unique(table.patients[rows], return_inverse=True)
    targets = table.targets[rows]
    sizes = np.maximum(np.bincount(targets), 1)
    generator = np.random.default_rng(_SEED)
    for _ in range(_TRIES):
        drawn = generator.permutation(len(names))[: len(names) // 3]
        held = np.isin(patient_of, drawn)
        shares = (np.bincount(targets[held], minlength=len(sizes)) / sizes)[np.unique(targets)]
        if shares.min() >= 0.1 and shares.max() <= 2 / 3:
            return rows[held if test else ~held]
    raise DataError("no division of the records leaves every class on both sides")
