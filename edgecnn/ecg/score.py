"""Record files and folders in; tables, annotation files and reports out.

Around the pure :func:`~edgecnn.ecg.stored_beats.classify_stored` stands what has to do with files:
each record becomes a part, a file that is whole or not there, and the parts are merged when all are
done. Annotations, tables and reports appear at the end, all together. A run that is stopped or
killed leaves the results of the run before it, and its parts: the next run goes on from them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgecnn.ecg.aami import mapped_labels
from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.engines import Outcome, run_groups, run_serial
from edgecnn.ecg.engines.worker import source_of
from edgecnn.ecg.manifest import Manifest, read_manifest
from edgecnn.ecg.parts import RecordScore, read_part
from edgecnn.ecg.record_files import FoundRecords, Problem, RecordFile, find_records
from edgecnn.ecg.report import write_report
from edgecnn.ecg.results_folder import ResultsFolder, open_results, told_as_error
from edgecnn.ecg.rhythm import rhythm_input_of
from edgecnn.ecg.score_file import DETECT, Job, Scored, ScoreOptions
from edgecnn.ecg.tables import BEATS_JSONL, TABLE_FORMATS, table_names, write_tables
from edgecnn.errors import DataError, EdgeCNNError, MissingPackageError, UsageError
from edgecnn.files import sha256_of
from edgecnn.runtime.machine import check_threads
from edgecnn.runtime.session import Model

__all__ = ["DETECT", "Progress", "ScoreSummary", "score_records"]

_REPORT = "report.html"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, total : int
        Records with or without a result, and all.
    resumed : int
        Of those done, how many an earlier run had done that was stopped.
    """

    done: int
    total: int
    resumed: int


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
    resumed : int
        Records that an earlier run had done, which was stopped.
    links : tuple of (Path, Path)
        Links to records that were found by their own paths, too: each is scored once.
    unused : tuple of str
        Columns of the manifest that say nothing here.
    """

    folder: Path
    report: Path
    records: tuple[RecordScore, ...]
    problems: tuple[Problem, ...]
    ecg_seconds: float
    seconds: float
    resumed: int = 0
    links: tuple[tuple[Path, Path], ...] = ()
    unused: tuple[str, ...] = ()


def score_records(
    model: Model,
    paths: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    rhythm: Model | None = None,
    beats: str = DETECT,
    rate_hz: float | None = None,
    lead: str | None = None,
    class_map: str | None = None,
    manifest: str | os.PathLike[str] | None = None,
    shard: tuple[int, int] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    tables: str = "csv",
    jsonl: bool = False,
    progress: Callable[[Progress], None] | None = None,
    on_error: Callable[[Problem], None] | None = None,
) -> ScoreSummary:
    """Classify the beats of records and write tables, annotation files and reports.

    Parameters
    ----------
    model : Model
        A beat model.
    paths : iterable of path
        Records, folders that are searched for them, and patterns of both.
    out : path
        Folder of the results: ``records.csv``, ``beats.csv``, ``errors.csv``, ``report.html``,
        ``annotations/RECORD.edge``, ``records/RECORD.html`` and ``.json``. Those of an earlier run
        are replaced.
    rhythm : Model, optional
        A model of fragments, run along each record in the same pass: its episodes
        (:mod:`~edgecnn.ecg.episodes`) are in ``episodes.csv`` and in all the others.
    beats : str
        ``"detect"``, or an annotator (``"atr"``) whose R peaks are taken.
    rate_hz : float, optional
        Sampling rate of files that state none.
    lead : str, optional
        Read this lead instead of the model's own.
    class_map : str, optional
        ``"literature"`` or ``"bxb"``: a model whose labels are annotation symbols tells them apart
        in annotations, and tables and reports have the AAMI classes that the map puts them in.
    manifest : path, optional
        A list of more records (:func:`~edgecnn.ecg.manifest.read_manifest`).
    shard : (int, int), optional
        ``(i, n)``: score the i-th of n equal parts of the records, 1 to n. Records keep the names
        that they have without.
    workers : int, optional
        Processes that score side by side, each with one thread; of a local cluster, its workers.
        The default is this process alone. The results are the same bytes.
    cluster : str, optional
        Address of a Dask scheduler, or ``"local"``.
    tables : str
        ``"csv"`` or ``"parquet"``.
    jsonl : bool
        Write ``beats.jsonl`` as well.
    progress : callable, optional
        Called with a :class:`Progress` after each record.
    on_error : callable, optional
        Called with each :class:`~edgecnn.ecg.record_files.Problem` as it comes up.

    Returns
    -------
    ScoreSummary
        A record that cannot be scored is among its ``problems``; the others are scored.

    Raises
    ------
    TaskError
        The model reads no heartbeats, or the rhythm model no fragments of an ECG.
    DataError
        Not one record in all the paths; nothing is written.
    UsageError
        ``out`` is one of the folders to be searched, or a shard or format that is none.
    MissingPackageError
        A cluster without ``distributed``, Parquet without ``pyarrow``.
    EdgeCNNError
        ``out`` cannot be written to, another run writes to it, or no cluster is there.

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
    if rhythm is not None:
        rhythm_input_of(rhythm)
    labels = mapped_labels(model.metadata.labels, class_map)
    _check_format(tables)
    _check_shard(shard)
    if workers is not None:
        check_threads(workers)
    out = Path(out)
    listed = read_manifest(Path(manifest)) if manifest is not None else Manifest((), ())
    found = _search([Path(path) for path in paths], listed.records, out, beats)
    files, problems = _shard_of(found, shard)
    options = ScoreOptions(beats, rate_hz, lead, class_map)
    results: dict[int, Scored] = {}
    resumed = 0
    with open_results(out) as folder:
        rhythm_sha256 = None if rhythm is None else sha256_of(rhythm.path)
        job = Job(options, sha256_of(model.path), folder, rhythm_sha256)
        for problem in problems:
            if on_error is not None:
                on_error(problem)
        failed: dict[int, Problem] = {}
        with _outcomes(files, (model, rhythm), job, workers, cluster) as outcomes:
            for number, (place, outcome) in enumerate(outcomes, start=1):
                if isinstance(outcome, Problem):
                    failed[place] = outcome
                    if on_error is not None:
                        on_error(outcome)
                else:
                    results[place] = outcome
                    resumed += outcome.was_done
                if progress is not None:
                    progress(Progress(number, len(files), resumed))
        # In the order of the files, whoever was first to be done.
        problems += (failed[place] for place in sorted(failed))
        done = [results[place] for place in sorted(results)]
        names = [files[place].name for place in sorted(results)]
        merged = _Merged(done, names, problems, labels)
        _merge(folder, (model, rhythm), merged, jsonl=jsonl, tables=tables)
    return ScoreSummary(
        folder=out,
        report=out / _REPORT,
        records=tuple(each.score for each in done),
        problems=tuple(problems),
        ecg_seconds=sum(each.score.duration_s for each in done),
        seconds=time.perf_counter() - started,
        resumed=resumed,
        links=found.links,
        unused=listed.unused,
    )


@contextmanager
def _outcomes(
    files: Sequence[RecordFile],
    models: tuple[Model, Model | None],
    job: Job,
    workers: int | None,
    cluster: str | None,
) -> Iterator[Iterator[tuple[int, Outcome]]]:
    model, rhythm = models
    sources = [source_of(model, job.model_sha256)]
    if rhythm is not None and job.rhythm_sha256 is not None:
        sources.append(source_of(rhythm, job.rhythm_sha256))
    if cluster is not None:
        try:
            from edgecnn.ecg.engines.cluster import open_cluster
        except ImportError as error:
            raise MissingPackageError(
                "a cluster needs the package distributed", hint="pip install 'edgecnn[cluster]'"
            ) from error
        with open_cluster(cluster, sources, workers=workers) as there:
            yield run_groups(files, job, there)
    elif workers is not None and workers > 1 and len(files) > 1:
        from edgecnn.ecg.engines.pool import open_pool

        with open_pool(min(workers, len(files)), sources) as pool:
            yield run_groups(files, job, pool)
    else:
        yield run_serial(files, model, job, rhythm)


def _check_format(tables: str) -> None:
    if tables not in TABLE_FORMATS:
        raise UsageError(f"no tables as {tables}", hint=f"one of {', '.join(TABLE_FORMATS)}")
    if tables == "parquet":
        from edgecnn.ecg.parquet_tables import check_parquet

        check_parquet()


def _check_shard(shard: tuple[int, int] | None) -> None:
    if shard is not None and not 1 <= shard[0] <= shard[1]:
        raise UsageError(
            f"shard {shard[0]}/{shard[1]} is none", hint="i/n with i from 1 to n: 1/4 ... 4/4"
        )


def _search(
    paths: Sequence[Path], listed: Sequence[RecordFile], out: Path, beats: str
) -> FoundRecords:
    for path in paths:
        if path.is_dir() and path.resolve() == out.resolve():
            raise UsageError(
                f"{out} is both searched for records and to be written to",
                hint="name another folder for the results with -o",
            )
    annotator = "atr" if beats == DETECT else beats
    found = find_records(paths, annotator=annotator, ignore=out, listed=listed)
    if found.records:
        return found
    if not found.problems:
        raise UsageError("no paths to score", hint="name records, or folders of them")
    first = found.problems[0].error
    if len(found.problems) == 1:
        raise first
    raise DataError(
        f"no record in any of {len(paths) + len(listed)} paths; the first problem: {first.message}",
        hint=first.hint,
    )


def _shard_of(
    found: FoundRecords, shard: tuple[int, int] | None
) -> tuple[list[RecordFile], list[Problem]]:
    """Return every n-th record, and every n-th problem of the search: each is in one shard."""
    if shard is None:
        return list(found.records), list(found.problems)
    part = slice(shard[0] - 1, None, shard[1])
    return list(found.records[part]), list(found.problems[part])


@dataclass(frozen=True)
class _Merged:
    """What goes into tables and reports: records with their names, problems, classes."""

    done: Sequence[Scored]
    names: Sequence[str]
    problems: Sequence[Problem]
    labels: Sequence[str]


def _merge(
    folder: ResultsFolder,
    models: tuple[Model, Model | None],
    merged: _Merged,
    *,
    jsonl: bool,
    tables: str,
) -> None:
    """Write tables and report beside the parts, then move all that is wanted to its place."""
    model, rhythm = models
    done, problems, labels = merged.done, merged.problems, merged.labels
    parts = [folder.part(each.key) for each in done]
    missing = next((part for part in parts if not part.is_file()), None)
    if missing is not None:
        raise EdgeCNNError(
            f"a record's result is not where a worker wrote it: {missing}",
            hint="all workers must see the folder of the results under the same path",
        )
    records = [each.score for each in done]
    obsolete = [name for form in TABLE_FORMATS for name in table_names(form, rhythm=True)]
    obsolete.append(BEATS_JSONL)
    with told_as_error(folder.out):
        written = write_tables(
            folder.parts,
            labels,
            map(read_part, parts),
            problems,
            jsonl=jsonl,
            form=tables,
            rhythm=rhythm is not None,
        )
        write_report(
            folder.parts / _REPORT,
            model,
            records,
            problems,
            lambda n: read_part(parts[n]),
            rhythm=rhythm,
            labels=labels,
            tables=tables,
        )
        folder.publish(
            [*written, _REPORT],
            [Path(record.annotations) for record in records],
            [f"{name}.{kind}" for name in merged.names for kind in ("html", "json")],
            obsolete=[name for name in obsolete if name not in written],
        )
