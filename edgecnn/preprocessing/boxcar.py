"""Moving averages in exact integer arithmetic.

Sums of integers have no rounding, so a signal filtered in one piece and the same signal filtered
in chunks give the same bits: what is classified live equals what is scored from a file. This is
the integer-coefficient filter family of Lynn (1977), on which Pan & Tompkins (1985,
doi:10.1109/TBME.1985.325532) built their QRS detector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BoxcarFilter

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


def boxcar_sum(signal: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    """Sum ``2 * half + 1`` samples around each; the ends repeat the first and last sample.

    Parameters
    ----------
    signal : ndarray of int64, shape (samples,)
    half : int
        Samples on each side.

    Examples
    --------
    >>> boxcar_sum(np.array([0, 0, 3, 0, 0]), 1).tolist()
    [0, 3, 3, 3, 0]
    """
    if half == 0 or signal.size == 0:
        return signal
    whole = np.result_type(signal, np.int64)
    padded: NDArray[np.int64] = np.empty(signal.size + 2 * half + 1, dtype=whole)
    padded[half + 1 : half + 1 + signal.size] = signal
    return _padded_sums(padded, half, padded[: signal.size].copy())


def _padded_sums(padded: NDArray[np.int64], half: int, out: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the signal that lies at ``half + 1`` in an array as wide as its ends are repeated."""
    begin, end = half + 1, padded.size - half
    padded[:begin] = padded[begin]
    padded[end:] = padded[end - 1]
    np.cumsum(padded, out=padded)
    return np.subtract(padded[2 * half + 1 :], padded[: -2 * half - 1], out=out)


def filter_boxcar(
    signal_uv: NDArray[np.int64], spec: BoxcarFilter, rate_hz: float
) -> NDArray[np.int64]:
    """Band-pass a signal: smoothed minus baseline, both by doubled moving averages.

    Returns
    -------
    ndarray of int64, shape (samples,)
        In 1/16 µV, so that the averages' division costs no visible precision.

    Notes
    -----
    The filter is symmetric: sample ``n`` depends on the input up to :func:`reach` samples later.
    """
    filtered = _average(signal_uv, half_width(spec.smooth_s, rate_hz))
    filtered -= _average(signal_uv, half_width(spec.baseline_s, rate_hz))
    return filtered


def reach(spec: BoxcarFilter, rate_hz: float) -> int:
    """Return how many samples before and after one :func:`filter_boxcar` looks at."""
    return 2 * max(half_width(spec.smooth_s, rate_hz), half_width(spec.baseline_s, rate_hz))


def _average(signal: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    if half == 0 or signal.size == 0:
        return signal * 16
    width, inside = 2 * half + 1, slice(half + 1, half + 1 + signal.size)
    # Each step writes where the next one needs it, so that nothing is copied.
    whole = np.result_type(signal, np.int64)
    once, twice = np.empty((2, signal.size + width), dtype=whole)
    np.multiply(signal, 16, out=once[inside])
    _padded_sums(once, half, twice[inside])
    sums = _padded_sums(twice, half, once[: signal.size])
    return np.floor_divide(sums, width * width, out=sums)
