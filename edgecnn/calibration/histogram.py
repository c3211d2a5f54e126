"""How often which values occur, added up piece by piece in memory that does not grow."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Histogram"]

#: Bins on each side of zero. A bin's number fits 16 bits, signed.
_SIDE = 1 << 13
#: Smallest exponent of a width: its inverse must be a float32.
_FINEST = -120
#: Values at a time: small enough to stay in the processor's cache.
_CHUNK = 1 << 15
#: Below this many values, OpenCV's table of 65536 counts costs more than it saves.
_FEW = 1 << 13
#: A count comes back from OpenCV as float32, exact up to here.
_COUNTED = 1 << 24


class Histogram:
    """A histogram over bins whose width is a power of two, and whose edges are its multiples.

    The width is the smallest with which the largest absolute value needs at most 8192 bins, so at
    least 4096 are in use. When a larger value comes, bins are merged in pairs, which gives exactly
    what counting anew at the new width would: the result does not depend on the order of the
    values or on how they are cut into pieces, and one pass is enough.

    Attributes
    ----------
    exponent : int
        Bins are ``2.0 ** exponent`` wide.
    low, high : float
        Smallest and largest value, exactly; infinite as long as there is none.

    Examples
    --------
    >>> histogram = Histogram()
    >>> histogram.add(np.array([0.0, 1.0, 1.0], np.float32))
    >>> histogram.add(np.array([-4.0], np.float32))
    >>> histogram.low, histogram.high, histogram.width, histogram.n
    (-4.0, 1.0, 0.0009765625, 4)
    >>> edges, counts = histogram.bins()
    >>> [(float(edges[i]), int(counts[i])) for i in np.flatnonzero(counts)]
    [(-4.0, 1), (0.0, 1), (1.0, 2)]
    """

    __slots__ = ("_counts", "exponent", "high", "low")

    def __init__(self) -> None:
        self.exponent = _FINEST
        self.low, self.high = math.inf, -math.inf
        # Bin b is at b modulo the length: those below zero follow those above.
        self._counts = np.zeros(2 * _SIDE, dtype=np.int64)

    @property
    def width(self) -> float:
        """Width of a bin."""
        return math.ldexp(1.0, self.exponent)

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self._counts.sum())

    def add(self, values: NDArray[np.float32]) -> None:
        """Count values.

        Parameters
        ----------
        values : ndarray of float32
            Of any shape; not empty.

        Raises
        ------
        ValueError
            A value is not finite. Nothing is counted then.
        """
        flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
        low, high = float(flat.min()), float(flat.max())
        if not math.isfinite(high - low):
            raise ValueError("a value is not finite")
        self._widen(low, high)
        for start in range(0, flat.size, _COUNTED):
            self._count(flat[start : start + _COUNTED])

    def merge(self, other: Histogram) -> None:
        """Add what another histogram has counted; it stays as it is."""
        if other.high < other.low:
            return
        self._widen(other.low, other.high)
        self._counts += _coarser(other._counts, self.exponent - other.exponent)

    def bins(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return edges and counts, from the first bin in use to the last.

        Returns
        -------
        edges : ndarray of float64, shape (bins + 1,)
        counts : ndarray of int64, shape (bins,)
        """
        if self.high < self.low:
            return np.zeros(1), np.zeros(0, dtype=np.int64)
        first, last = (math.floor(math.ldexp(v, -self.exponent)) for v in (self.low, self.high))
        numbers = np.arange(first, last + 2)
        edges: NDArray[np.float64] = np.ldexp(numbers.astype(np.float64), self.exponent)
        return edges, self._counts[numbers[:-1] % (2 * _SIDE)]

    @classmethod
    def restored(
        cls, exponent: int, low: float, high: float, counts: NDArray[np.int64]
    ) -> Histogram:
        """Make a histogram again from its exponent, extremes, and the counts of :meth:`bins`.

        Raises
        ------
        ValueError
            They do not belong together.
        """
        histogram = cls()
        if not counts.size:
            return histogram
        histogram._widen(low, high)
        first = math.floor(math.ldexp(low, -exponent))
        if exponent != histogram.exponent or histogram.bins()[1].size != counts.size:
            raise ValueError("no such histogram")
        histogram._counts[np.arange(first, first + counts.size) % (2 * _SIDE)] = counts
        return histogram

    def _widen(self, low: float, high: float) -> None:
        """Take new extremes in, and merge bins until they fit."""
        self.low, self.high = min(self.low, low), max(self.high, high)
        # frexp: the largest value is below two to this exponent, and at least half of that.
        largest = max(abs(self.low), abs(self.high))
        needed = _FINEST
        if largest > 0:
            needed = max(math.frexp(largest)[1] - _SIDE.bit_length() + 1, _FINEST)
        if needed > self.exponent:
            self._counts = _coarser(self._counts, needed - self.exponent)
            self.exponent = needed

    def _count(self, flat: NDArray[np.float32]) -> None:
        numbers = np.empty(flat.size, dtype=np.int16)
        scaled = np.empty(min(_CHUNK, flat.size), dtype=np.float32)
        # A product with a power of two is exact, unless it is too small for a float32: of values
        # 30 orders of magnitude below the largest, a negative one counts as zero.
        scale = np.float32(math.ldexp(1.0, -self.exponent))
        for start in range(0, flat.size, _CHUNK):
            part = flat[start : start + _CHUNK]
            place = np.multiply(part, scale, out=scaled[: part.size])
            if self.low < 0:
                np.floor(place, out=place)
            numbers[start : start + part.size] = place
        if flat.size < _FEW:
            # A number below zero counts from the end, which is where its bin is.
            np.add.at(self._counts, numbers, 1)
            return
        # As pictures of two channels, low and high byte: what OpenCV counts by looking up.
        pixels = numbers.astype("<i2", copy=False).view(np.uint8).reshape(1, -1, 2)
        counted = cv2.calcHist([pixels], [1, 0], None, [256, 256], [0, 256, 0, 256])
        by_bytes = counted.reshape(-1).astype(np.int64)
        self._counts[:_SIDE] += by_bytes[:_SIDE]
        self._counts[_SIDE:] += by_bytes[-_SIDE:]


def _coarser(counts: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """Merge bins in pairs, this many times."""
    if not steps:
        return counts
    places = np.flatnonzero(counts)
    numbers = places.astype(np.int64)
    numbers[numbers >= _SIDE] -= 2 * _SIDE
    merged = np.zeros_like(counts)
    np.add.at(merged, (numbers >> min(steps, 63)) % (2 * _SIDE), counts[places])
    return merged
