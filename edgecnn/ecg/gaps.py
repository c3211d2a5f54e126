"""Samples of a lead that are no signal: which they are, and what a detector sees in their place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BRIDGED_S", "LARGEST_MV", "GapFiller", "credible_mv", "gaps_of", "touches"]

#: Gaps up to this length are bridged: shorter than any wave of a beat.
BRIDGED_S = 0.02
#: Beyond this a sample is no voltage, not even one in a mistaken unit.
LARGEST_MV = 1e4
#: An electrode's offset changes over a gap by less; what changes by more is no ECG.
_LARGEST_CHANGE_MV = 1e3


def credible_mv(signal_mv: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the signal with NaN for every sample that no electrode gives.

    Examples
    --------
    >>> credible_mv(np.array([0.5, 1e308, np.nan])).tolist()
    [0.5, nan, nan]
    """
    # NaN is on neither side, so that with one in it the signal is looked at sample by sample.
    if signal_mv.size and signal_mv.min() >= -LARGEST_MV and signal_mv.max() <= LARGEST_MV:
        return signal_mv
    outside = ~(np.abs(signal_mv) <= LARGEST_MV)
    return np.where(outside, np.nan, signal_mv) if outside.any() else signal_mv


def gaps_of(valid: NDArray[np.bool_], longer_than: int = 0) -> NDArray[np.int64]:
    """Return first sample and end of each stretch without signal, shape ``(gaps, 2)``.

    Parameters
    ----------
    valid : ndarray of bool, shape (samples,)
    longer_than : int
        Stretches of up to so many samples are left out.

    Examples
    --------
    >>> gaps_of(np.array([True, False, True, False, False]), longer_than=1).tolist()
    [[3, 5]]
    """
    edges = np.flatnonzero(np.diff(valid, prepend=True, append=True)).astype(np.int64)
    gaps = edges.reshape(-1, 2)
    return gaps[gaps[:, 1] - gaps[:, 0] > longer_than]


def touches(
    gaps: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which of the stretches ``starts..stops`` share a sample with a gap."""
    if not len(gaps):
        return np.zeros(len(starts), dtype=bool)
    nearest = np.searchsorted(gaps[:, 1], starts, side="right")
    touched: NDArray[np.bool_] = np.append(gaps[:, 0], np.iinfo(np.int64).max)[nearest] < stops
    return touched


class GapFiller:
    """Fill the gaps of a stream; how it is cut into chunks makes no difference.

    A gap of up to :data:`BRIDGED_S` becomes a straight line, and counts as signal. In a longer one
    the last value is held, and what follows begins at that value: over a gap an electrode's offset
    changes, and a step would look like a beat. (To band-passed signals an offset is nothing.)

    Parameters
    ----------
    rate_hz : float

    Attributes
    ----------
    longest : int
        Samples of the longest gap that is bridged: the stream is held back so long in a gap.
    """

    def __init__(self, rate_hz: float) -> None:
        self.longest = int(BRIDGED_S * rate_hz + 1e-9)
        # A gap that may still be short.
        self._rest: NDArray[np.float64] = np.empty(0)
        self._last: float | None = None
        self._offset = 0.0
        self._in_gap = False

    def push(self, chunk_mv: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Take more samples.

        Parameters
        ----------
        chunk_mv : ndarray of float, shape (samples,)
            NaN, or what :func:`credible_mv` does not believe, where there is no signal.

        Returns
        -------
        filled : ndarray of float64
            Samples in the order of the stream, none of them NaN.
        valid : ndarray of bool, same shape
            False in long gaps.
        """
        return self._filled(np.asarray(credible_mv(chunk_mv), dtype=np.float64), is_end=False)

    def flush(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """End the stream; return the samples that were held back."""
        return self._filled(np.empty(0), is_end=True)

    def _filled(
        self, chunk: NDArray[np.float64], *, is_end: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        signal = np.concatenate([self._rest, chunk]) if self._rest.size else chunk
        self._rest = np.empty(0)
        valid = np.isfinite(signal)
        if valid.all() and not self._in_gap:
            if signal.size:
                self._last = float(signal[-1])
            return (signal - self._offset if self._offset else signal), valid
        gaps = gaps_of(valid)
        is_open = len(gaps) > 0 and gaps[-1, 1] == signal.size
        if is_open and not is_end:
            start = int(gaps[-1, 0])
            continues = start == 0 and self._in_gap
            if signal.size - start <= self.longest and not continues:
                self._rest = signal[start:].copy()
                signal, valid, gaps = signal[:start], valid[:start], gaps[:-1]
        filled = np.empty(signal.size)
        valid[:] = True
        done = 0
        for start, stop in gaps.tolist():
            self._take(signal[done:start], filled[done:start])
            done = stop
            after = float(signal[stop]) if stop < signal.size else None
            if stop - start > self.longest or self._in_gap:
                filled[start:stop] = 0.0 if self._last is None else self._last - self._offset
                valid[start:stop] = False
                self._in_gap = True
            else:
                filled[start:stop] = self._bridge(after, stop - start) - self._offset
        self._take(signal[done:], filled[done:])
        return filled, valid

    def _take(self, signal: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Take samples without a gap among them."""
        if not signal.size:
            return
        if self._in_gap:
            # The value that was held through the gap, without this sample's own offset.
            held = 0.0 if self._last is None else self._last - self._offset
            offset = float(signal[0]) - held
            self._offset = offset if abs(offset) <= _LARGEST_CHANGE_MV else 0.0
            self._in_gap = False
        np.subtract(signal, self._offset, out=out)
        self._last = float(signal[-1])

    def _bridge(self, after: float | None, length: int) -> NDArray[np.float64]:
        """Draw the line over a short gap; at an end of the stream, a level one."""
        before = self._last if self._last is not None else after
        if before is None:
            return np.zeros(length)
        after = before if after is None else after
        return before + (after - before) * (np.arange(1, length + 1) / (length + 1))
