"""R peaks: found in one pass over the signal, in time proportional to its length.

Candidates (:mod:`edgecnn.ecg.candidates`) are judged one after the other by a threshold between
the levels of recent beats and of what was no beat. A long pause lowers the threshold and looks
back for the best candidate passed over; a steep rise soon after a beat replaces a smaller one (a P
wave taken for a beat); a flat one is its T wave. The rules are those of Pan & Tompkins (1985,
doi:10.1109/TBME.1985.325532) and Hamilton & Tompkins (1986, doi:10.1109/TBME.1986.325695), the
numbers were fitted on 22 records of the MIT-BIH Arrhythmia Database (DS1 of de Chazal 2004).
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.candidates import CandidateFinder, Candidates

__all__ = ["PeakDetector", "find_r_peaks"]

#: No two beats lie closer; 250 a minute.
_REFRACTORY_S = 0.24
#: A candidate this soon after a beat may be its T wave ...
_T_WAVE_S = 0.36
#: ... and is one if it is less steep than this part of the beat.
_T_WAVE_SLOPE = 0.4
#: A beat this soon after a much smaller one replaces it: that was the P wave.
_P_WAVE_S = 0.28
_P_WAVE_GROWTH = 1.3
_P_WAVE_HEIGHT = 0.8
#: Within the refractory time a higher candidate replaces an ordinary beat.
_REPLACED_GROWTH = 1.1
_REPLACED_HEIGHT = 1.2
#: Thresholds between the level of noise (0) and of beats (1), and after a pause.
_THRESHOLD = 0.3
_LOWERED = 0.12
#: A pause is this many usual RR intervals, but not longer than the second.
_PAUSE_INTERVALS = 1.5
_LONGEST_PAUSE_S = 1.2
#: Every so long without a beat both levels fall: an artefact may have set them too high.
_FADING_S = 0.7
_FADING = 0.7
_LEARNING_S = 3.0
_HEIGHTS = 5
_TYPICAL_HEIGHT = 3
_INTERVALS = 8
_TYPICAL_INTERVAL = 4
_NOISE_GAIN = 0.2
_USUAL_INTERVAL_S = 0.8
_LONGEST_INTERVAL_S = 2.0

_Candidate = tuple[int, int, int]


def find_r_peaks(signal_uv: NDArray[np.int64], rate_hz: float) -> NDArray[np.int64]:
    """Find the R peaks of a whole signal.

    Parameters
    ----------
    signal_uv : ndarray of int64, shape (samples,)
        One lead in microvolts, of either polarity
        (see :func:`~edgecnn.preprocessing.boxcar.to_microvolts`).
    rate_hz : float
        Its sampling rate.

    Returns
    -------
    ndarray of int64, shape (beats,)
        Samples of the R peaks, rising.

    Examples
    --------
    >>> from edgecnn.ecg.synthetic import synthetic_ecg
    >>> signal_mv, beats, _ = synthetic_ecg(10, 360, seed=1)
    >>> peaks = find_r_peaks((signal_mv * 1000).astype(int), 360)
    >>> len(peaks) == len(beats), bool(abs(peaks - beats).max() < 10)
    (True, True)
    """
    detector = PeakDetector(rate_hz)
    return np.concatenate([detector.push(signal_uv), detector.flush()])


class PeakDetector:
    """Find R peaks in a stream; however it is cut, the peaks are the same.

    Attributes
    ----------
    settled : int
        No peak at a sample below this one is still to come.

    Parameters
    ----------
    rate_hz : float

    Notes
    -----
    A peak comes out when no larger candidate can replace it any more, about half a second after it.
    The first three seconds are learned from and come out at once. A beat found by looking back
    comes when the pause is over: 1.2 s and the finder's delay after the beat before it at the
    latest.
    """

    def __init__(self, rate_hz: float) -> None:
        self._finder = CandidateFinder(rate_hz)
        self._rate = rate_hz
        self._refractory = _REFRACTORY_S * rate_hz
        self._t_wave = _T_WAVE_S * rate_hz
        self._p_wave = _P_WAVE_S * rate_hz
        self._longest_interval = _LONGEST_INTERVAL_S * rate_hz
        self._longest_pause = _LONGEST_PAUSE_S * rate_hz
        self._learning: list[_Candidate] | None = []
        self._heights: deque[float] = deque(maxlen=_HEIGHTS)
        self._intervals: deque[float] = deque(
            [_USUAL_INTERVAL_S * rate_hz] * _INTERVALS, maxlen=_INTERVALS
        )
        self._typical = 0.0
        self._noise = 0.0
        self._passed_over: list[_Candidate] = []
        self._pause_ends = 0.0
        # The latest beat: still to be given out, or given out, or none so far.
        self._last: _Candidate | None = None
        self._pending = False
        self._final_from = 0.0
        self._peaks: list[int] = []
        self.settled = 0

    def push(self, chunk_uv: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take more samples in µV; return the peaks that have become certain."""
        self._judge(self._finder.push(chunk_uv))
        return self._given_out()

    def flush(self) -> NDArray[np.int64]:
        """End the stream; return the peaks that are left."""
        self._judge(self._finder.flush())
        if self._learning:
            self._learn()
        if self._pending and self._last is not None:
            self._peaks.append(self._last[0])
            self._pending = False
        return self._given_out()

    def _given_out(self) -> NDArray[np.int64]:
        peaks = np.array(self._peaks, dtype=np.int64)
        self._peaks.clear()
        return peaks

    def _judge(self, found: Candidates) -> None:
        candidates = zip(
            found.positions.tolist(), found.heights.tolist(), found.slopes.tolist(), strict=True
        )
        frontier = self._finder.settled
        if self._learning is not None:
            self._learning.extend(candidates)
            if not self._learning:
                self.settled = frontier
                return
            if frontier <= self._learning[0][0] + _LEARNING_S * self._rate:
                return
            self._learn()
        else:
            for candidate in candidates:
                self._consider(candidate)
        # Time passes without candidates, too.
        if self._pause_ends < frontier:
            self._look_back()
        if self._pending and self._last is not None and frontier >= self._final_from:
            self._peaks.append(self._last[0])
            self._pending = False
        if self._pending and self._last is not None:
            self.settled = min(frontier, self._last[0])
        elif self._passed_over:
            self.settled = min(frontier, min(self._passed_over)[0])
        else:
            self.settled = frontier

    def _learn(self) -> None:
        """Set the levels by the first seconds, then judge these."""
        learned, self._learning = self._learning or [], None
        begin = learned[0][0]
        until = begin + _LEARNING_S * self._rate
        heights = sorted(height for position, height, _ in learned if position < until)
        self._heights.extend([0.8 * heights[int(0.9 * (len(heights) - 1))]] * _HEIGHTS)
        self._typical = self._heights[0]
        self._noise = 0.5 * heights[int(0.3 * (len(heights) - 1))] if len(heights) > 2 else 0.0
        self._pause_ends = until
        for candidate in learned:
            self._consider(candidate)

    def _consider(self, candidate: _Candidate) -> None:
        position, height, slope = candidate
        last = self._last
        late = position > self._pause_ends
        if late:
            self._look_back()
            self._fade(position)
            late, last = position > self._pause_ends, self._last
        since = position - last[0] if last is not None else float("inf")
        if last is not None and since < self._p_wave:
            before = last[1]
            if (
                since < self._refractory
                and height > _REPLACED_GROWTH * before
                and before < _REPLACED_HEIGHT * self._typical
            ) or (height > _P_WAVE_GROWTH * before and before < _P_WAVE_HEIGHT * self._typical):
                self._replace(candidate)
                return
            if since < self._refractory:
                return
        noise = self._noise
        part = _LOWERED if late else _THRESHOLD
        if height >= noise + part * (self._typical - noise):
            if last is None or since >= self._t_wave or slope >= _T_WAVE_SLOPE * last[2]:
                self._passed_over.clear()
                self._accept(candidate)
            return
        self._noise = noise + (height - noise) * _NOISE_GAIN
        if not late and since > self._t_wave and height >= _LOWERED * self._typical:
            self._passed_over.append(candidate)

    def _look_back(self) -> None:
        """After a pause, take the best candidate in it if it reaches the lower threshold."""
        while self._passed_over:
            best = max(self._passed_over, key=lambda candidate: candidate[1])
            threshold = self._noise + _LOWERED * (self._typical - self._noise)
            if best[1] < threshold:
                self._passed_over.clear()
                return
            earliest = best[0] + self._t_wave
            self._passed_over = [c for c in self._passed_over if c[0] > earliest]
            pause_ended = self._pause_ends
            self._accept(best)
            if self._pause_ends >= pause_ended:
                return

    def _fade(self, position: int) -> None:
        step = _FADING_S * self._rate
        while self._pause_ends + step < position and self._typical > 1:
            self._pause_ends += step
            self._heights = deque((_FADING * h for h in self._heights), maxlen=_HEIGHTS)
            self._typical *= _FADING
            self._noise *= _FADING

    def _accept(self, candidate: _Candidate) -> None:
        last = self._last
        if last is not None:
            if self._pending:
                self._peaks.append(last[0])
            interval = candidate[0] - last[0]
            if interval < self._longest_interval:
                self._intervals.append(interval)
        self._heights.append(candidate[1])
        self._become_last(candidate)

    def _replace(self, candidate: _Candidate) -> None:
        self._heights[-1] = candidate[1]
        self._become_last(candidate)

    def _become_last(self, candidate: _Candidate) -> None:
        position, height, _ = candidate
        self._last, self._pending = candidate, True
        self._typical = typical = sorted(self._heights)[_TYPICAL_HEIGHT]
        pause = _PAUSE_INTERVALS * sorted(self._intervals)[_TYPICAL_INTERVAL]
        self._pause_ends = position + min(pause, self._longest_pause)
        # How long a later candidate could still replace it.
        replaceable = self._p_wave if height < _P_WAVE_HEIGHT * typical else 0.0
        if height < _REPLACED_HEIGHT * typical and replaceable < self._refractory:
            replaceable = self._refractory
        self._final_from = position + replaceable
