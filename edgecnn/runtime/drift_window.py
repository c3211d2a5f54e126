"""One statistic of the newest frames, against what it was at calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import Distribution
from edgecnn.runtime.drift import count_values, ks_distance, mean_shift, psi, sum_values

__all__ = ["STATES", "Judgement", "Window"]

State = Literal["ok", "warn", "alarm"]

#: From good to bad.
STATES: tuple[State, ...] = ("ok", "warn", "alarm")
#: Frames before which nothing is said.
_LEAST = 16
#: Of the Kolmogorov-Smirnov test at a level of one in a thousand.
_CRITICAL = 1.95
#: Frames that a stream of one unchanging scene counts as: so few that it is warned of only where it
#: lies beyond all that was seen at calibration.
_FEWEST = 4.0
#: Of a window that shows few scenes the autocorrelation comes out too low.
_BIAS = 1.5
#: Share of calibration's standard deviation from which on frames show more than one scene.
_VARIED = 0.2
#: Standard deviations that values must have moved by on average. Where most of them are equal, as
#: the black of drawn digits, PSI and KS see a change in any, however small.
_SHIFT_WARN = 0.25
#: By custom something has changed, and much; and a change of half of all that is seen.
_PSI_WARN, _PSI_ALARM, _KS_ALARM = 0.1, 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far one statistic has drifted.

    Attributes
    ----------
    psi, ks, shift : float
    state : "ok", "warn" or "alarm"
    """

    psi: float
    ks: float
    shift: float
    state: State


class Window:
    """The newest frames' values of one statistic, counted.

    Frames of one camera are much alike: as many as are as good as independent of each other count,
    by their means' correlation from one to the next.

    Parameters
    ----------
    reference : Distribution
        Of calibration.
    samples : int
        Examples that it was measured on.
    size : int
        Frames that are held.
    """

    def __init__(self, reference: Distribution, samples: int, size: int) -> None:
        self._reference = _with_ends(reference)
        self._samples = samples
        self._counts = np.zeros((size, len(self._reference.shares)), dtype=np.int64)
        self._sums = np.zeros(self._counts.shape)
        self._means = np.zeros(size)
        self._total = np.zeros(len(self._reference.shares), dtype=np.int64)
        self._frames = 0

    def add(self, values: NDArray[np.floating]) -> None:
        """Count one frame's values; those of the oldest frame go."""
        place = self._frames % len(self._counts)
        counts = count_values(values, self._reference)
        sums = sum_values(values, self._reference)
        self._total += counts - self._counts[place]
        self._counts[place], self._sums[place] = counts, sums
        self._means[place] = float(np.mean(values))
        self._frames += 1

    def judge(self) -> Judgement | None:
        """Compare; None while there are too few frames."""
        if self._frames < _LEAST:
            return None
        index, distance = (
            psi(self._total, self._reference),
            ks_distance(self._total, self._reference),
        )
        chance = _CRITICAL * math.sqrt(1 / self._independent() + 1 / self._samples)
        state: State = "ok"
        moved = mean_shift(self._total, self._sums.sum(axis=0), self._reference)
        if distance > chance and index >= _PSI_WARN and moved >= _SHIFT_WARN:
            state = "alarm" if index >= _PSI_ALARM and distance >= _KS_ALARM else "warn"
        return Judgement(round(index, 4), round(distance, 4), round(moved, 4), state)

    def _independent(self) -> float:
        """Return how many independent frames the window is worth.

        Their number divided by the sum of the autocorrelation up to where it is no longer positive
        (Geyer 1992). Where they vary by far less than the examples of calibration did, it is one
        scene with a sensor's noise, whose frames are all the same as far as that goes.
        """
        size = len(self._means)
        held = min(self._frames, size)
        means = np.roll(self._means, -(self._frames % size)) if held == size else self._means[:held]
        centred = means - means.mean()
        likeness = np.correlate(centred, centred, "full")[held - 1 :]
        if likeness[0] <= 1e-12 * held:
            return _FEWEST
        likeness /= likeness[0]
        ends = np.flatnonzero(likeness <= 0)
        times = 2 * float(likeness[: ends[0] if ends.size else held].sum()) - 1
        variety = float(means.std()) / max(_VARIED * self._reference.std, 1e-12)
        return max(_FEWEST, min(held / (_BIAS * times), held * min(1.0, variety) ** 2))


def _with_ends(reference: Distribution) -> Distribution:
    """Add what lies below the lowest value of calibration, and beyond the highest: nothing."""
    # Both were rounded when they were stored.
    margin = 1e-4 * (reference.high - reference.low)
    low, high = reference.low - margin, reference.high + margin
    cuts, shares = list(reference.cuts), list(reference.shares)
    if not cuts or low < cuts[0]:
        cuts, shares = [low, *cuts], [0.0, *shares]
    if high > cuts[-1]:
        cuts, shares = [*cuts, high], [*shares, 0.0]
    return msgspec.structs.replace(reference, cuts=tuple(cuts), shares=tuple(shares))
