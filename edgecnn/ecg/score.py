"""Record files and folders in; tables, annotation files and a report out.

Around the pure :func:`~edgecnn.ecg.beats.classify_record` stands what has to do with files: each
record becomes a part, a file that is whole or not there, and the parts are merged when all are
done. Annotations, tables and report appear at the end, all together; a run that is killed leaves
those of the run before it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.annotated_copy import symbols_of, write_annotated_copy
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beats import beat_input_of, beat_peaks, classify_record
from edgecnn.ecg.gaps import credible_mv
from edgecnn.ecg.parts import RecordScore, make_part, read_part, write_part
from edgecnn.ecg.quality import lead_remarks, limb_remarks_of
from edgecnn.ecg.readers import read_record, reader_of
from edgecnn.ecg.readers.edf_annotations import read_edf_beats
from edgecnn.ecg.record import Record
from edgecnn.ecg.record_files import FoundRecords, Problem, RecordFile, find_records
from edgecnn.ecg.report import write_report
from edgecnn.ecg.results_folder import ResultsFolder, open_results, told_as_error
from edgecnn.ecg.strips import cut_strips
from edgecnn.ecg.tables import BEATS_JSONL, write_tables
from edgecnn.errors import DataError, EdgeCNNError, RecordError, UsageError
from edgecnn.runtime.session import Model

__all__ = ["DETECT", "ScoreOptions", "ScoreSummary", "score_record_file", "score_records"]

#: Value of ``beats`` that lets R peaks be found.
DETECT = "detect"
#: Annotator of an EDF+ file: its own annotations.
WITHIN = "edf"

_REPORT = "report.html"


@dataclass(frozen=True)
class ScoreOptions:
    """What, besides file and model, the result of a record depends on.

    Attributes
    ----------
    beats : str
        ``"detect"``, or the annotator whose beats are taken (``"edf"``: those within an EDF+ file).
    rate_hz : float, optional
        Sampling rate of files that state none.
    lead : str, optional
        Read this lead instead of the model's own.
    """

    beats: str = DETECT
    rate_hz: float | None = None
    lead: str | None = None


@dataclass(frozen=True)
class ScoreSummary:
    """What a run came to.

    Attributes
    ----------
    folder : Path
        Holds the tables.
    report : Path
    records : tuple of RecordScore
    problems : tuple of Problem
        Paths without a result, and why.
    ecg_seconds, seconds : float
        Length of all records, and the time that scoring them took.
    """

    folder: Path
    report: Path
    records: tuple[RecordScore, ...]
    problems: tuple[Problem, ...]
    ecg_seconds: float
    seconds: float


def score_records(
    model: Model,
    paths: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    beats: str = DETECT,
    rate_hz: float | None = None,
    lead: str | None = None,
    jsonl: bool = False,
    progress: Callable[[int, int], None] | None = None,
    on_error: Callable[[Problem], None] | None = None,
) -> ScoreSummary:
    """Classify the beats of records and write tables, annotation files and a report.

    Parameters
    ----------
    model : Model
        A beat model.
    paths : iterable of path
        Records, and folders that are searched for them.
    out : path
        Folder of the results: ``records.csv``, ``beats.csv``, ``errors.csv``, ``report.html``,
        ``annotations/RECORD.edge``. Those of an earlier run are replaced.
    beats : str
        ``"detect"``, or an annotator (``"atr"``) whose R peaks are taken.
    rate_hz : float, optional
        Sampling rate of files that state none.
    lead : str, optional
        Read this lead instead of the model's own.
    jsonl : bool
        Write ``beats.jsonl`` as well.
    progress : callable, optional
        Called with the number of records done and of all.
    on_error : callable, optional
        Called with each :class:`~edgecnn.ecg.record_files.Problem` as it comes up.

    Returns
    -------
    ScoreSummary
        A record that cannot be scored is among its ``problems``; the others are scored.

    Raises
    ------
    TaskError
        The model reads no heartbeats.
    DataError
        Not one record in all the paths; nothing is written.
    UsageError
        ``out`` is one of the folders to be searched.
    EdgeCNNError
        ``out`` cannot be written to, or another run writes to it.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> summary = score_records(load_model("bundled:ecg-beats"),       # doctest: +SKIP
    ...                         ["recordings/"], Path("results"))
    >>> [(r.record, r.counts["V"]) for r in summary.records]           # doctest: +SKIP
    [('100', 1), ('119', 444)]
    """
    started = time.perf_counter()
    beat_input_of(model)
    options = ScoreOptions(beats, rate_hz, lead)
    given = [Path(path) for path in paths]
    out = Path(out)
    found = _search(given, out, beats)
    problems = list(found.problems)
    records: list[RecordScore] = []
    with open_results(out) as folder:
        for problem in problems:
            if on_error is not None:
                on_error(problem)
        for number, file in enumerate(found.records):
            part = folder.parts / _part_name(len(records))
            result = score_record_file(file, model, options, folder, part)
            if isinstance(result, Problem):
                problems.append(result)
                if on_error is not None:
                    on_error(result)
            else:
                records.append(result)
            if progress is not None:
                progress(number + 1, len(found.records))
        _merge(folder, model, records, problems, jsonl=jsonl)
    return ScoreSummary(
        folder=out,
        report=out / _REPORT,
        records=tuple(records),
        problems=tuple(problems),
        ecg_seconds=sum(record.duration_s for record in records),
        seconds=time.perf_counter() - started,
    )


def score_record_file(
    file: RecordFile, model: Model, options: ScoreOptions, folder: ResultsFolder, part: Path
) -> RecordScore | Problem:
    """Score one record: its annotation file and its part are written, each whole or not at all.

    Nothing is shared with other records, so any number of processes may do this side by side.

    Parameters
    ----------
    file : RecordFile
    model : Model
    options : ScoreOptions
    folder : ResultsFolder
        Receives the annotation file.
    part : Path
        File of the part.

    Returns
    -------
    RecordScore or Problem

    Raises
    ------
    EdgeCNNError
        The results cannot be written.
    """
    try:
        return _scored(file, model, options, folder, part)
    except EdgeCNNError:
        raise
    # One file among thousands may be odd in a way that no reader thought of: the rest goes on.
    except (ValueError, ArithmeticError, LookupError) as error:
        text = " ".join(str(error).split())
        cause = RecordError(
            f"{file.path} cannot be scored: {text[:120] or type(error).__name__}",
            hint="is the file sound, are its numbers those of an ECG?",
        )
        return Problem(str(file.path), cause)


def _scored(
    file: RecordFile, model: Model, options: ScoreOptions, folder: ResultsFolder, part: Path
) -> RecordScore | Problem:
    wanted = options.lead if options.lead is not None else beat_input_of(model).leads[0]
    try:
        record = read_record(file.path, rate_hz=options.rate_hz, lead=wanted)
        peaks = None if options.beats == DETECT else _annotated(record, options.beats)
        scored = classify_record(record, model, peaks=peaks, lead=options.lead)
    except EdgeCNNError as error:
        return Problem(str(file.path), error)
    except OSError as error:
        cause = RecordError(
            f"cannot read {file.path}: {error.strerror}", hint="check the file and its permissions"
        )
        return Problem(str(file.path), cause)
    except MemoryError:
        cause = RecordError(f"{file.path} does not fit into memory", hint="cut it into parts")
        return Problem(str(file.path), cause)
    signal_mv = credible_mv(record.lead_mv(wanted))
    symbols = symbols_of(scored)
    strips = cut_strips(signal_mv, scored)
    rate = scored.sampling_rate_hz
    remarks = lead_remarks(signal_mv, rate, lead=scored.lead, peaks=scored.samples)
    remarks += limb_remarks_of(file.path, rate, scored.samples)
    staged = folder.staged_annotations
    written = write_annotated_copy(staged / file.name, scored, symbols, signal_mv)
    place = folder.annotations / written.relative_to(staged)
    done = make_part(file.name, place, scored, symbols, strips, remarks=remarks)
    write_part(part, done)
    return done.score


def _search(paths: Sequence[Path], out: Path, beats: str) -> FoundRecords:
    for path in paths:
        if path.is_dir() and path.resolve() == out.resolve():
            raise UsageError(
                f"{out} is both searched for records and to be written to",
                hint="name another folder for the results with -o",
            )
    found = find_records(paths, annotator="atr" if beats == DETECT else beats, ignore=out)
    if found.records:
        return found
    if not found.problems:
        raise UsageError("no paths to score", hint="name records, or folders of them")
    first = found.problems[0].error
    if len(found.problems) == 1:
        raise first
    raise DataError(
        f"no record in any of {len(paths)} paths; the first problem: {first.message}",
        hint=first.hint,
    )


def _annotated(record: Record, annotator: str) -> NDArray[np.int64]:
    """Read the beats of an annotation file, at the record's own rate."""
    if annotator == WITHIN and reader_of(record.path) == "edf":
        annotations = read_edf_beats(record.path, record.sampling_rate_hz)
    else:
        annotations = read_annotations(record.path.with_suffix(""), annotator)
    peaks = beat_peaks(annotations.samples, annotations.symbols)
    if not len(peaks):
        raise RecordError(
            f"{record.path.with_suffix('')}.{annotator} marks no beats",
            hint="name another annotator, or let beats be detected",
        )
    counted_at = annotations.sampling_rate_hz
    if counted_at is not None and counted_at > 0 and counted_at != record.sampling_rate_hz:
        peaks = np.rint(peaks * (record.sampling_rate_hz / counted_at)).astype(np.int64)
    return peaks


def _merge(
    folder: ResultsFolder,
    model: Model,
    records: Sequence[RecordScore],
    problems: Sequence[Problem],
    *,
    jsonl: bool,
) -> None:
    """Write tables and report beside the parts, then move all that is wanted to its place."""
    parts = folder.parts
    files = [parts / _part_name(number) for number in range(len(records))]
    labels = model.metadata.labels
    with told_as_error(folder.out):
        names = write_tables(parts, labels, map(read_part, files), problems, jsonl=jsonl)
        write_report(parts / _REPORT, model, records, problems, lambda n: read_part(files[n]))
        folder.publish(
            [*names, _REPORT],
            [Path(record.annotations) for record in records],
            obsolete=() if jsonl else (BEATS_JSONL,),
        )


def _part_name(number: int) -> str:
    return f"{number:06d}.msgpack"
