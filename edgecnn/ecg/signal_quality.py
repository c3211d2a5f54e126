"""Whether beats can be told from the rest of a signal, half a second at a time.

One judge for scoring and for live streams: what it says of a half second depends on the signal up
to a second behind it; how the stream was cut into chunks makes no difference.

In a signal of use, the QRS complexes stand out: most of the time there is much less in their band.
In noise there is as much all the time, and it changes as fast as the band allows. Ventricular
flutter and fibrillation are as even, but slow: they are not taken for noise. The idea is that of
the kurtosis and the spectral indices of Li, Mark, Clifford 2008 (doi:10.1088/0967-3334/29/1/002),
in a form that costs little; the limits were fitted on DS1 of the MIT-BIH Arrhythmia Database, with
and without noise added to it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.stretches import FLAT_MV

__all__ = ["BLOCK_S", "SignalQuality", "SignalState", "States"]


class SignalState(IntEnum):
    """What half a second of a signal is good for."""

    GOOD = 0
    #: There is none.
    LOST = 1
    #: It does not move, for two seconds or more.
    FLAT = 2
    #: It stays at the ends of the converter's range.
    SATURATED = 3
    #: So much noise that beats may be hidden in it.
    NOISE = 4
    #: Small noise and no beat that stands out: a pause, or an electrode that came off.
    QUIET = 5

    @property
    def hides_beats(self) -> bool:
        """Whether there may be beats that nobody can see."""
        return self in (SignalState.SATURATED, SignalState.NOISE)

    @property
    def feigns_beats(self) -> bool:
        """Whether what looks like a beat may be none."""
        return self in (SignalState.SATURATED, SignalState.NOISE, SignalState.QUIET)


#: What is judged together.
BLOCK_S = 0.5
#: Samples are averaged over this long, which leaves what the search for R peaks looks at, and no
#: hum of 50 Hz.
_BIN_S = 0.02
#: Bins that one level is the mean of: as long as a QRS complex.
_LEVEL_BINS = 5
#: Bins over which the slow level is taken.
_SLOW_BINS = 3
#: Blocks that a block is judged with: before it, and behind it.
_BEFORE, _BEHIND = 1, 2
_FLAT_BLOCKS = 4
#: Blocks before it that are kept.
_KEPT = max(_BEFORE, _FLAT_BLOCKS - 1)
#: Noise begins where the usual level by the highest one, and the fast by the slow one, are above
#: the first two, and goes on while they are above the others.
_EVEN, _FAST = 0.4, 0.6
_STILL_EVEN, _STILL_FAST = 0.26, 0.45
#: What is as even as this may be slower: hum.
_VERY_EVEN, _QUITE_FAST = 0.75, 0.33
#: Blocks that noise lasts longer: what comes behind it is in sight of the last ones of it.
_LINGERS = 2
#: By the highest level of the clear blocks before, and in mV: noise that is less hides no beat.
_SMALL, _SMALL_MV = 0.15, 0.015
_CLEAR_BLOCKS = 8
#: Slow level, likewise: where nothing is more, there is no beat, nor any flutter.
_TINY, _LEAST_MV = 0.08, 0.01
#: So long without a beat, what was before is not the measure any more.
_FORGOTTEN_BLOCKS = 60
#: Share of a block at the ends of the converter's range, of every so manieth sample.
_SATURATED_SHARE, _GLANCE = 0.5, 5

States = NDArray[np.int8]
_GOOD, _NOISE, _QUIET = (
    np.int8(state) for state in (SignalState.GOOD, SignalState.NOISE, SignalState.QUIET)
)
_Levels = NDArray[np.floating]
_Flags = NDArray[np.bool_]


class SignalQuality:
    """Judge one lead piece by piece.

    Parameters
    ----------
    rate_hz : float

    Attributes
    ----------
    block : int
        Samples that are judged together.
    judged : int
        Samples that a state is known of.

    Examples
    --------
    >>> quality = SignalQuality(250)
    >>> states = quality.push(np.random.default_rng(0).normal(0, 0.3, 2500))
    >>> SignalState(states[3]).name, quality.judged / 250
    ('NOISE', 9.0)
    """

    def __init__(self, rate_hz: float) -> None:
        self.block = max(2, round(BLOCK_S * rate_hz))
        self.judged = 0
        self._bin = max(1, round(_BIN_S * rate_hz))
        self._rest: NDArray[np.floating] = np.empty(0)
        self._limits = (np.inf, -np.inf)
        # Of the blocks that are not judged yet, and of those before that it takes to judge them.
        self._known: _Blocks | None = None
        self._past = 0
        # Whether there was noise up to here, and for how many blocks it lasts without any.
        self._in_noise = False
        self._lingers = 0
        # Highest levels of the last clear blocks, and how long nothing comes near them.
        self._tops: deque[float] = deque(maxlen=_CLEAR_BLOCKS)
        self._slow_tops: deque[float] = deque(maxlen=_CLEAR_BLOCKS)
        self._tiny = 0

    def push(self, chunk_mv: NDArray[np.floating]) -> States:
        """Take more samples in millivolts, NaN where there is no signal.

        Returns
        -------
        ndarray of int8, shape (blocks,)
            :class:`SignalState` of the blocks that can be judged now.
        """
        signal = np.concatenate([self._rest, chunk_mv]) if self._rest.size else chunk_mv
        count = signal.size // self.block
        self._rest = signal[count * self.block :].copy()
        if count:
            new = self._looked_at(signal[: count * self.block].reshape(count, self.block))
            self._known = new if self._known is None else self._known.joined(new)
        return self._judge(is_end=False)

    def flush(self) -> States:
        """End the stream; return the states of the last whole blocks."""
        return self._judge(is_end=True)

    def _looked_at(self, blocks: NDArray[np.floating]) -> _Blocks:
        """Take what is known of each block by itself."""
        bins = self.block // self._bin
        parts = blocks[:, : bins * self._bin].reshape(len(blocks), bins, self._bin)
        sums = parts[:, :, 0].copy()
        for place in range(1, self._bin):
            sums += parts[:, :, place]
        averages = np.ascontiguousarray(sums.T)
        averages /= self._bin
        moves = np.max(averages, axis=0) - np.min(averages, axis=0)
        flat = moves < FLAT_MV
        if flat.any():
            chosen = blocks[flat]
            flat[flat] = chosen.max(axis=1) - chosen.min(axis=1) < FLAT_MV
        return _Blocks(
            fast=_levels(averages, 1),
            slow=_levels(averages, _SLOW_BINS),
            lost=np.isnan(moves),
            flat=flat,
            saturated=self._at_limits(blocks),
        )

    def _at_limits(self, blocks: NDArray[np.floating]) -> _Flags:
        """Say which blocks are mostly at the lowest and highest value so far."""
        # Written so that NaN, which is neither, leads to the closer look.
        if blocks.min() > self._limits[0] and blocks.max() < self._limits[1]:
            return np.zeros(len(blocks), dtype=bool)
        blocks = blocks[:, ::_GLANCE]
        low, high = np.fmin.reduce(blocks, axis=1), np.fmax.reduce(blocks, axis=1)
        lowest = np.fmin.accumulate(np.append(self._limits[0], low))[1:]
        highest = np.fmax.accumulate(np.append(self._limits[1], high))[1:]
        self._limits = (float(lowest[-1]), float(highest[-1]))
        saturated: _Flags = (low == lowest) | (high == highest)
        chosen = np.flatnonzero(saturated)
        if chosen.size:
            part = blocks[chosen]
            at = (part == lowest[chosen, None]) | (part == highest[chosen, None])
            saturated[chosen] = at.mean(axis=1) > _SATURATED_SHARE
        return saturated

    def _judge(self, *, is_end: bool) -> States:
        known, past = self._known, self._past
        count = 0 if known is None else len(known) - past - (0 if is_end else _BEHIND)
        if known is None or count <= 0:
            return np.empty(0, dtype=np.int8)
        here = slice(past, past + count)
        states = self._noise(known, past, count)
        states[known.saturated[here]] = SignalState.SATURATED
        states[_in_runs(known.flat, past, count)] = SignalState.FLAT
        states[known.lost[here]] = SignalState.LOST
        self.judged += count * self.block
        keep = max(0, past + count - _KEPT)
        self._known = known.since(keep)
        self._past = past + count - keep
        return states

    def _noise(self, known: _Blocks, past: int, count: int) -> States:
        """Say in which blocks there is noise."""
        fast, slow = (_around(levels, past, count) for levels in (known.fast, known.slow))
        top, slow_top = np.fmax.reduce(fast, axis=0), np.fmax.reduce(slow, axis=0)
        usual, even, quick = np.zeros(count), np.zeros(count), np.zeros(count)
        # Most blocks are clear; of the others it is worth knowing more.
        above = np.count_nonzero(fast > _STILL_EVEN * top, axis=0)
        uneven = np.flatnonzero(2 * above >= np.count_nonzero(np.isfinite(fast), axis=0))
        if uneven.size:
            usual[uneven] = _median(fast[:, uneven])
            with np.errstate(divide="ignore", invalid="ignore"):
                even[uneven] = usual[uneven] / top[uneven]
                quick[uneven] = usual[uneven] / _median(slow[:, uneven])
        begins = (even > _EVEN) & (quick > _FAST) | (even > _VERY_EVEN) & (quick > _QUITE_FAST)
        goes_on = begins | (even > _STILL_EVEN) & (quick > _STILL_FAST)
        least = max(
            _LEAST_MV, _TINY * max([0.0, *self._slow_tops, float(np.nanmax(slow_top, initial=0.0))])
        )
        odd = np.flatnonzero(goes_on | (slow_top < least))
        columns = (begins, goes_on, top, slow_top, usual)
        rows: list[tuple[bool, bool, float, float, float]] = []
        states, at = np.full(count, _GOOD), 0
        while at < count:
            if not (self._lingers or self._in_noise):
                # Clear blocks up to the next odd one: only the last few leave something behind.
                place = int(np.searchsorted(odd, at))
                until = int(odd[place]) if place < odd.size else count
                self._pass_over(top[at:until], slow_top[at:until])
                at = until
                if at == count:
                    break
            if not rows:
                rows = list(zip(*(column.tolist() for column in columns), strict=True))
            states[at] = self._next(_Block(*rows[at]))
            at += 1
        return states

    def _pass_over(self, top: _Levels, slow_top: _Levels) -> None:
        """Take clear blocks, as :meth:`_next` takes each."""
        if not top.size:
            return
        seen = np.flatnonzero(top > 0)[-_CLEAR_BLOCKS:]
        self._tops.extend(top[seen].tolist())
        self._slow_tops.extend(slow_top[seen].tolist())
        self._tiny = 0

    def _next(self, block: _Block) -> np.int8:
        """Follow noise and the levels of beats through one more block."""
        least = max(_LEAST_MV, _TINY * median(self._slow_tops)) if self._slow_tops else _LEAST_MV
        self._in_noise = block.begins or (block.goes_on and self._in_noise)
        is_tiny = block.slow_top < least
        self._tiny = self._tiny + 1 if is_tiny else 0
        if self._tiny > _FORGOTTEN_BLOCKS:
            self._tops.clear()
            self._slow_tops.clear()
        if is_tiny:
            return _QUIET
        if self._in_noise:
            known = _SMALL * median(self._tops) if self._tops else 0.0
            is_small = block.usual < max(_SMALL_MV, known)
            self._lingers = 0 if is_small else _LINGERS
            return _QUIET if is_small else _NOISE
        if not block.goes_on and block.top > 0:
            self._tops.append(block.top)
            self._slow_tops.append(block.slow_top)
        if self._lingers:
            self._lingers -= 1
            return _NOISE
        return _GOOD


class _Block(NamedTuple):
    """Whether noise begins or goes on, the highest levels in sight, and the usual one."""

    begins: bool
    goes_on: bool
    top: float
    slow_top: float
    usual: float


@dataclass(frozen=True, eq=False)
class _Blocks:
    """What is known of blocks: levels, shape ``(levels, blocks)``, and flags."""

    fast: _Levels
    slow: _Levels
    lost: _Flags
    flat: _Flags
    saturated: _Flags

    def __len__(self) -> int:
        return len(self.lost)

    def joined(self, other: _Blocks) -> _Blocks:
        return _Blocks(
            np.concatenate([self.fast, other.fast], axis=1),
            np.concatenate([self.slow, other.slow], axis=1),
            np.concatenate([self.lost, other.lost]),
            np.concatenate([self.flat, other.flat]),
            np.concatenate([self.saturated, other.saturated]),
        )

    def since(self, first: int) -> _Blocks:
        return _Blocks(
            self.fast[:, first:],
            self.slow[:, first:],
            self.lost[first:],
            self.flat[first:],
            self.saturated[first:],
        )


def _levels(averages: _Levels, lag: int) -> _Levels:
    """Return means of the curvature over ``lag`` bins, shape ``(levels, blocks)``."""
    curved = averages[: -2 * lag] + averages[2 * lag :]
    curved *= -0.5
    curved += averages[lag:-lag]
    np.abs(curved, out=curved)
    count = len(curved) // _LEVEL_BINS
    parts = curved[: count * _LEVEL_BINS].reshape(count, _LEVEL_BINS, -1)
    levels: _Levels = parts.sum(axis=1)
    levels /= _LEVEL_BINS
    return levels


def _around(levels: _Levels, first: int, count: int) -> _Levels:
    """Put the levels of each block and its neighbours below each other; NaN beyond the ends."""
    size = len(levels)
    around = np.full(((_BEFORE + _BEHIND + 1) * size, count), np.nan)
    for row, away in enumerate(range(-_BEFORE, _BEHIND + 1)):
        begin, end = max(0, first + away), min(levels.shape[1], first + away + count)
        if end > begin:
            at = begin - first - away
            around[row * size : (row + 1) * size, at : at + end - begin] = levels[:, begin:end]
    return around


def _median(levels: _Levels) -> _Levels:
    """Return the upper median of each column, NaN left out; 0 of a column that is mostly these."""
    ordered = np.sort(levels, axis=0)
    known = np.isfinite(ordered).sum(axis=0)
    middle: _Levels = ordered[known // 2, np.arange(levels.shape[1])]
    return np.where(2 * known > len(levels), middle, 0.0)


def _in_runs(flags: _Flags, first: int, count: int) -> _Flags:
    """Say which blocks are of a run of :data:`_FLAT_BLOCKS` that is known when they are judged."""
    before = _FLAT_BLOCKS - 1
    if not flags.any():
        return np.zeros(count, dtype=bool)
    padded = np.pad(flags, (before, _BEHIND))

    def at(away: int) -> _Flags:
        start = first + before + away
        return padded[start : start + count]

    length = at(0).astype(np.int64)
    for step, farthest in ((-1, before), (1, _BEHIND)):
        unbroken = at(0)
        for away in range(1, farthest + 1):
            unbroken = unbroken & at(step * away)
            length += unbroken
    return length >= _FLAT_BLOCKS
