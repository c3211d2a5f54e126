"""Stretches of a recording in which beats may be hidden, or feigned by noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.gaps import touches
from edgecnn.ecg.signal_quality import SignalState, States
from edgecnn.ecg.stretches import Runs

__all__ = ["Doubtful"]

#: What a beat is depends on the beats before: where so many of the last ten may be none, the class
#: of the next one is worth nothing.
_LAST_BEATS, _FEIGNED_BEATS = 10, 3


@dataclass(frozen=True, eq=False)
class Doubtful:
    """Where beats may be hidden, and where what looks like a beat may be none.

    Attributes
    ----------
    hiding, feigning : ndarray of int64, shape (stretches, 2)
        First sample and end of each. All that hides beats feigns some; in a pause, only small noise
        does.
    """

    hiding: NDArray[np.int64]
    feigning: NDArray[np.int64]

    @classmethod
    def nothing(cls) -> Doubtful:
        """Return that of a signal without noise."""
        empty = np.empty((0, 2), dtype=np.int64)
        return cls(empty, empty)

    @classmethod
    def of(cls, states: States, block: int) -> Doubtful:
        """Join the blocks of a stream.

        Parameters
        ----------
        states : ndarray of int8, shape (blocks,)
            From the stream's beginning.
        block : int
            Samples of a block.

        Examples
        --------
        >>> doubtful = Doubtful.of(np.array([0, 4, 4, 0, 1, 5], np.int8), 180)
        >>> doubtful.hiding.tolist(), doubtful.feigning.tolist()
        ([[180, 540]], [[180, 540], [900, 1080]])
        """
        found = []
        for chosen in (
            [state.hides_beats for state in SignalState],
            [state.feigns_beats for state in SignalState],
        ):
            runs = Runs()
            runs.push(np.array(chosen)[states])
            found.append(runs.finish() * block)
        return cls(*found)

    def left_out(
        self,
        samples: NDArray[np.int64],
        classes: NDArray[np.int8],
        intervals_s: NDArray[np.float64],
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """Take what is in doubt out of what figures are made from.

        Parameters
        ----------
        samples : ndarray of int64, shape (beats,)
            R peaks, rising.
        classes : ndarray of int8, shape (beats,)
        intervals_s : ndarray of float64, shape (beats - 1,)

        Returns
        -------
        classes : ndarray of int8, shape (beats,)
            -1 for a beat that may be none, and for the first ones behind such beats.
        intervals_s : ndarray of float64, shape (beats - 1,)
            NaN beside such a beat, and where one may be hidden.

        Examples
        --------
        >>> doubtful = Doubtful.of(np.array([0, 0, 4, 0], np.int8), 100)
        >>> doubtful.left_out(np.array([10, 110, 210]), np.array([0, 1, 0], np.int8), np.ones(2))
        (array([ 0,  1, -1], dtype=int8), array([ 1., nan]))
        """
        if not len(self.feigning) or not len(samples):
            return classes, intervals_s
        none = touches(self.feigning, samples, samples + 1)
        over = touches(self.hiding, samples[:-1], samples[1:]) | none[:-1] | none[1:]
        before = np.cumsum(none)
        recent = (
            before - np.concatenate([np.zeros(_LAST_BEATS, dtype=np.int64), before])[: len(none)]
        )
        unsure = none | (recent >= _FEIGNED_BEATS)
        return np.where(unsure, np.int8(-1), classes), np.where(over, np.nan, intervals_s)
