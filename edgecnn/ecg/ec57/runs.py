"""Run by run: couplets, short and long runs of ectopic beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASSES
from edgecnn.ecg.ec57.intervals import inside
from edgecnn.ecg.ec57.labels import Labels
from edgecnn.ecg.ec57.ratio import Ratio

__all__ = ["LONGEST", "RUN_KINDS", "Run", "RunCounts", "count_runs", "find_runs", "run_ratios"]

#: Runs of more beats are counted with those of this many: ``>5``.
LONGEST = 6
#: Lengths of each kind: a run is found if the other annotator has one of the shortest length or
#: more.
RUN_KINDS = {"couplet": (2, 2), "short_run": (3, 5), "long_run": (LONGEST, LONGEST)}


@dataclass(frozen=True)
class Run:
    """Consecutive beats of one class: first and last sample, and how many, at most 6."""

    first: int
    last: int
    length: int


@dataclass(frozen=True, eq=False)
class RunCounts:
    """Counts of one record and class.

    Attributes
    ----------
    sensitivity : ndarray of int64, shape (7, 7)
        Each run of the reference by its length (row) and that of the longest run of the test that
        falls into its window (column; 0, none). Row 0 is empty.
    predictivity : ndarray of int64, shape (7, 7)
        Each run of the test (column) by the longest run of the reference in its window (row).
        Column 0 is empty.
    """

    sensitivity: NDArray[np.int64]
    predictivity: NDArray[np.int64]


def find_runs(labels: Labels, name: str, *, period: tuple[int, int]) -> list[Run]:
    """Find the runs of a class.

    A run ends with a beat of another class, or where the signal cannot be read. Ventricular
    flutter or fibrillation counts as one long run of V, whatever is marked within it.

    Parameters
    ----------
    labels : Labels
    name : str
        ``"V"`` or ``"S"``.
    period : (int, int)
        Samples that count: from, and up to (not included).
    """
    start, end = period
    kept = (labels.samples >= start) & (labels.samples < end)
    kept &= ~inside(labels.samples, labels.flutter)
    samples, classes = labels.samples[kept], labels.classes[kept]
    # A number for each stretch between two breaks: runs do not reach over one.
    breaks = np.sort(np.concatenate((labels.unreadable[:, 0], labels.flutter[:, 0])))
    stretch = np.searchsorted(breaks, samples, side="right")
    is_own = classes == CLASSES.index(name)
    begins = is_own.copy()
    begins[1:] &= ~(is_own[:-1] & (stretch[1:] == stretch[:-1]))
    number = np.cumsum(begins)[is_own]
    runs = []
    own = samples[is_own]
    if len(own):
        edges = np.flatnonzero(np.diff(number)) + 1
        runs = [
            Run(int(part[0]), int(part[-1]), min(len(part), LONGEST))
            for part in np.split(own, edges)
        ]
    if name == "V":
        runs += [
            Run(max(int(first), start), min(int(last), end) - 1, LONGEST)
            for first, last in labels.flutter
            if last > start and first < end
        ]
    return sorted(runs, key=lambda run: run.first)


def count_runs(reference: list[Run], test: list[Run], *, window: float) -> RunCounts:
    """Compare runs, each against the longest of the other side that its window touches.

    Parameters
    ----------
    reference, test : list of Run
    window : float
        What is added to each end of a run, in samples.
    """
    sensitivity = np.zeros((LONGEST + 1, LONGEST + 1), dtype=np.int64)
    predictivity = np.zeros_like(sensitivity)
    for run, found in zip(reference, _longest(reference, test, window), strict=True):
        sensitivity[run.length, found] += 1
    for run, found in zip(test, _longest(test, reference, window), strict=True):
        predictivity[found, run.length] += 1
    return RunCounts(sensitivity, predictivity)


def run_ratios(counts: RunCounts, name: str) -> dict[str, Ratio]:
    """Read sensitivity and positive predictivity of each kind of run off the matrices.

    A couplet is found if the other side has two beats or more in a row, a short run (3 to 5) if it
    has three or more, a long run (6 and more) if it has as many.

    Parameters
    ----------
    counts : RunCounts
    name : str
        What the statistics' names begin with: ``"veb"``.
    """
    ratios = {}
    for kind, (shortest, longest) in RUN_KINDS.items():
        own = slice(shortest, longest + 1)
        for what, matrix in (
            ("sensitivity", counts.sensitivity),
            ("positive_predictivity", counts.predictivity.T),
        ):
            rows = matrix[own]
            ratios[f"{name}_{kind}_{what}"] = Ratio(int(rows[:, shortest:].sum()), int(rows.sum()))
    return ratios


def _longest(runs: list[Run], others: list[Run], window: float) -> list[int]:
    """Return for each run the length of the longest other one in its window; 0 where none is."""
    # Neither ends before the one before it: runs do not overlap.
    first = np.array([run.first for run in others])
    last = np.array([run.last for run in others])
    lengths = []
    for run in runs:
        low = int(np.searchsorted(last, run.first - window - 1e-6, side="left"))
        high = int(np.searchsorted(first, run.last + window + 1e-6, side="right"))
        lengths.append(max((other.length for other in others[low:high]), default=0))
    return lengths
