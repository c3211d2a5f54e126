"""Rhythms that few records hold, put together of beats that were recorded.

Half of MIT-BIH has no record whose rhythm is mostly ectopic, and little fibrillation. Both can be
imagined: real beats, in another order or at other intervals, with the classes that they have. A
network that learns from these too can't lean on what all its patients happen to share: that the
usual beat is normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.window_sums import Integers

__all__ = ["RecordedBeats", "imagine_bursts", "imagine_fibrillation"]

_N, _S, _V = 0, 1, 2
#: Beats that a rhythm starts with, before the first burst.
_CALM = 12
#: Fewer ectopic beats of a person, or pauses after them, are no rhythm.
_FEWEST_ECTOPIC, _FEWEST_PAUSES = 8, 4
#: The atrioventricular node lets nothing through sooner.
_REFRACTORY_S = 0.28


@dataclass(frozen=True)
class RecordedBeats:
    """Beats of one record.

    Attributes
    ----------
    windows : ndarray of int, shape (beats, samples)
        Filtered, around the R peaks.
    intervals : ndarray of int64, shape (beats,)
        Samples since the beat before.
    classes : ndarray of int64, shape (beats,)
        Places among N, S, V and F; -1 for a beat that is not learnt from.
    """

    windows: Integers
    intervals: NDArray[np.int64]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def peaks(self) -> NDArray[np.int64]:
        """R peaks that lie so far apart, the first at 0."""
        return np.cumsum(self.intervals) - self.intervals[:1]


def imagine_bursts(
    record: RecordedBeats, count: int, random: np.random.Generator
) -> RecordedBeats | None:
    """Put a person's supraventricular ectopic beats together to bursts, with pauses between.

    Each beat keeps the interval before it, as its ectopic focus or sinus node had it; the normal
    beat after a burst waits up to 2.4 times as long as it did, and some more may follow.

    Returns
    -------
    RecordedBeats or None
        About ``count`` beats; None of a record with fewer than 8 such beats.
    """
    classes = record.classes
    previous = np.concatenate([[-1], classes[:-1]])
    at = np.arange(len(record))
    ectopic = np.flatnonzero((classes == _S) & (at > 0))
    pauses = np.flatnonzero((classes == _N) & (previous == _S))
    calm = np.flatnonzero((classes == _N) & (previous == _N))
    if len(ectopic) < _FEWEST_ECTOPIC or len(pauses) < _FEWEST_PAUSES or len(calm) <= 10 * _CALM:
        return None
    beats_of_burst, beats_between = random.uniform(0, 6), random.exponential(2)
    waits = random.uniform(1, 2.2)
    chosen = _stretch(calm, _CALM, random)
    intervals = record.intervals[chosen].tolist()
    order = chosen.tolist()
    place = int(random.integers(len(ectopic)))
    while len(order) < count:
        for _ in range(1 + int(random.poisson(beats_of_burst))):
            # One after the other, as they came; now and then from elsewhere.
            place = int(random.integers(len(ectopic))) if random.random() < 0.1 else place + 1
            order.append(int(ectopic[place % len(ectopic)]))
            intervals.append(int(record.intervals[order[-1]]))
        order.append(int(pauses[random.integers(len(pauses))]))
        intervals.append(round(record.intervals[order[-1]] * waits * random.uniform(0.9, 1.1)))
        between = _stretch(calm, min(int(random.poisson(beats_between)), 10 * _CALM), random)
        order += between.tolist()
        intervals += record.intervals[between].tolist()
    taken = np.array(order)
    return RecordedBeats(record.windows[taken], np.array(intervals, dtype=np.int64), classes[taken])


def imagine_fibrillation(
    record: RecordedBeats, count: int, spec: BeatInput, random: np.random.Generator
) -> RecordedBeats | None:
    """Let a person's atria fibrillate: no two intervals are alike, and mostly no P wave is left.

    Every other time the person's ventricular beats are among them.

    Returns
    -------
    RecordedBeats or None
        At most ``count`` beats; None of a record without normal ones.
    """
    kinds = (_N,) if random.random() < 0.5 else (_N, _V)
    members = np.flatnonzero(np.isin(record.classes, kinds))
    if not (record.classes == _N).any():
        return None
    taken = _stretch(members, min(count, len(members)), random)
    classes = record.classes[taken]
    seconds = _irregular_s(len(taken), random)
    ventricular = classes == _V
    early = random.uniform(0.33, 0.6, len(taken))
    seconds[ventricular] = np.minimum(seconds, early)[ventricular]
    windows = record.windows[taken]
    if random.random() < 0.6:
        windows = _without_p_wave(windows, spec, random)
    intervals = np.rint(seconds * spec.sampling_rate_hz).astype(np.int64)
    return RecordedBeats(windows, intervals, classes)


def _stretch(
    members: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return so many of them, from a random one on."""
    start = int(random.integers(max(1, len(members) - count)))
    return members[start : start + count]


def _irregular_s(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw RR intervals that follow a gamma distribution, each its own."""
    mean, variation = random.uniform(0.45, 0.95), random.uniform(0.12, 0.3)
    shape = variation**-2
    drawn = random.gamma(shape, mean / shape, count)
    return np.maximum(drawn, _REFRACTORY_S + 0.02 * random.random(count))


def _without_p_wave(windows: Integers, spec: BeatInput, random: np.random.Generator) -> Integers:
    """Put a line with fibrillatory waves where the P wave was."""
    rate = spec.sampling_rate_hz
    start, stop = max(0, spec.before - round(0.25 * rate)), spec.before - round(rate / 18)
    if stop - start < 2:
        return windows
    changed = windows.astype(np.float64)
    edge = max(1, round(rate / 60))
    left = changed[:, max(0, start - edge) : start + 1].mean(axis=1)[:, None]
    right = changed[:, stop : stop + max(1, edge // 2)].mean(axis=1)[:, None]
    along = np.linspace(0, 1, stop - start)
    size = np.sqrt((changed * changed).mean(axis=1)).mean()
    turns = random.uniform(5, 8) * np.arange(stop - start) / rate
    phase = random.uniform(0, 1, (len(windows), 1))
    waves = random.uniform(0, 0.15) * size * np.sin(2 * np.pi * (turns + phase))
    waves += 0.02 * size * random.standard_normal(waves.shape)
    # Nothing jumps at the ends.
    fading = np.sin(np.pi * along) ** 0.3
    changed[:, start:stop] = left * (1 - along) + right * along + waves * fading
    return np.rint(changed).astype(np.int64)
