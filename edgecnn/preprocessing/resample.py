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

__all__ = ["resample"]

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
    for rate in (rate_hz, new_rate_hz):
        if not (np.isfinite(rate) and rate > 0):
            raise DataError(f"a sampling rate of {rate:g} Hz", hint="rates are positive")
    values = np.asarray(signal, dtype=np.float64)
    if rate_hz == new_rate_hz or values.size == 0:
        return values
    if not 1 / _LARGEST_DENOMINATOR <= new_rate_hz / rate_hz <= _LARGEST_DENOMINATOR:
        raise DataError(
            f"from {rate_hz:g} to {new_rate_hz:g} Hz is too far", hint="are both rates in Hz?"
        )
    ratio = Fraction(new_rate_hz / rate_hz).limit_denominator(_LARGEST_DENOMINATOR)
    up, down = ratio.numerator, ratio.denominator
    filters = _phases(up, down)
    taps = filters.shape[1]
    half = taps // 2
    padded = np.pad(values, (half, half + 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    count = max(1, round(values.size * new_rate_hz / rate_hz))
    result = np.empty(count)
    for start in range(0, count, _BLOCK):
        place = np.arange(start, min(start + _BLOCK, count)) * down
        source = np.minimum(place // up, len(windows) - 1)
        result[start : start + len(place)] = np.einsum(
            "ij,ij->i", windows[source], filters[place % up]
        )
    return result


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
