"""A record's counts under the column names that the field's tables have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.ec57.beats import NAMES
from edgecnn.ecg.ec57.episodes import EpisodeCounts
from edgecnn.ecg.ec57.ratio import Ratio

__all__ = [
    "BEAT_STATISTICS",
    "EPISODE_STATISTICS",
    "RUN_STATISTICS",
    "beat_columns",
    "cell_columns",
    "episode_columns",
    "label_of",
    "run_columns",
]

_WHAT = {
    "sensitivity": "sensitivity",
    "positive_predictivity": "positive predictivity",
    "false_positive_rate": "false positive rate",
}
#: Column of each statistic: beats by their whole names, runs and episodes by the part of it that
#: follows the class or rhythm.
BEAT_STATISTICS = {
    "qrs_sensitivity": "Q Se",
    "qrs_positive_predictivity": "Q +P",
    "veb_sensitivity": "V Se",
    "veb_positive_predictivity": "V +P",
    "sveb_sensitivity": "S Se",
    "sveb_positive_predictivity": "S +P",
}
RUN_STATISTICS = {
    "couplet_sensitivity": "CSe",
    "couplet_positive_predictivity": "C+P",
    "short_run_sensitivity": "SSe",
    "short_run_positive_predictivity": "S+P",
    "long_run_sensitivity": "LSe",
    "long_run_positive_predictivity": "L+P",
}
EPISODE_STATISTICS = {
    "episode_sensitivity": "ESe",
    "episode_positive_predictivity": "E+P",
    "duration_sensitivity": "DSe",
    "duration_positive_predictivity": "D+P",
}

#: What the field's line format adds up: a call of F or Q stands with n, an unclassifiable beat
#: with F, and what was given up with what was missed.
_ROWS = {"N": "N", "S": "S", "V": "V", "F": "FQ", "O": "OX"}
_COLUMNS = {"n": "NFQ", "s": "S", "v": "V", "o": "OX"}


def label_of(name: str) -> str:
    """Return a statistic's name in words.

    Examples
    --------
    >>> label_of("veb_short_run_positive_predictivity")
    'VEB short run positive predictivity'
    >>> label_of("qrs_sensitivity"), label_of("afib_duration_sensitivity")
    ('QRS sensitivity', 'AFIB duration sensitivity')
    """
    subject, _, rest = name.partition("_")
    for key, words in _WHAT.items():
        if rest.endswith(key):
            rest = rest.removesuffix(key).replace("_", " ") + words
            break
    return f"{subject.upper()} {rest}"


def cell_columns(matrix: NDArray[np.int64]) -> dict[str, int]:
    """Return every cell of a matrix by its name: ``Nn``, ``Ns``, ..., ``Xq``.

    What cannot be (``Oo``, ``Ox``, ``Xo``, ``Xx``) is left out.
    """
    return {
        f"{row}{column.lower()}": int(matrix[i, j])
        for i, row in enumerate(NAMES)
        for j, column in enumerate(NAMES)
        if not (row in "OX" and column in "OX")
    }


def beat_columns(matrix: NDArray[np.int64]) -> dict[str, int]:
    """Return the counts of the line format; a prime marks a sum.

    ``Nn'`` is Nn + Nf + Nq, ``Fs'`` is Fs + Qs, ``No'`` is No + Nx, ``Ov'`` is Ov + Xv, and
    ``Fn'`` is Fn + Ff + Fq + Qn + Qf + Qq.
    """
    counts = {}
    for column, ends in _COLUMNS.items():
        for row, begins in _ROWS.items():
            if row == "O" and column == "o":
                continue
            rows = [NAMES.index(name) for name in begins]
            columns = [NAMES.index(name) for name in ends]
            prime = "'" if len(rows) > 1 or len(columns) > 1 else ""
            counts[f"{row}{column}{prime}"] = int(matrix[np.ix_(rows, columns)].sum())
    return counts


def run_columns(ratios: Mapping[str, Ratio]) -> dict[str, int]:
    """Return found and missed, right and wrong runs of each kind, from one class's statistics.

    Parameters
    ----------
    ratios : mapping
        By the keys of :data:`RUN_STATISTICS`.
    """
    counts: dict[str, int] = {}
    for letter, kind in (("C", "couplet"), ("S", "short_run"), ("L", "long_run")):
        found = ratios[f"{kind}_sensitivity"]
        right = ratios[f"{kind}_positive_predictivity"]
        counts |= {
            f"{letter}Ts": int(found.part),
            f"{letter}FN": int(found.whole - found.part),
            f"{letter}Tp": int(right.part),
            f"{letter}FP": int(right.whole - right.part),
        }
    return counts


def episode_columns(counts: EpisodeCounts) -> dict[str, int | float]:
    """Return found and missed, right and wrong episodes, and durations in seconds."""
    return {
        "TPs": counts.found,
        "FN": counts.reference - counts.found,
        "TPp": counts.true,
        "FP": counts.test - counts.true,
        "Ref s": round(counts.reference_s, 3),
        "Test s": round(counts.test_s, 3),
        "Both s": round(counts.both_s, 3),
    }
