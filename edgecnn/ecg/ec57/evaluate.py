"""Annotation files in, a comparison of each record and their statistics out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.ecg.annotations import Annotations, annotation_path, read_annotations
from edgecnn.ecg.ec57.comparison import Comparison, Protocol, compare
from edgecnn.ecg.ec57.pairs import AnnotatedRecord, find_pairs
from edgecnn.ecg.ec57.statistics import Statistic, summarize
from edgecnn.ecg.readers.wfdb_header import DEFAULT_RATE_HZ, parse_header
from edgecnn.ecg.record_files import Problem
from edgecnn.errors import EdgeCNNError, MissingFileError, RecordError

__all__ = ["ComparedRecord", "Evaluation", "evaluate_records"]


@dataclass(frozen=True, eq=False)
class ComparedRecord:
    """A record's name and what comparing it came to."""

    name: str
    comparison: Comparison


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation came to.

    Attributes
    ----------
    reference, test : str
        Annotators.
    protocol : Protocol
    records : tuple of ComparedRecord
    problems : tuple of Problem
        Paths without a result, and why.
    statistics : dict
        :class:`~edgecnn.ecg.ec57.statistics.Statistic` by name.
    """

    reference: str
    test: str
    protocol: Protocol
    records: tuple[ComparedRecord, ...]
    problems: tuple[Problem, ...]
    statistics: dict[str, Statistic]

    @property
    def unmarked(self) -> tuple[str, ...]:
        """Rhythms that the reference has and the test nowhere names: it may not look for them."""
        counted = [record.comparison.episodes for record in self.records]
        return tuple(
            name
            for name in (counted[0] if counted else ())
            if any(each[name].reference for each in counted)
            and not any(each[name].test for each in counted)
        )


def evaluate_records(
    paths: Iterable[str | os.PathLike[str]],
    *,
    reference: str = "atr",
    test: str = "edge",
    test_dir: str | os.PathLike[str] | None = None,
    protocol: Protocol | None = None,
    rate_hz: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Compare two annotators of records.

    Parameters
    ----------
    paths : iterable of path
        Records, folders and patterns of them.
    reference, test : str
        Annotators: the suffixes of their files.
    test_dir : path, optional
        Folder of the test annotator's files; by default beside the records.
    protocol : Protocol, optional
    rate_hz : float, optional
        Sampling rate of records that state none.
    progress : callable, optional
        Called with the number of records done and of all.

    Returns
    -------
    Evaluation
        A record that cannot be compared is among its ``problems``; the others are compared.

    Raises
    ------
    DataError
        Not one record in all the paths.
    UsageError
        The protocol cannot be followed, or an annotator would be compared with itself.

    Examples
    --------
    >>> done = evaluate_records(["mitdb/"], test_dir="results/annotations")     # doctest: +SKIP
    >>> round(100 * done.statistics["veb_sensitivity"].gross, 1)                # doctest: +SKIP
    93.2
    """
    protocol = protocol if protocol is not None else Protocol()
    folder = Path(test_dir) if test_dir is not None else None
    pairs, problems = find_pairs(paths, reference=reference, test=test, test_dir=folder)
    records: list[ComparedRecord] = []
    for number, pair in enumerate(pairs):
        try:
            records.append(_compared(pair, reference, test, protocol, rate_hz))
        except EdgeCNNError as error:
            problems.append(Problem(str(_culprit(pair, reference, test)), error))
        except OSError as error:
            cause = RecordError(
                f"cannot read {error.filename}: {error.strerror}",
                hint="check the file and its permissions",
            )
            problems.append(Problem(str(error.filename), cause))
        if progress is not None:
            progress(number + 1, len(pairs))
    return Evaluation(
        reference=reference,
        test=test,
        protocol=protocol,
        records=tuple(records),
        problems=tuple(problems),
        statistics=summarize([record.comparison.ratios() for record in records]),
    )


def _culprit(pair: AnnotatedRecord, reference: str, test: str) -> Path:
    """Return the path that a record's problem is listed under: a file that is absent, or it."""
    for base, annotator in ((pair.reference, reference), (pair.test, test)):
        path = annotation_path(base, annotator)
        if not path.is_file():
            return path
    return pair.header or annotation_path(pair.reference, reference)


def _compared(
    pair: AnnotatedRecord,
    reference: str,
    test: str,
    protocol: Protocol,
    rate_hz: float | None,
) -> ComparedRecord:
    left, right = _read(pair.reference, reference), _read(pair.test, test)
    rate, samples = _timing(pair, left, right, rate_hz)
    comparison = compare(left, right, rate_hz=rate, samples=samples, protocol=protocol)
    return ComparedRecord(pair.name, comparison)


def _read(base: Path, annotator: str) -> Annotations:
    path = annotation_path(base, annotator)
    if not path.is_file():
        raise MissingFileError(
            f"no annotation file {path}",
            hint="was the record annotated? name annotators with --reference and --test",
        )
    return read_annotations(base, annotator)


def _timing(
    pair: AnnotatedRecord, reference: Annotations, test: Annotations, rate_hz: float | None
) -> tuple[float, int | None]:
    """Return sampling rate and length of a record: its header knows, or the annotations do."""
    if pair.header is not None:
        header = parse_header(pair.header)
        rate = header.rate_hz if header.rate_hz is not None else rate_hz or DEFAULT_RATE_HZ
        if not 0 < rate < float("inf"):
            raise RecordError(
                f"{pair.header} states a sampling rate of {rate:g} Hz", hint="mend the header"
            )
        return rate, header.samples
    for stated in (reference.sampling_rate_hz, test.sampling_rate_hz, rate_hz):
        if stated is not None and stated > 0:
            return stated, None
    raise RecordError(
        f"the sampling rate of {pair.reference} is not known: no header, and its annotations "
        "state none",
        hint="state it with --rate",
    )
