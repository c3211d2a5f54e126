"""A signal at another sampling rate, by polyphase filtering, in NumPy alone.

A windowed sinc low-pass (Kaiser window; Kaiser & Schafer 1980, doi:10.1109/TASSP.1980.1163349) at
the lower of the two Nyquist rates, evaluated only at the samples that are kept. Every output
sample depends on a fixed, symmetric stretch of the input.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

__all__ = ["Resampler", "resample"]

#: Zero crossings of the sinc on each side: passband flat to 0.1 % up to 0.9 of Nyquist.
_CROSSINGS = 24
_KAISER_BETA = 8.0
#: A finer ratio would need more filter phases than anyone's sampling rates do.
_LARGEST_DENOMINATOR = 4000
#: Output samples per step, to keep the gathered windows small.
_BLOCK = 8192


def resample(
    signal: NDArray[np.floating], rate_hz: float, new_rate_hz: float
) -> NDArray[np.float64]:
    """Bring a signal to another sampling rate.

    Parameters
    ----------
    signal : ndarray of float, shape (samples,)
        Beyond its ends the outermost samples are repeated. NaN spreads over the filter's length:
        fill gaps first.
    rate_hz, new_rate_hz : float
        Present and wanted rate.

    Returns
    -------
    ndarray of float64, shape (round(samples * new_rate_hz / rate_hz),)
        Sample ``k`` belongs to the time ``k / new_rate_hz``.

    Raises
    ------
    DataError
        A rate that is not positive and finite, or rates more than 4000-fold apart.

    Examples
    --------
    >>> x = np.sin(2 * np.pi * 5 * np.arange(500) / 250)
    >>> y = resample(x, 250, 360)
    >>> bool(abs(y[360] - np.sin(2 * np.pi * 5)) < 1e-3), len(y)
    (True, 720)
    """
    resampler = Resampler(rate_hz, new_rate_hz)
    values = np.asarray(signal, dtype=np.float64)
    if rate_hz == new_rate_hz or values.size == 0:
        return values
    return np.concatenate([resampler.push(values), resampler.flush()])


class Resampler:
    """Bring a stream to another sampling rate; how it is cut into chunks makes no difference.

    Parameters
    ----------
    rate_hz, new_rate_hz : float
        Present and wanted rate.

    Attributes
    ----------
    up, down : int
        The rates' ratio: sample ``k`` of the result lies at ``k * down / up`` of the stream's.
    look_ahead : int
        Samples of the stream, after a result's own place, that it waits for.
    total : int
        Samples taken so far.

    Raises
    ------
    DataError
        As :func:`resample`.
    """

    def __init__(self, rate_hz: float, new_rate_hz: float) -> None:
        for rate in (rate_hz, new_rate_hz):
            if not (np.isfinite(rate) and rate > 0):
                raise DataError(f"a sampling rate of {rate:g} Hz", hint="rates are positive")
        ratio = new_rate_hz / rate_hz
        if not 1 / _LARGEST_DENOMINATOR <= ratio <= _LARGEST_DENOMINATOR:
            raise DataError(
                f"from {rate_hz:g} to {new_rate_hz:g} Hz is too far", hint="are both rates in Hz?"
            )
        fraction = Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR)
        self.up, self.down = fraction.numerator, fraction.denominator
        self._filters = _phases(self.up, self.down)
        self.look_ahead = self._filters.shape[1] // 2
        self.total = 0
        self._given = 0
        self._rest: NDArray[np.float64] = np.empty(0)
        # Place in the stream of what is kept; before its begin the first sample is repeated.
        self._start = -self.look_ahead

    def push(self, chunk: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take more samples, shape ``(samples,)``; return the results that they complete."""
        if not chunk.size:
            return np.empty(0)
        head = np.repeat(chunk[:1], self.look_ahead) if not self.total else self._rest
        self._rest = np.concatenate([head, chunk])
        self.total += chunk.size
        # The last sample that a filter may have in its middle.
        last = self.total - 1 - self.look_ahead
        return self._results(-(-(last + 1) * self.up // self.down), last)

    def flush(self) -> NDArray[np.float64]:
        """End the stream, whose last sample is repeated; return the results that are left."""
        if not self.total:
            return np.empty(0)
        self._rest = np.concatenate([self._rest, np.repeat(self._rest[-1:], self.look_ahead + 1)])
        return self._results(self.samples_out(self.total), self.total)

    def samples_out(self, samples: int) -> int:
        """Return how many results a stream of so many samples has."""
        return max(1, round(samples * self.up / self.down))

    def _results(self, stop: int, last: int) -> NDArray[np.float64]:
        if stop <= self._given:
            return np.empty(0)
        results = np.empty(stop - self._given)
        windows = np.lib.stride_tricks.sliding_window_view(self._rest, self._filters.shape[1])
        first = self._start + self.look_ahead
        for begin in range(self._given, stop, _BLOCK):
            place = np.arange(begin, min(begin + _BLOCK, stop)) * self.down
            source = np.minimum(place // self.up, last) - first
            results[begin - self._given :][: len(place)] = np.einsum(
                "ij,ij->i", windows[source], self._filters[place % self.up]
            )
        self._given = stop
        keep = stop * self.down // self.up - self.look_ahead - self._start
        if keep > 0:
            self._rest = self._rest[keep:].copy()
            self._start += keep
        return results


@lru_cache(maxsize=16)
def _phases(up: int, down: int) -> NDArray[np.float64]:
    """Return the filter of each phase, shape ``(up, taps)``; every row sums to 1."""
    # In input samples: the lower of the two rates sets how wide the sinc is.
    width = max(1.0, down / up)
    half = int(np.ceil(_CROSSINGS * width))
    offset = np.arange(-half, half + 1)[None, :] - np.arange(up)[:, None] / up
    inside = np.clip(1 - (offset / (_CROSSINGS * width)) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    filters = np.sinc(offset / width) * window
    phases: NDArray[np.float64] = filters / filters.sum(axis=1, keepdims=True)
    return phases
