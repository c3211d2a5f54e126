"""Heartbeats with their AAMI class, from WFDB records with reference annotations.

DS1 and DS2 are the halves of the MIT-BIH Arrhythmia Database that divide its patients (de Chazal,
O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359), all but one: records 201 and 202 are of the
same man. The four records with paced beats (102, 104, 107, 217) are in neither, as ANSI/AAMI EC57
asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import combined_sha256
from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.conditioning import condition_lead, rescale_samples
from edgecnn.ecg.readers import read_record
from edgecnn.errors import DataError, DatasetError
from edgecnn.files import sha256_of
from edgecnn.metadata import BeatInput, InputSpec
from edgecnn.preprocessing.beats import beat_inputs

__all__ = [
    "BEAT_LABELS",
    "DS1",
    "DS2",
    "BeatRecords",
    "open_mitdb",
    "open_record_folder",
    "record_files",
]

#: AAMI classes that a network can learn here. Q (paced, unclassifiable) is dropped: without the
#: paced records it has 8 beats in DS1 and 7 in DS2.
BEAT_LABELS = ("N", "S", "V", "F")

DS1 = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230"),
)
DS2 = (
    *("100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210"),
    *("212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234"),
)

_ANNOTATOR = "atr"


@dataclass(frozen=True)
class _AnnotatedRecord:
    """All beats of a record, and which of them are examples."""

    path: Path
    peaks: NDArray[np.int64]
    rate_hz: float | None
    kept: NDArray[np.int64]


class BeatRecords:
    """A dataset of heartbeats; signals are read when inputs are asked for, by the model's lead.

    Beats of class Q are no examples, but their R peaks count for the RR intervals and templates of
    their neighbours, as they would on a device.
    """

    targets: NDArray[np.int64] | None
    groups: NDArray[np.str_] | None

    def __init__(self, info: DatasetInfo, records: Sequence[Path], names: Sequence[str]) -> None:
        self.info = info
        self._records: list[_AnnotatedRecord] = []
        targets, groups = [], []
        for path, name in zip(records, names, strict=True):
            record, classes = _read_beats(path)
            self._records.append(record)
            targets.append(classes)
            groups.append(np.full(len(classes), name))
        self.targets = np.concatenate(targets) if targets else np.empty(0, np.int64)
        self.groups = np.concatenate(groups) if groups else np.empty(0, "U1")
        lengths = [len(record.kept) for record in self._records]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Preprocess beats; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        if not isinstance(spec, BeatInput):
            raise DataError(
                f"{self.info.name}:{self.info.split} holds heartbeats; the model reads pictures",
                hint="take a picture dataset, for example mnist:test",
            )
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices)
        tensors = {
            name: np.empty((len(chosen), *shape), dtype=np.float32)
            for name, shape in spec.tensors.items()
        }
        owner = np.searchsorted(self._starts, chosen, side="right") - 1
        for number in np.unique(owner):
            rows = np.flatnonzero(owner == number)
            record = self._records[number]
            beats = record.kept[chosen[rows] - self._starts[number]]
            for name, values in _record_inputs(record, spec).items():
                tensors[name][rows] = values[beats]
        return tensors


def record_files(split: str) -> tuple[str, ...]:
    """Return the file names of ``ds1``, ``ds2`` or a comma-separated list of records."""
    return tuple(f"{name}.{end}" for name in _record_names(split) for end in ("atr", "dat", "hea"))


def open_mitdb(folder: Path, split: str) -> BeatRecords:
    """Open beats of the MIT-BIH Arrhythmia Database.

    Parameters
    ----------
    folder : Path
        Holds the records' files.
    split : str
        ``ds1``, ``ds2``, or record names with commas between them.

    Raises
    ------
    RecordError
        A file is cut short.
    """
    entry = entry_of("mitdb")
    names = _record_names(split)
    hashes = [sha256_of(folder / file) for file in record_files(split)]
    published = {file.name: file.sha256 for file in entry.files}
    genuine = all(
        published.get(file) == sha256
        for file, sha256 in zip(record_files(split), hashes, strict=True)
    )
    info = DatasetInfo(
        name="mitdb",
        split=split,
        labels=BEAT_LABELS,
        sha256=combined_sha256(hashes),
        attribution=entry.attribution,
        licence=entry.licence,
        note="" if genuine else "not the published files: their content has another hash",
    )
    return BeatRecords(info, [folder / name for name in names], names)


def open_record_folder(folder: Path) -> BeatRecords:
    """Open beats of one's own WFDB records, annotated in ``.atr`` files.

    Raises
    ------
    DatasetError
        No record of the folder has reference annotations.
    """
    headers = sorted(folder.glob("*.hea"))
    records = [path.with_suffix("") for path in headers if path.with_suffix(".atr").is_file()]
    if not records:
        raise DatasetError(
            f"no record in {folder} has reference annotations",
            hint=f"expected an .{_ANNOTATOR} file beside each .hea header",
        )
    files = sorted(
        file
        for record in records
        for file in folder.glob(f"{record.name}.*")
        if file.suffix in (".atr", ".dat", ".hea", ".mat")
    )
    info = DatasetInfo(
        name=folder.resolve().name,
        split="all",
        labels=BEAT_LABELS,
        sha256=combined_sha256(sha256_of(file) for file in files),
        attribution="the user's own records",
        licence="not stated",
    )
    return BeatRecords(info, records, [record.name for record in records])


def _record_names(split: str) -> tuple[str, ...]:
    return {"ds1": DS1, "ds2": DS2}.get(split) or tuple(dict.fromkeys(split.split(",")))


def _read_beats(path: Path) -> tuple[_AnnotatedRecord, NDArray[np.int64]]:
    annotations = read_annotations(path, _ANNOTATOR)
    is_beat = np.array([symbol in CLASS_OF_SYMBOL for symbol in annotations.symbols], dtype=bool)
    # Two annotations of one sample are one beat: RR intervals of nothing do not exist.
    peaks, first = np.unique(annotations.samples[is_beat], return_index=True)
    symbols = [annotations.symbols[i] for i in np.flatnonzero(is_beat)[first]]
    classes = [CLASS_OF_SYMBOL[symbol] for symbol in symbols]
    kept = [i for i, name in enumerate(classes) if name in BEAT_LABELS]
    targets = np.array([BEAT_LABELS.index(classes[i]) for i in kept], dtype=np.int64)
    record = _AnnotatedRecord(
        path=path,
        peaks=peaks.astype(np.int64),
        rate_hz=annotations.sampling_rate_hz,
        kept=np.array(kept, dtype=np.int64),
    )
    return record, targets


def _record_inputs(record: _AnnotatedRecord, spec: BeatInput) -> dict[str, NDArray[np.float32]]:
    signal = read_record(record.path, lead=spec.leads[0])
    rate = signal.sampling_rate_hz
    lead = condition_lead(signal.lead_mv(spec.leads[0]), rate, spec.sampling_rate_hz)
    # An annotation file may count at a rate of its own.
    counted_at = record.rate_hz or rate
    peaks = record.peaks
    if counted_at != spec.sampling_rate_hz:
        peaks = rescale_samples(peaks, spec.sampling_rate_hz / counted_at, len(lead.signal_uv))
    try:
        return beat_inputs(lead.signal_uv, peaks, spec)
    except DataError as error:
        raise DataError(f"{record.path}: {error.message}", hint=error.hint) from error
