"""Formats 16 and 212 of WFDB signal files (WFDB Applications Guide, ``signal(5)``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["INVALID", "SignalFile", "samples_held"]

#: The step that stands for "no sample" in each format.
INVALID = {"16": -(1 << 15), "212": -(1 << 11)}


def samples_held(size: int, form: str, signals: int) -> int:
    """Return how many samples of each signal so many bytes hold."""
    if form == "16":
        return size // (2 * signals)
    # Two samples share three bytes; a last odd one takes two.
    return (size // 3 * 2 + (size % 3 == 2)) // signals


@dataclass(frozen=True)
class SignalFile:
    """A signal file: its signals lie in it sample by sample, one after the other.

    Attributes
    ----------
    path : Path
    form : str
        ``"16"`` or ``"212"``.
    offset : int
        Bytes before the first sample.
    signals : int
        That the file holds.
    """

    path: Path
    form: str
    offset: int
    signals: int

    def steps(self, first: int, stop: int, places: list[int]) -> list[NDArray[np.int16]]:
        """Read the samples ``first..stop`` of some signals.

        Returns
        -------
        list of ndarray of int16, shapes (stop - first,)
            Steps of the converter.
        """
        if self.form == "16":
            return self._decode_16(first, stop - first, places)
        return self._decode_212(first, stop - first, places)

    def _decode_16(self, first: int, samples: int, places: list[int]) -> list[NDArray[np.int16]]:
        raw = np.fromfile(
            self.path,
            dtype="<i2",
            count=samples * self.signals,
            offset=self.offset + 2 * first * self.signals,
        )
        frames = raw.reshape(samples, self.signals)
        # What follows reads each signal three times, and half as fast with others in between.
        return [np.ascontiguousarray(frames[:, place]) for place in places]

    def _decode_212(self, first: int, samples: int, places: list[int]) -> list[NDArray[np.int16]]:
        # Three bytes hold two samples: reading begins at an even one.
        odd = first * self.signals % 2
        total = samples * self.signals + odd
        raw = np.fromfile(
            self.path,
            dtype=np.uint8,
            count=(total * 3 + 1) // 2,
            offset=self.offset + (first * self.signals - odd) // 2 * 3,
        )
        if raw.size % 3:
            raw = np.append(raw, np.uint8(0))
        triples = raw.reshape(-1, 3)
        if self.signals == 2:
            return [_half_212(triples, place) for place in places]
        both = np.empty((len(triples), 2), dtype=np.int16)
        both[:, 0], both[:, 1] = _half_212(triples, 0), _half_212(triples, 1)
        frames = both.reshape(-1)[odd:total].reshape(samples, self.signals)
        return [frames[:, place] for place in places]


def _half_212(triples: NDArray[np.uint8], which: int) -> NDArray[np.int16]:
    """First or second 12-bit sample of each three bytes, its sign extended."""
    middle = triples[:, 1].astype(np.int16)
    high = middle << 12 if which == 0 else (middle & 0xF0) << 8
    low = triples[:, 0 if which == 0 else 2].astype(np.int16) << 4
    steps: NDArray[np.int16] = (high | low) >> 4
    return steps
