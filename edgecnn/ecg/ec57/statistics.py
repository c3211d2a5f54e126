"""Many records summed up: gross and average statistics, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.ec57.ratio import Ratio

__all__ = ["Statistic", "draws_of", "quotient", "summarize"]

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Statistic:
    """A statistic over records.

    Attributes
    ----------
    part, whole : float
        Sums over all records.
    gross : float or None
        Their quotient: each beat, run, episode or second counts the same.
    average : float or None
        Mean of the records' own values: each record that has one counts the same.
    records : int
        Records that have one.
    interval_95 : tuple of float, or None
        95 % interval of ``gross``, by drawing records anew; None where fewer than two have a
        value.
    """

    part: float
    whole: float
    gross: float | None
    average: float | None
    records: int
    interval_95: tuple[float, float] | None


def summarize(records: Sequence[Mapping[str, Ratio]]) -> dict[str, Statistic]:
    """Sum up the statistics of records.

    The beats of one person resemble each other, so records are drawn anew, not beats (cluster
    bootstrap; Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x), 2,000 times, with the same
    draws every time.

    Parameters
    ----------
    records : sequence of mapping
        Statistics of each record, the same names in each.

    Examples
    --------
    >>> both = summarize([{"se": Ratio(9, 10)}, {"se": Ratio(10, 40)}, {"se": Ratio(0, 0)}])["se"]
    >>> round(both.gross, 3), round(both.average, 3), both.records
    (0.38, 0.575, 2)
    """
    if not records:
        return {}
    names = list(records[0])
    parts = np.array([[record[name].part for name in names] for record in records], dtype=float)
    wholes = np.array([[record[name].whole for name in names] for record in records], dtype=float)
    draws = draws_of(len(records))
    drawn = quotient(draws @ parts, draws @ wholes)
    own = quotient(parts, wholes)
    summary = {}
    for column, name in enumerate(names):
        part, whole = float(parts[:, column].sum()), float(wholes[:, column].sum())
        values = own[:, column][wholes[:, column] > 0]
        interval = None
        if len(values) > 1:
            known = drawn[:, column][~np.isnan(drawn[:, column])]
            low, high = np.percentile(known, [2.5, 97.5])
            interval = (float(low), float(high))
        summary[name] = Statistic(
            part=part,
            whole=whole,
            gross=Ratio(part, whole).value,
            average=float(values.mean()) if len(values) else None,
            records=len(values),
            interval_95=interval,
        )
    return summary


def draws_of(records: int) -> NDArray[np.int64]:
    """Return how often each record is drawn, shape ``(draws, records)``; the same every time."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(records, np.full(records, 1 / records), size=_RESAMPLES)


def quotient(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; NaN where there is nothing to divide by."""
    return np.divide(parts, wholes, out=np.full_like(parts, np.nan), where=wholes > 0)
