"""What a live ECG is watched for: heart rate, rolling figures, and the alarms on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.alarms import AlarmEvent, AlarmLimits, Alarms
from edgecnn.ecg.rolling import RollingFigures, RollingStatistics
from edgecnn.ecg.signal_quality import SignalState

__all__ = ["EcgWatch"]

#: A run of ventricular beats is over in a moment; its alarm stays for so long.
_RUN_SHOWN_S = 10.0
#: Beats without which a share of them says little.
_LEAST_BEATS = 30
#: RR intervals that the heart rate is the mean of, and the longest that counts as one.
_RATE_INTERVALS = 8
_LONGEST_INTERVAL_S = 3.0
#: Fewer ring no alarm: of two or three, one early beat makes a fast heart.
_LEAST_INTERVALS = 4
#: Without a beat for so long, the last one says nothing about now.
_SILENT_S = 4.0


class EcgWatch:
    """Follows one stream's beats, gaps and noise.

    Beats in noise may be none: they and the intervals over it count for nothing, and where beats
    may be hidden, the alarms about them are held: they stay on or off until the signal is of use.

    Parameters
    ----------
    labels : tuple of str
        The model's classes.
    rate_hz : float
        Of the samples that beats and gaps are counted in.
    limits : mapping of str to AlarmLimits
        From :func:`~edgecnn.ecg.alarms.alarm_limits`.
    """

    def __init__(
        self, labels: tuple[str, ...], rate_hz: float, limits: Mapping[str, AlarmLimits]
    ) -> None:
        self._rate_hz = rate_hz
        self._rolling = RollingStatistics(labels, rate_hz)
        self._alarms = Alarms(limits)
        self._received = self._judged = 0
        self._gap = self._signal_since = 0
        self._run, self._run_until = 0, 0
        self._state = SignalState.GOOD
        # Beats of which it is not known yet whether they lie in noise.
        self._waiting: deque[tuple[int, int]] = deque()
        self._hidden_until = 0
        self._newest_beat: int | None = None
        self._intervals: deque[int] = deque(maxlen=_RATE_INTERVALS)

    def take(self, valid: NDArray[np.bool_]) -> None:
        """Take the next samples' validity, shape ``(samples,)``."""
        self._rolling.mark(self._received, valid)
        self._received += valid.size
        seen, lost = np.flatnonzero(valid), np.flatnonzero(~valid)
        self._gap = valid.size - 1 - int(seen[-1]) if seen.size else self._gap + valid.size
        if lost.size:
            self._signal_since = self._received - valid.size + int(lost[-1]) + 1

    def beat(self, sample: int, index: int) -> None:
        """Take the next beat: its sample and the place of its class in the labels, or -1."""
        self._waiting.append((sample, index))

    def judge(
        self, judged: int | None, state: SignalState, doubtful: Iterable[tuple[int, int, bool]]
    ) -> None:
        """Learn what the signal is good for.

        Parameters
        ----------
        judged : int or None
            Samples that it is known of; None at the end, when nothing more will be.
        state : SignalState
            Of the last of them.
        doubtful : iterable of (int, int, bool)
            The stretches, among those that are new, in which what looks like a beat may be none;
            and whether beats may be hidden there.
        """
        self._state = state
        for first, stop, hides in doubtful:
            self._rolling.doubt(first, stop, hides=hides)
            if hides:
                self._hidden_until = stop
        self._judged = self._received if judged is None else judged
        while self._waiting and (judged is None or self._waiting[0][0] < judged):
            self._count(*self._waiting.popleft())

    def _count(self, sample: int, index: int) -> None:
        self._rolling.add(sample, index)
        if self._rolling.is_noise(sample):
            return
        run = self._rolling.figures().pvc_run
        if run >= self._run or sample > self._run_until:
            self._run = run
            self._run_until = sample + round(_RUN_SHOWN_S * self._rate_hz)
        before, self._newest_beat = self._newest_beat, sample
        if before is None:
            return
        if self._rolling.has_gap(before, sample):
            # Beats may be missing in it, and what was before is no longer the rate of now.
            self._intervals.clear()
        elif sample - before <= _LONGEST_INTERVAL_S * self._rate_hz:
            self._intervals.append(sample - before)

    @property
    def waits(self) -> bool:
        """Whether there are beats that do not count yet."""
        return bool(self._waiting)

    @property
    def heart_rate_bpm(self) -> float | None:
        """The mean rate of the last intervals; None without a beat of late, and in noise."""
        newest = self._newest_beat
        if newest is None or self._received - newest > _SILENT_S * self._rate_hz:
            return None
        if not self._intervals or self.holds:
            return None
        return round(60 * self._rate_hz * len(self._intervals) / sum(self._intervals), 1)

    @property
    def holds(self) -> bool:
        """Whether alarms are held."""
        return self._state.hides_beats

    @property
    def signal_since(self) -> int:
        """Where the signal began, or came back after the last sample without one."""
        return self._signal_since

    @property
    def no_signal_s(self) -> float:
        """For how long there is no signal by now."""
        return self._gap / self._rate_hz

    @property
    def figures(self) -> RollingFigures:
        """The figures by now."""
        return self._rolling.figures()

    @property
    def ringing(self) -> tuple[str, ...]:
        """What is on, for people."""
        return self._alarms.titles

    def look(
        self, *, settled: int, newest_peak: int | None, poor_s: float = 0.0
    ) -> list[AlarmEvent]:
        """Compare the values of this moment with the limits.

        Parameters
        ----------
        settled : int
            Samples up to which all R peaks are known.
        newest_peak : int or None
        poor_s : float
            For how long the signal is of no use.
        """
        values: dict[str, float | None] = {
            "no-signal": self._gap / self._rate_hz,
            "poor-signal": poor_s,
        }
        if not self.holds:
            values |= self._of_beats(settled, newest_peak)
        return self._alarms.update(round(self._received / self._rate_hz, 3), values)

    def _of_beats(self, settled: int, newest_peak: int | None) -> dict[str, float | None]:
        if self._state is SignalState.QUIET:
            # What is found in it is no beat: only what is known to be one ends the pause.
            settled, newest_peak = self._judged, self._newest_beat
        since = max(self._signal_since, self._hidden_until, newest_peak or 0)
        figures = self.figures
        enough = figures.classified >= _LEAST_BEATS
        values: dict[str, float | None] = {
            "pause": None if self._gap else max(0.0, (settled - since) / self._rate_hz),
            "v-run": self._run if self._received <= self._run_until else 0,
            "pvc-burden": figures.pvc_burden_percent if enough else None,
        }
        rate = self.heart_rate_bpm
        # Shortly behind noise no beat was due yet, and what there was before it still holds.
        is_due = self._received - self._hidden_until > _SILENT_S * self._rate_hz
        if (rate is None and is_due) or (rate and len(self._intervals) >= _LEAST_INTERVALS):
            values |= {"tachycardia": rate, "bradycardia": rate}
        return values

    def rows(self, events: list[AlarmEvent]) -> dict[str, Any]:
        """Return the keys of a frame's JSON line."""
        figures = self.figures
        return {
            "sdnn_ms": _rounded(figures.sdnn_ms, 1),
            "rmssd_ms": _rounded(figures.rmssd_ms, 1),
            "pvc_burden_percent": _rounded(figures.pvc_burden_percent, 3),
            "alarms": self._alarms.rows(),
            "alarms_held": self.holds,
            "alarm_events": [asdict(event) for event in events],
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
