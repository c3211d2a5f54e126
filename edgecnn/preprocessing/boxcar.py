"""Moving averages in exact integer arithmetic.

Sums of integers have no rounding, so a signal filtered in one piece and the same signal filtered
in chunks give the same bits: what is classified live equals what is scored from a file. This is
the integer-coefficient filter family of Lynn (1977), on which Pan & Tompkins (1985,
doi:10.1109/TBME.1985.325532) built their QRS detector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BoxcarFilter
from edgecnn.preprocessing.window_sums import Integers, largest_of, narrowed, window_sums

__all__ = [
    "MICROVOLTS_PER_MV",
    "boxcar_sum",
    "filter_boxcar",
    "half_width",
    "reach",
    "to_microvolts",
]

MICROVOLTS_PER_MV = 1000

#: Larger amplitudes are no ECG; the limit keeps every later sum inside 64 bits.
_CLIP_UV = 10_000_000


def to_microvolts(signal_mv: NDArray[np.floating]) -> NDArray[np.int64]:
    """Round millivolts to whole microvolts.

    A microvolt is below the resolution of the usual converters (MIT-BIH: 5 µV per step). Samples
    that are not finite become 0; callers that care test for them first.
    """
    scaled = np.asarray(signal_mv, dtype=np.float64) * MICROVOLTS_PER_MV
    # NaN is neither; what lies within needs no look at each sample.
    if not (scaled.size and scaled.min() >= -_CLIP_UV and scaled.max() <= _CLIP_UV):
        scaled = np.clip(np.nan_to_num(scaled, posinf=0.0, neginf=0.0), -_CLIP_UV, _CLIP_UV)
    return np.rint(scaled).astype(np.int64)


def half_width(seconds: float, rate_hz: float) -> int:
    """Return the samples on each side of the centre of a moving average ``seconds`` long."""
    return max(0, round((seconds * rate_hz - 1) / 2))


def boxcar_sum(signal: Integers, half: int) -> Integers:
    """Sum ``2 * half + 1`` samples around each; the ends repeat the first and last sample.

    Parameters
    ----------
    signal : ndarray of int, shape (samples,)
        Of a type that holds the sums, too.
    half : int
        Samples on each side.

    Examples
    --------
    >>> boxcar_sum(np.array([0, 0, 3, 0, 0]), 1).tolist()
    [0, 3, 3, 3, 0]
    """
    if half == 0 or signal.size == 0:
        return signal
    padded = np.empty(signal.size + 2 * half, dtype=signal.dtype)
    padded[:half] = signal[0]
    padded[half : half + signal.size] = signal
    padded[half + signal.size :] = signal[-1]
    return window_sums(padded, 2 * half + 1)


def filter_boxcar(signal_uv: Integers, spec: BoxcarFilter, rate_hz: float) -> Integers:
    """Band-pass a signal: smoothed minus baseline, both by doubled moving averages.

    Returns
    -------
    ndarray of int32 or int64, shape (samples,)
        In 1/16 µV, so that the averages' division costs no visible precision; int32 if it holds
        the values, as it does those of an ECG.

    Notes
    -----
    The filter is symmetric: sample ``n`` depends on the input up to :func:`reach` samples later.
    """
    halves = half_width(spec.smooth_s, rate_hz), half_width(spec.baseline_s, rate_hz)
    largest = 16 * largest_of(signal_uv)
    scaled = signal_uv.astype(_type(signal_uv, largest * (2 * max(halves) + 1)))
    scaled *= 16
    smooth, baseline = (_average(scaled, half) for half in halves)
    filtered = np.empty(signal_uv.size, dtype=_type(signal_uv, 2 * largest + 1))
    return np.subtract(smooth, baseline, out=filtered, casting="unsafe")


def reach(spec: BoxcarFilter, rate_hz: float) -> int:
    """Return how many samples before and after one :func:`filter_boxcar` looks at."""
    return 2 * max(half_width(spec.smooth_s, rate_hz), half_width(spec.baseline_s, rate_hz))


def _average(scaled: Integers, half: int) -> Integers:
    """Average a signal by a moving window, twice, rounded down; its type holds the first sums."""
    if half == 0 or scaled.size == 0:
        return scaled
    width = 2 * half + 1
    once = boxcar_sum(scaled, half)
    low, high = int(once.min()), int(once.max())
    # Without what they have in common, which is given back to the average, a slow signal's sums
    # are small enough for narrow integers.
    common = (low + high) // 2 // width
    largest = max(high - common * width, common * width - low)
    once -= common * width
    twice = boxcar_sum(once.astype(_type(once, largest * width), copy=False), half)
    np.floor_divide(twice, width * width, out=twice)
    twice += common
    return twice


def _type(signal: Integers, largest: int) -> np.dtype[Any]:
    """Return the type that holds such values; Python's integers stay what they are."""
    return signal.dtype if signal.dtype == object else narrowed(largest)
