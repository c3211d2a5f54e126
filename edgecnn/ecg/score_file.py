"""One record file scored: its part, annotations, page and document, each whole or not there.

Nothing is shared with other records, so any number of processes, here or on other machines that see
the same folders, may do this side by side; the same file, model and options give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import mapped_labels
from edgecnn.ecg.annotated_copy import symbols_of, write_annotated_copy
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.beats import beat_peaks
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.parts import RecordScore, make_part, read_part, write_part
from edgecnn.ecg.quality import LeadWatch, limb_remarks_of
from edgecnn.ecg.readers import open_record, reader_of
from edgecnn.ecg.readers.edf_annotations import read_edf_beats
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.ecg.record_files import Problem, RecordFile
from edgecnn.ecg.record_key import record_key
from edgecnn.ecg.record_page import record_document, record_figures, record_page
from edgecnn.ecg.results_folder import ResultsFolder
from edgecnn.ecg.rhythm import RecordedRhythm, RecordRhythm
from edgecnn.ecg.stored_beats import classify_stored
from edgecnn.ecg.strips import cut_strips
from edgecnn.ecg.table_rows import beat_rows
from edgecnn.errors import EdgeCNNError, RecordError
from edgecnn.files import write_scratch
from edgecnn.runtime.session import Model

__all__ = ["DETECT", "Job", "ScoreOptions", "Scored", "score_record_file"]

#: Value of ``beats`` that lets R peaks be found.
DETECT = "detect"
#: Annotator of an EDF+ file: its own annotations.
WITHIN = "edf"


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
    class_map : str, optional
        Brings the model's labels to AAMI's classes (:func:`~edgecnn.ecg.aami.mapped_labels`).
    """

    beats: str = DETECT
    rate_hz: float | None = None
    lead: str | None = None
    class_map: str | None = None


@dataclass(frozen=True)
class Job:
    """What all records of a run have in common.

    Attributes
    ----------
    options : ScoreOptions
    model_sha256 : str
    folder : ResultsFolder
        Receives what is written.
    rhythm_sha256 : str, optional
        Of the rhythm model, if there is one.
    """

    options: ScoreOptions
    model_sha256: str
    folder: ResultsFolder
    rhythm_sha256: str | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """SHA-256 of the models that the results depend on."""
        both = (self.model_sha256, self.rhythm_sha256)
        return tuple(one for one in both if one is not None)


@dataclass(frozen=True)
class Scored:
    """A record that was scored.

    Attributes
    ----------
    score : RecordScore
    key : str
        Names its part (:meth:`~edgecnn.ecg.results_folder.ResultsFolder.part`).
    was_done : bool
        By an earlier run that was stopped.
    """

    score: RecordScore
    key: str
    was_done: bool = False


def score_record_file(
    file: RecordFile, model: Model, job: Job, rhythm: Model | None = None
) -> Scored | Problem:
    """Score one record, or find that it was scored.

    Parameters
    ----------
    file : RecordFile
    model : Model
        Of beats.
    job : Job
    rhythm : Model, optional
        Run along the record as well. A record that it cannot answer (another lead, too short) is
        scored without it, and a note says why.

    Returns
    -------
    Scored or Problem

    Raises
    ------
    EdgeCNNError
        The results cannot be written.
    """
    job.folder.check_open()
    try:
        return _scored(file, model, job, rhythm)
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


def _scored(file: RecordFile, model: Model, job: Job, rhythm: Model | None) -> Scored | Problem:
    options = _options_of(file, job.options)
    annotator = None if options.beats == DETECT else options.beats
    wanted = options.lead if options.lead is not None else beat_input_of(model).leads[0]
    try:
        key = record_key(file, options, job.models, annotator)
        if (part := job.folder.part(key)).is_file():
            return Scored(read_part(part).score, key, was_done=True)
        stored = open_record(file.path, rate_hz=options.rate_hz, lead=wanted)
        peaks = None if annotator is None else _annotated(stored, annotator)
        signal = LeadSignal(stored)
        watch = LeadWatch(stored.sampling_rate_hz)
        along = None
        if rhythm is not None:
            along = RecordRhythm(rhythm, stored, beat_lead=wanted, lead=options.lead)

        def seen(chunk_mv: NDArray[np.floating]) -> None:
            watch.push(chunk_mv)
            if along is not None:
                along.push(chunk_mv)

        scored = classify_stored(
            stored, model, wanted=wanted, peaks=peaks, signal=signal, watch=seen
        )
        found = RecordedRhythm((), None, ())
        if along is not None:
            found = along.finish(rate_hz=options.rate_hz)
        # The symbols of the labels stay: what is told apart in annotations counts as one class.
        symbols = symbols_of(scored.labels)
        scored = replace(scored, labels=mapped_labels(scored.labels, options.class_map))
        quality = watch.finish(signal, lead=scored.lead, peaks=scored.samples)
        strips = cut_strips(signal, scored)
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
    limbs = limb_remarks_of(file.path, scored.sampling_rate_hz, scored.samples)
    quality = replace(quality, remarks=quality.remarks + limbs)
    job.folder.check_open()
    staged = job.folder.staged_annotations
    written = write_annotated_copy(
        staged / file.name, scored, symbols, signal, episodes=found.episodes
    )
    place = job.folder.annotations / written.relative_to(staged)
    scored = replace(scored, notes=scored.notes + found.notes)
    done = make_part(
        file.name,
        place,
        scored,
        symbols,
        strips,
        quality=quality,
        episodes=found.episodes,
        rhythm=found.rhythm,
    )
    done = replace(done, figures=record_figures(done), rows=beat_rows(done))
    page = job.folder.staged_pages / file.name
    write_scratch(page.with_name(page.name + ".html"), record_page(done, model, rhythm).encode())
    write_scratch(page.with_name(page.name + ".json"), record_document(done, model, rhythm))
    # The last of all: where it is, the others are.
    write_part(part, done)
    return Scored(done.score, key)


def _options_of(file: RecordFile, options: ScoreOptions) -> ScoreOptions:
    """Return the options of one record: what a manifest says of it goes before."""
    return ScoreOptions(
        beats=options.beats if file.beats is None else file.beats,
        rate_hz=options.rate_hz if file.rate_hz is None else file.rate_hz,
        lead=options.lead if file.lead is None else file.lead,
        class_map=options.class_map,
    )


def _annotated(stored: StoredRecord, annotator: str) -> NDArray[np.int64]:
    """Read the beats of an annotation file, at the record's own rate."""
    base = stored.path.with_suffix("")
    rate = stored.sampling_rate_hz
    if annotator == WITHIN and reader_of(stored.path) == "edf":
        annotations = read_edf_beats(stored.path, rate)
    else:
        annotations = read_annotations(base, annotator)
    peaks = beat_peaks(annotations.samples, annotations.symbols)
    if not len(peaks):
        raise RecordError(
            f"{base}.{annotator} marks no beats",
            hint="name another annotator, or let beats be detected",
        )
    counted_at = annotations.sampling_rate_hz
    if counted_at is not None and counted_at > 0 and counted_at != rate:
        peaks = np.rint(peaks * (rate / counted_at)).astype(np.int64)
    return peaks
