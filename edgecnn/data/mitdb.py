"""Heartbeats with their AAMI class, from WFDB records with reference annotations.

DS1 and DS2 are the halves of the MIT-BIH Arrhythmia Database that divide its patients (de Chazal,
O'Dwyer & Reilly 2004, doi:10.1109/TBME.2004.827359), all but one: records 201 and 202 are of the
same man. The four records with paced beats (102, 104, 107, 217) are in neither, as ANSI/AAMI EC57
asks.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import combined_sha256
from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.imagined_rhythms import RecordedBeats
from edgecnn.data.leak import fingerprint
from edgecnn.ecg.aami import CLASS_OF_SYMBOL, class_map
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.conditioning import condition_lead, place_beats
from edgecnn.ecg.gaps import GapFiller, credible_mv, gaps_of, touches
from edgecnn.ecg.peaks import find_r_peaks
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.stretches import stretches_flat, stretches_saturated
from edgecnn.errors import DataError, DatasetError
from edgecnn.files import sha256_of
from edgecnn.metadata import BeatInput, InputSpec, reads
from edgecnn.preprocessing.beats import beat_inputs, cut_windows
from edgecnn.preprocessing.boxcar import filter_boxcar

__all__ = [
    "BEAT_LABELS",
    "DS1",
    "DS2",
    "SAME_PATIENT",
    "BeatRecords",
    "open_mitdb",
    "open_record_folder",
    "open_records",
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

#: Records of a man who has another one: 201 is in DS1 and 202 in DS2, the canonical halves.
SAME_PATIENT: Mapping[str, str] = {"202": "201"}

_ANNOTATOR = "atr"
#: No example lies closer to a gap: farther than any window reaches.
_BESIDE_S = 1.0


@dataclass(frozen=True)
class _AnnotatedRecord:
    """All beats of a record, at its rate, and which of them are examples."""

    path: Path
    peaks: NDArray[np.int64]
    kept: NDArray[np.int64]
    symbols: tuple[str, ...] | None
    outside: int
    beside_gaps: int


class BeatRecords:
    """A dataset of heartbeats; signals are read when inputs are asked for, by the model's lead.

    Beats of class Q are no examples, but their R peaks count for the RR intervals and templates of
    their neighbours, as they would on a device. Annotations beyond a signal's end are left out. As
    in scoring, a gap of more than 20 ms holds no beats, and beats beside one (within 1 s, in any
    lead that has a signal) have no answer: they are no examples.

    Attributes
    ----------
    symbols : ndarray of str, shape (N,), optional
        The annotation of each example; None where a record has none.
    """

    targets: NDArray[np.int64] | None
    groups: NDArray[np.str_] | None
    symbols: NDArray[np.str_] | None

    def __init__(self, info: DatasetInfo, records: Sequence[Path], names: Sequence[str]) -> None:
        self._records = [_read_beats(path) for path in records]
        self._names = tuple(names)
        self.info = replace(info, note=_joined(info.note, _left_out(self._records)))
        lengths = [len(record.kept) for record in self._records]
        symbols = [record.symbols for record in self._records if record.symbols is not None]
        groups = [np.full(n, name) for n, name in zip(lengths, names, strict=True)]
        self.symbols = self.targets = None
        if len(symbols) == len(lengths):
            self.symbols = np.array([s for each in symbols for s in each], dtype="U1")
            self.targets = _targets(self.symbols, CLASS_OF_SYMBOL)
        self.groups = np.concatenate(groups) if groups else np.empty(0, "U1")
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def with_class_map(self, name: str) -> BeatRecords:
        """Return the same beats, their classes by another map (:mod:`edgecnn.ecg.aami`)."""
        mapped = copy(self)
        if self.symbols is not None:
            mapped.targets = _targets(self.symbols, class_map(name))
        if name != "literature" and "class map" not in self.info.note:
            mapped.info = replace(self.info, note=_joined(self.info.note, f"class map {name}"))
        return mapped

    def fingerprints(self) -> dict[str, NDArray[np.uint64]]:
        """Return, by record, a number for the samples around each beat: equal signals, equal ones.

        A copy of a record is found whatever its name is, and wherever it was cut.
        """
        return {
            name: fingerprint(read_record(record.path), record.peaks)
            for name, record in zip(self._names, self._records, strict=True)
        }

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Preprocess beats; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        if not isinstance(spec, BeatInput):
            raise DataError(
                f"{self.info.name}:{self.info.split} holds heartbeats; "
                f"the model reads {reads(spec)}",
                hint="`edgecnn datasets` lists the others",
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
            examples = chosen[rows] - self._starts[number]
            for name, values in _record_inputs(record, spec).items():
                tensors[name][rows] = values[examples]
        return tensors

    def recorded_beats(
        self, spec: BeatInput, indices: NDArray[np.integer]
    ) -> dict[str, RecordedBeats]:
        """Return the beats of each record that has examples among the indices, by its name.

        All its beats are there, but only those among the indices have a class.

        Raises
        ------
        DataError
            No labels.
        """
        if self.targets is None:
            raise DataError(f"{self.info.name}:{self.info.split} has no labels")
        owner = np.searchsorted(self._starts, indices, side="right") - 1
        found = {}
        for number in np.unique(owner).tolist():
            chosen = np.asarray(indices)[owner == number]
            signal_uv, peaks, rows = _conditioned(self._records[number], spec)
            classes = np.full(len(peaks), -1, dtype=np.int64)
            classes[rows[chosen - self._starts[number]]] = self.targets[chosen]
            filtered = filter_boxcar(signal_uv, spec.filter, spec.sampling_rate_hz)
            found[self._names[number]] = RecordedBeats(
                windows=cut_windows(filtered, peaks, spec),
                intervals=np.diff(peaks, prepend=2 * peaks[:1] - peaks[1:2]),
                classes=classes,
            )
        return found

    def stuck_beats(
        self, spec: BeatInput, indices: NDArray[np.integer]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which beats have samples, in the model's lead, where it is flat or saturated.

        Returns
        -------
        flat, saturated : ndarray of bool, shape of ``indices``
        """
        chosen = np.asarray(indices)
        flat, saturated = np.zeros(len(chosen), bool), np.zeros(len(chosen), bool)
        owner = np.searchsorted(self._starts, chosen, side="right") - 1
        for number in np.unique(owner):
            rows = np.flatnonzero(owner == number)
            record = self._records[number]
            signal = read_record(record.path, lead=spec.leads[0])
            rate = signal.sampling_rate_hz
            lead = signal.lead_mv(spec.leads[0])
            peaks = record.peaks[record.kept[chosen[rows] - self._starts[number]]]
            first = peaks - round(spec.before * rate / spec.sampling_rate_hz)
            end = peaks + round(spec.after * rate / spec.sampling_rate_hz)
            still = stretches_flat(lead, rate)
            flat[rows] = touches(still, first, end)
            saturated[rows] = touches(stretches_saturated(lead, rate, still), first, end)
        return flat, saturated


def _targets(symbols: NDArray[np.str_], class_of: Mapping[str, str]) -> NDArray[np.int64]:
    """Map every example's symbol to its class; that of Q is none in either map."""
    return np.array([BEAT_LABELS.index(class_of[s]) for s in symbols.tolist()], dtype=np.int64)


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
        shared=tuple(SAME_PATIENT) if split == "ds2" else (),
    )
    return BeatRecords(info, [folder / name for name in names], names)


def open_record_folder(folder: Path) -> BeatRecords:
    """Open beats of one's own WFDB records: of those annotated in ``.atr`` files, if any are.

    Raises
    ------
    DatasetError
        No record.
    """
    headers = sorted(folder.glob("*.hea"))
    annotated = [path for path in headers if path.with_suffix(f".{_ANNOTATOR}").is_file()]
    return open_records(annotated or headers, name=folder.resolve().name)


def open_records(paths: Sequence[Path], *, name: str) -> BeatRecords:
    """Open beats of one's own WFDB records.

    Where a record has no ``.atr`` file its beats are found, and no beat of the set has a label.

    Parameters
    ----------
    paths : sequence of Path
        Headers, signal files, or records without a suffix.
    name : str
        What the set is called.

    Raises
    ------
    DatasetError
        No records.
    """
    records = [path.with_suffix("") if path.suffix else path for path in paths]
    if not records:
        raise DatasetError(f"{name} holds no records", hint="a WFDB record has a .hea file")
    files = sorted(
        file
        for record in dict.fromkeys(records)
        for file in record.parent.glob(f"{glob.escape(record.name)}.*")
        if file.suffix in (".atr", ".dat", ".hea", ".mat")
    )
    info = DatasetInfo(
        name=name,
        split="all",
        labels=BEAT_LABELS,
        sha256=combined_sha256(sha256_of(file) for file in files),
        attribution="the user's own records",
        licence="not stated",
    )
    return BeatRecords(info, records, [record.name for record in records])


def _record_names(split: str) -> tuple[str, ...]:
    return {"ds1": DS1, "ds2": DS2}.get(split) or tuple(dict.fromkeys(split.split(",")))


def _read_beats(path: Path) -> _AnnotatedRecord:
    if not path.with_name(f"{path.name}.{_ANNOTATOR}").is_file():
        return _find_beats(path, read_record(path))
    annotations = read_annotations(path, _ANNOTATOR)
    signal = read_record(path)
    is_beat = np.array([symbol in CLASS_OF_SYMBOL for symbol in annotations.symbols], dtype=bool)
    # Two annotations of one sample are one beat: RR intervals of nothing do not exist.
    peaks, first = np.unique(annotations.samples[is_beat], return_index=True)
    symbols = [annotations.symbols[i] for i in np.flatnonzero(is_beat)[first]]
    # An annotation file may count at a rate of its own.
    counted_at = annotations.sampling_rate_hz or signal.sampling_rate_hz
    if counted_at != signal.sampling_rate_hz:
        peaks = np.rint(peaks * (signal.sampling_rate_hz / counted_at))
    peaks = peaks.astype(np.int64)
    inside = (peaks >= 0) & (peaks < len(signal.signal_mv))
    peaks, symbols = peaks[inside], [symbols[i] for i in np.flatnonzero(inside)]
    classes = [CLASS_OF_SYMBOL[symbol] for symbol in symbols]
    learned = np.array([name in BEAT_LABELS for name in classes], dtype=bool)
    beside = learned & _beside_gaps(signal, peaks)
    kept = np.flatnonzero(learned & ~beside)
    return _AnnotatedRecord(
        path=path,
        peaks=peaks,
        kept=kept,
        symbols=tuple(symbols[i] for i in kept),
        outside=int(np.count_nonzero(~inside)),
        beside_gaps=int(np.count_nonzero(beside)),
    )


def _find_beats(path: Path, signal: Record) -> _AnnotatedRecord:
    """Find the beats of a record that nobody annotated, in the lead that shows them best."""
    rate = signal.sampling_rate_hz
    named = [place for place, lead in enumerate(signal.leads) if lead.upper() in ("MLII", "II")]
    lead = condition_lead(signal.signal_mv[:, named[0] if named else 0], rate, rate)
    peaks = find_r_peaks(lead.signal_uv, rate)
    beside = _beside_gaps(signal, peaks)
    return _AnnotatedRecord(
        path=path,
        peaks=peaks,
        kept=np.flatnonzero(~beside),
        symbols=None,
        outside=0,
        beside_gaps=int(np.count_nonzero(beside)),
    )


def _beside_gaps(record: Record, peaks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which beats lie so close to a gap of any lead that their window may touch it."""
    beside = np.zeros(len(peaks), dtype=bool)
    reach = round(_BESIDE_S * record.sampling_rate_hz)
    for lead in record.signal_mv.T:
        valid = np.isfinite(credible_mv(lead))
        # A lead that never was connected says nothing about the others.
        if valid.any() and not valid.all():
            gaps = gaps_of(valid, GapFiller(record.sampling_rate_hz).longest)
            beside |= touches(gaps, peaks - reach, peaks + reach + 1)
    return beside


def _left_out(records: Sequence[_AnnotatedRecord]) -> str:
    outside = sum(record.outside for record in records)
    beside = sum(record.beside_gaps for record in records)
    said = []
    bare = sum(record.symbols is None for record in records)
    if bare:
        said.append(
            f"{bare} of {len(records)} records have no annotations: their beats are found, and no "
            "beat has a label"
        )
    if outside:
        said.append(f"{outside} annotated beats lie outside the signal")
    if beside:
        said.append(f"{beside} beats beside gaps are no examples")
    return "; ".join(said)


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _conditioned(
    record: _AnnotatedRecord, spec: BeatInput
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Bring a record's lead and beats to the model's rate, and say which row each example has."""
    signal = read_record(record.path, lead=spec.leads[0])
    rate = signal.sampling_rate_hz
    lead = condition_lead(signal.lead_mv(spec.leads[0]), rate, spec.sampling_rate_hz)
    at, _, place = place_beats(record.peaks, spec.sampling_rate_hz / rate, len(lead.signal_uv))
    alive = ~touches(lead.gaps, at, at + 1)
    rows = (np.cumsum(alive) - 1)[place[record.kept]]
    return lead.signal_uv, at[alive], rows


def _record_inputs(record: _AnnotatedRecord, spec: BeatInput) -> dict[str, NDArray[np.float32]]:
    """Preprocess a record's examples."""
    signal_uv, peaks, rows = _conditioned(record, spec)
    try:
        inputs = beat_inputs(signal_uv, peaks, spec)
    except DataError as error:
        raise DataError(f"{record.path}: {error.message}", hint=error.hint) from error
    return {name: values[rows] for name, values in inputs.items()}
