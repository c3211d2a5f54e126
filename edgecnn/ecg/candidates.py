"""Places in an ECG that may be R peaks: the local maxima of a QRS energy envelope.

The signal is band-passed by two doubled moving averages, squared, averaged over the length of a
QRS complex, and its local maxima are taken. All is exact integer arithmetic on a window of fixed
reach around each sample (see :mod:`edgecnn.preprocessing.boxcar`), so the candidates of a signal
do not depend on how it is cut into chunks. The scheme is that of Pan & Tompkins (1985,
doi:10.1109/TBME.1985.325532) with integer filters after Lynn (1977).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.preprocessing.boxcar import half_width
from edgecnn.preprocessing.window_sums import Integers, largest_of, narrowed, window_sums

__all__ = ["CandidateFinder", "Candidates"]

_SMOOTH_S = 0.02
_BASELINE_S = 0.07
_ENERGY_S = 0.1
#: A candidate is the highest point of the envelope this far to both sides.
_APART_S = 0.07
#: The R peak is the largest deflection this far around the envelope's maximum ...
_DEFLECTION_S = 0.09
#: ... from the mean of this much signal: a wide ventricular beat is no deflection from itself.
_LEVEL_S = 0.2
_SLOPE_S = 0.04
#: In the filter's unit of 1/16 µV: 5 µV of deflection are no heartbeat.
_LOWEST = 5 * 16
#: Samples worked on at once: few enough for a processor's cache, too many for the calls to count.
_BLOCK = 1 << 15

_Samples = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates in the order of the envelope's maxima.

    Attributes
    ----------
    positions : ndarray of int64, shape (candidates,)
        Samples of the largest deflections.
    heights : ndarray of int64
        Root mean square of the QRS band in 1/16 µV.
    slopes : ndarray of int64
        Steepest step between two samples, in 1/16 µV.
    """

    positions: _Samples
    heights: _Samples
    slopes: _Samples


class CandidateFinder:
    """Find candidates in a stream of samples.

    Attributes
    ----------
    settled : int
        No candidate at a sample below this one is still to come.

    Parameters
    ----------
    rate_hz : float
    """

    def __init__(self, rate_hz: float) -> None:
        self._smooth = half_width(_SMOOTH_S, rate_hz)
        self._baseline = max(self._smooth + 1, half_width(_BASELINE_S, rate_hz))
        self._energy = half_width(_ENERGY_S, rate_hz)
        self._apart = max(1, round(_APART_S * rate_hz))
        self._deflection = max(1, round(_DEFLECTION_S * rate_hz))
        self._level = half_width(_LEVEL_S, rate_hz)
        self._slope = max(1, round(_SLOPE_S * rate_hz))
        self.reach = max(
            2 * self._baseline + self._energy + self._apart,
            2 * self._smooth + self._level + self._deflection,
            2 * self._smooth + self._slope + 1,
        )
        # How much larger than the signal the sums become, but for those of squares.
        self._growth = max((2 * self._baseline + 1) ** 2, 2 * (2 * self._level + 1))
        self.settled = 0
        self._received = 0
        self._buffer: _Samples = np.empty(0, dtype=np.int64)
        # Sample number of the buffer's first element: the ends are continued by repetition.
        self._start = 0

    def push(self, chunk_uv: _Samples) -> Candidates:
        """Take more samples, shape ``(samples,)`` in µV; return the candidates they settle."""
        if not chunk_uv.size:
            return _joined([])
        if not self._received:
            self._start = -self.reach
            self._buffer = np.repeat(chunk_uv[:1], self.reach)
        self._received += chunk_uv.size
        found = []
        for begin in range(0, chunk_uv.size, _BLOCK):
            self._buffer = np.concatenate([self._buffer, chunk_uv[begin : begin + _BLOCK]])
            found.append(self._advance())
        return _joined(found)

    def flush(self) -> Candidates:
        """End the stream; return the last candidates."""
        if not self._received:
            return _joined([])
        self._buffer = np.concatenate([self._buffer, np.repeat(self._buffer[-1:], self.reach)])
        found = self._advance()
        self.settled = self._received
        return found

    def _advance(self) -> Candidates:
        """Look at every sample of the buffer that has its whole reach on both sides."""
        signal, reach = self._buffer, self.reach
        ready = signal.size - 2 * reach
        if ready <= 0:
            return _joined([])
        scaled = signal.astype(narrowed(16 * largest_of(signal) * self._growth))
        scaled *= 16
        smooth = _average(scaled, self._smooth)
        base = _average(scaled, self._baseline)
        inset = 2 * (self._baseline - self._smooth)
        band = np.subtract(smooth[inset : smooth.size - inset], base, out=base).astype(np.int64)
        width = 2 * self._energy + 1
        energy = window_sums(np.multiply(band, band, out=band), width)
        energy = np.floor_divide(energy, width, out=energy)
        # What one array's index 0 is in the buffer: their windows shorten them at both ends.
        band_at = 2 * self._baseline
        energy_at = band_at + self._energy
        first = reach - energy_at
        here = energy[first : first + ready]
        rises = energy[first : first + ready + 1] > energy[first - 1 : first + ready]
        tops = np.flatnonzero(rises[:-1] & ~rises[1:])
        tops = tops[here[tops] >= _LOWEST * _LOWEST]
        # Few are higher than some samples around them; only these are compared with all.
        for away in (self._apart, self._apart // 2, self._apart // 4, self._apart // 8):
            own = here[tops]
            lower = own >= energy[tops + (first - away)]
            lower &= own >= energy[tops + (first + away)]
            tops = tops[lower]
        around = _windows(energy, tops + first, self._apart)
        tops = tops[around.max(axis=1, initial=0) == here[tops]]

        at = tops + reach - 2 * self._smooth
        level = window_sums(smooth, 2 * self._level + 1)
        middle = smooth[self._level : smooth.size - self._level]
        deflection = np.multiply(middle, 2 * self._level + 1, out=scaled[: middle.size])
        deflection -= level
        np.abs(deflection, out=deflection)
        largest = _windows(deflection, at - self._level, self._deflection).argmax(axis=1)
        positions = tops + reach + self._start + largest - self._deflection
        course = _windows(smooth, at, self._slope)
        slopes = np.abs(course[:, 1:] - course[:, :-1])
        # Where the signal begins or ends within a slope there is a corner, but no peak.
        inside = (positions > 0) & (positions < self._received - 1)
        candidates = Candidates(
            positions=positions[inside],
            heights=np.sqrt(here[tops]).astype(np.int64)[inside],
            slopes=slopes.max(axis=1, initial=0)[inside],
        )
        self._start += ready
        self._buffer = signal[ready:].copy()
        self.settled = max(0, self._start + reach - self._deflection)
        return candidates


def _joined(parts: list[Candidates]) -> Candidates:
    if len(parts) == 1:
        return parts[0]
    empty = np.empty(0, dtype=np.int64)
    return Candidates(
        *(
            np.concatenate([getattr(part, name) for part in parts]) if parts else empty
            for name in ("positions", "heights", "slopes")
        )
    )


def _windows(signal: Integers, centres: NDArray[np.intp], half: int) -> Integers:
    """Return ``2 * half + 1`` samples around each centre, shape ``(centres, 2 * half + 1)``."""
    step, width = signal.strides[0], 2 * half + 1
    # Rows that lie over each other are copied whole: an index for each sample takes twice as long.
    rows = np.ndarray((signal.size - width + 1, width), signal.dtype, signal, 0, (step, step))
    windows: Integers = rows[centres - half]
    return windows


def _average(scaled: Integers, half: int) -> Integers:
    """Average by a moving window, twice, rounded down; shorter by ``4 * half``."""
    if half == 0:
        return scaled.copy()
    width = 2 * half + 1
    sums = window_sums(window_sums(scaled, width), width)
    return np.floor_divide(sums, width * width, out=sums)
