"""Beat by beat: the matrix of what one annotator calls each beat of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASSES
from edgecnn.ecg.ec57.intervals import Intervals, inside, intersect, make_intervals, total
from edgecnn.ecg.ec57.labels import Labels
from edgecnn.ecg.ec57.matching import match_beats
from edgecnn.ecg.ec57.ratio import Ratio

__all__ = ["MISSING", "NAMES", "VF_RULES", "BeatCounts", "beat_ratios", "count_beats"]

#: Rows and columns: the classes; O, no beat there; X, the other gave up there (unreadable, shut
#: down).
MISSING, UNREADABLE = "O", "X"
NAMES = (*CLASSES, MISSING, UNREADABLE)
_N, _S, _V, _F, _Q, _O, _X = range(len(NAMES))
_BEATS = slice(0, len(CLASSES))

#: Whose ventricular flutter or fibrillation beats are left out of.
VF_RULES = ("reference", "either", "own")


@dataclass(frozen=True, eq=False)
class BeatCounts:
    """Counts of one record.

    Attributes
    ----------
    matrix : ndarray of int64, shape (7, 7)
        A row per label of the reference, a column per label of the test, in the order of
        :data:`NAMES`.
    left_out : tuple of int
        Beats of reference and test not counted because of ventricular flutter or fibrillation.
    shutdown, unreadable : int
        Samples that the test is shut down for and that the reference calls unreadable.
    """

    matrix: NDArray[np.int64]
    left_out: tuple[int, int]
    shutdown: int
    unreadable: int


def count_beats(
    reference: Labels,
    test: Labels,
    *,
    period: tuple[int, int],
    window: float,
    vf: str = "reference",
) -> BeatCounts:
    """Pair the beats of two annotators and count them.

    Parameters
    ----------
    reference, test : Labels
    period : (int, int)
        Samples that count: from, and up to (not included). A pair counts if either of its beats
        lies within, so that none is torn apart by the edge.
    window : float
        Largest distance of a pair, in samples.
    vf : str
        Whose flutter or fibrillation beats are left out of: ``"reference"``; ``"either"``, both
        annotators' episodes for both; ``"own"``, each annotator's for its own beats, before they
        are paired.
    """
    whole = make_intervals([period])
    in_flutter = [
        inside(labels.samples, flutter)
        for labels, flutter in zip((reference, test), _flutter(reference, test, vf), strict=True)
    ]
    # Beats that are left out by their own annotator's word are no partners for others, either.
    left, right = (
        np.flatnonzero(~drop if vf == "own" else np.ones_like(drop)) for drop in in_flutter
    )
    i, j = match_beats(reference.samples[left], test.samples[right], window)
    i, j = left[i], right[j]

    in_period = [inside(labels.samples, whole) for labels in (reference, test)]
    counts = [within & ~drop for within, drop in zip(in_period, in_flutter, strict=True)]
    counted = counts[0][i] | counts[1][j]
    matrix = np.zeros((len(NAMES), len(NAMES)), dtype=np.int64)
    np.add.at(matrix, (reference.classes[i[counted]], test.classes[j[counted]]), 1)

    missed, extra = (mask.copy() for mask in counts)
    missed[i] = False
    extra[j] = False
    gave_up = np.where(inside(reference.samples[missed], test.unreadable), _X, _O)
    np.add.at(matrix, (reference.classes[missed], gave_up), 1)
    gave_up = np.where(inside(test.samples[extra], reference.unreadable), _X, _O)
    np.add.at(matrix, (gave_up, test.classes[extra]), 1)

    for mask, paired in zip(in_flutter, (i[counted], j[counted]), strict=True):
        mask[paired] = False
    return BeatCounts(
        matrix=matrix,
        left_out=(
            int((in_flutter[0] & in_period[0]).sum()),
            int((in_flutter[1] & in_period[1]).sum()),
        ),
        shutdown=total(intersect(test.unreadable, whole)),
        unreadable=total(intersect(reference.unreadable, whole)),
    )


def beat_ratios(matrix: NDArray[np.int64]) -> dict[str, Ratio]:
    """Read the standard's statistics off a matrix.

    Found is what was paired, missed is column O and X, extra is row O and X. A fusion or
    unclassifiable beat taken for V is neither right nor wrong, nor is an unclassifiable one taken
    for S (de Chazal, O'Dwyer & Reilly 2004, after the AAMI's recommended practice).

    Parameters
    ----------
    matrix : ndarray of int64, shape (7, 7)

    Returns
    -------
    dict
        Sensitivity and positive predictivity of ``qrs``, ``veb`` and ``sveb``, and the false
        positive rate of the last two.

    Examples
    --------
    >>> matrix = np.zeros((7, 7), dtype=np.int64)
    >>> matrix[0, 0], matrix[2, 2], matrix[2, 0], matrix[3, 2] = 90, 8, 2, 1
    >>> ratios = beat_ratios(matrix)
    >>> ratios["veb_sensitivity"], ratios["veb_positive_predictivity"]
    (Ratio(part=8, whole=10), Ratio(part=8, whole=8))
    """
    paired = int(matrix[_BEATS, _BEATS].sum())
    missed = int(matrix[_BEATS, _O:].sum())
    extra = int(matrix[_O:, _BEATS].sum())
    ratios = {
        "qrs_sensitivity": Ratio(paired, paired + missed),
        "qrs_positive_predictivity": Ratio(paired, paired + extra),
    }
    for name, own, false in (
        ("veb", _V, (_N, _S, _O, _X)),
        ("sveb", _S, (_N, _V, _F, _O, _X)),
    ):
        hits = int(matrix[own, own])
        wrong = int(matrix[list(false), own].sum())
        others = [place for place in range(len(CLASSES)) if place != own]
        right = int(matrix[np.ix_(others, others)].sum())
        ratios |= {
            f"{name}_sensitivity": Ratio(hits, int(matrix[own].sum())),
            f"{name}_positive_predictivity": Ratio(hits, hits + wrong),
            f"{name}_false_positive_rate": Ratio(wrong, wrong + right),
        }
    return ratios


def _flutter(reference: Labels, test: Labels, vf: str) -> tuple[Intervals, Intervals]:
    """Return where beats of the reference and of the test are left out."""
    if vf == "own":
        return reference.flutter, test.flutter
    if vf == "reference":
        return reference.flutter, reference.flutter
    both = make_intervals(
        (start, end) for labels in (reference, test) for start, end in labels.flutter.tolist()
    )
    return both, both
