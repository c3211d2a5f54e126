"""Stretches of a signal that stand out, found piece by piece: gaps, flat and saturated ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FLAT_MV",
    "FLAT_WINDOW_S",
    "FlatFinder",
    "Runs",
    "SaturationFinder",
    "stretches_flat",
    "stretches_saturated",
]

#: A quarter of a second that moves by less is flat; noise alone is more.
FLAT_MV = 0.005
FLAT_WINDOW_S = 0.25
#: Shorter pauses between beats may be flat in a clean recording.
_FLAT_S = 2.0
#: A peak stays at its highest value for less.
_SATURATED_S = 0.02
_SATURATED_SAMPLES = 4
_SATURATED_RUNS = 3
#: Places in a window of the flat search that are looked at first.
_GLANCES = 4

_Stretches = NDArray[np.int64]


class Runs:
    """Collect the runs of True in a stream of masks.

    Parameters
    ----------
    longer_than : int
        Shorter runs, and those of this length, are left out.
    start : int
        Number of the first sample.

    Examples
    --------
    >>> runs = Runs(longer_than=1)
    >>> for mask in ([True, False, True], [True, False], [True, True]):
    ...     runs.push(np.array(mask))
    >>> runs.finish().tolist()
    [[2, 4], [5, 7]]
    """

    def __init__(self, longer_than: int = 0, *, start: int = 0) -> None:
        self._longer_than = longer_than
        self._count = start
        self._open: int | None = None
        self._found: list[_Stretches] = []

    def push(self, mask: NDArray[np.bool_]) -> None:
        """Take the mask of more samples."""
        if not mask.any():
            self.pass_over(mask.size)
            return
        edges = np.flatnonzero(np.diff(mask, prepend=self._open is not None)) + self._count
        if self._open is not None:
            edges = np.concatenate([[self._open], edges])
        self._open = int(edges[-1]) if edges.size % 2 else None
        self._keep(edges[: edges.size // 2 * 2].reshape(-1, 2))
        self._count += mask.size

    def pass_over(self, samples: int) -> None:
        """Take samples that are all False."""
        if samples and self._open is not None:
            self._keep(np.array([[self._open, self._count]]))
            self._open = None
        self._count += samples

    def finish(self) -> _Stretches:
        """End the stream; return first sample and end of each run, shape ``(runs, 2)``."""
        if self._open is not None:
            self._keep(np.array([[self._open, self._count]]))
            self._open = None
        return np.concatenate([np.empty((0, 2), dtype=np.int64), *self._found])

    def _keep(self, runs: _Stretches) -> None:
        long = runs[runs[:, 1] - runs[:, 0] > self._longer_than]
        if len(long):
            self._found.append(long)


class FlatFinder:
    """Find the stretches of 2 s or more without any movement, to a quarter of a second.

    Parameters
    ----------
    rate_hz : float
    """

    def __init__(self, rate_hz: float) -> None:
        self._window = max(2, round(FLAT_WINDOW_S * rate_hz))
        self._runs = Runs(round(_FLAT_S * rate_hz / self._window) - 1)
        self._rest: NDArray[np.floating] = np.empty(0)
        self._samples = 0

    def push(self, chunk_mv: NDArray[np.floating]) -> None:
        """Take more samples in millivolts; NaN, a gap, is not flat."""
        self._samples += chunk_mv.size
        signal = np.concatenate([self._rest, chunk_mv]) if self._rest.size else chunk_mv
        count = signal.size // self._window
        windows = signal[: count * self._window].reshape(count, self._window)
        self._rest = signal[count * self._window :].copy()
        # A few samples that differ are enough to know that a window is not flat.
        glances = windows[:, :: max(1, self._window // _GLANCES)]
        lowest = highest = glances[:, 0]
        for place in range(1, glances.shape[1]):
            lowest = np.minimum(lowest, glances[:, place])
            highest = np.maximum(highest, glances[:, place])
        still = highest - lowest < FLAT_MV
        if still.any():
            chosen = windows[still]
            still[still] = chosen.max(axis=1) - chosen.min(axis=1) < FLAT_MV
        self._runs.push(still)

    def finish(self) -> _Stretches:
        """End the stream; return the stretches, shape ``(stretches, 2)``."""
        flat = self._runs.finish() * self._window
        whole = self._samples // self._window * self._window
        if len(flat) and flat[-1, 1] == whole:
            flat[-1, 1] = self._samples
        return flat


class SaturationFinder:
    """Find the stretches at the end of the converter's range.

    The end of the range is the highest or lowest value of the recording, if the signal stays at
    exactly it for 20 ms three times or more.

    Parameters
    ----------
    rate_hz : float
    """

    def __init__(self, rate_hz: float) -> None:
        self._longer_than = max(_SATURATED_SAMPLES, round(_SATURATED_S * rate_hz)) - 1
        self._samples = 0
        self._low = _Extreme(self._longer_than)
        self._high = _Extreme(self._longer_than)

    def push(self, chunk_mv: NDArray[np.floating]) -> None:
        """Take more samples in millivolts; NaN where there is no signal."""
        if not chunk_mv.size:
            return
        low, high = float(chunk_mv.min()), float(chunk_mv.max())
        if np.isnan(low):
            # These pass NaN over, but take longer; of nothing but gaps both are NaN.
            low, high = float(np.fmin.reduce(chunk_mv)), float(np.fmax.reduce(chunk_mv))
        self._low.push(chunk_mv, low, is_beyond=low < self._low.value, first=self._samples)
        self._high.push(chunk_mv, high, is_beyond=high > self._high.value, first=self._samples)
        self._samples += chunk_mv.size

    def finish(self, flat: _Stretches) -> _Stretches:
        """End the stream; return the stretches, shape ``(stretches, 2)``.

        Parameters
        ----------
        flat : ndarray of int64, shape (stretches, 2)
            Where the signal is flat, whatever its value: these are none.
        """
        found = [np.empty((0, 2), dtype=np.int64)]
        for extreme in (self._low, self._high):
            runs = extreme.runs.finish()
            if len(flat):
                nearest = np.searchsorted(flat[:, 1], runs[:, 0], side="right")
                first = np.append(flat[:, 0], np.iinfo(np.int64).max)[nearest]
                runs = runs[first >= runs[:, 1]]
            if len(runs) >= _SATURATED_RUNS:
                found.append(runs)
        return np.concatenate(found)


class _Extreme:
    """The lowest or highest value so far, and the runs at it."""

    def __init__(self, longer_than: int) -> None:
        self._longer_than = longer_than
        self.value = float("nan")
        self.runs = Runs(longer_than)

    def push(
        self, chunk: NDArray[np.floating], value: float, *, is_beyond: bool, first: int
    ) -> None:
        if is_beyond or (np.isnan(self.value) and not np.isnan(value)):
            self.value = value
            self.runs = Runs(self._longer_than, start=first)
        if value == self.value:
            self.runs.push(chunk == value)
        else:
            self.runs.pass_over(chunk.size)


def stretches_flat(signal_mv: NDArray[np.floating], rate_hz: float) -> _Stretches:
    """Return first sample and end of each stretch of 2 s or more without any movement.

    Returns
    -------
    ndarray of int64, shape (stretches, 2)
        To a quarter of a second.
    """
    finder = FlatFinder(rate_hz)
    finder.push(signal_mv)
    return finder.finish()


def stretches_saturated(
    signal_mv: NDArray[np.floating], rate_hz: float, flat: _Stretches
) -> _Stretches:
    """Return first sample and end of each stretch at the end of the converter's range.

    Parameters
    ----------
    signal_mv : ndarray of float, shape (samples,)
    rate_hz : float
    flat : ndarray of int64, shape (stretches, 2)
        From :func:`stretches_flat`.

    Returns
    -------
    ndarray of int64, shape (stretches, 2)
    """
    finder = SaturationFinder(rate_hz)
    finder.push(signal_mv)
    return finder.finish(flat)
