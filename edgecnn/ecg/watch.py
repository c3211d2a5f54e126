"""What a live ECG is watched for: rolling figures, and the alarms on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.alarms import AlarmEvent, AlarmLimits, Alarms
from edgecnn.ecg.rolling import RollingFigures, RollingStatistics

__all__ = ["EcgWatch"]

#: A run of ventricular beats is over in a moment; its alarm stays for so long.
_RUN_SHOWN_S = 10.0
#: Beats without which a share of them says little.
_LEAST_BEATS = 30


class EcgWatch:
    """Follows one stream's beats and gaps.

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
        self._received = 0
        self._gap = self._signal_since = 0
        self._run, self._run_until = 0, 0

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
        self._rolling.add(sample, index)
        run = self._rolling.figures().pvc_run
        if run >= self._run or sample > self._run_until:
            self._run = run
            self._run_until = sample + round(_RUN_SHOWN_S * self._rate_hz)

    def has_gap(self, first: int, stop: int) -> bool:
        """Say whether there is a sample without signal between two beats of the last minutes."""
        return self._rolling.has_gap(first, stop)

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
        self, heart_rate_bpm: float | None, *, settled: int, newest_peak: int | None
    ) -> list[AlarmEvent]:
        """Compare the values of this moment with the limits.

        Parameters
        ----------
        heart_rate_bpm : float or None
        settled : int
            Samples up to which all R peaks are known.
        newest_peak : int or None
        """
        since = max(self._signal_since, newest_peak or 0)
        silent_s = max(0.0, (settled - since) / self._rate_hz)
        figures = self.figures
        enough = figures.classified >= _LEAST_BEATS
        return self._alarms.update(
            round(self._received / self._rate_hz, 3),
            {
                "tachycardia": heart_rate_bpm,
                "bradycardia": heart_rate_bpm,
                "pause": None if self._gap else silent_s,
                "v-run": self._run if self._received <= self._run_until else 0,
                "pvc-burden": figures.pvc_burden_percent if enough else None,
                "no-signal": self._gap / self._rate_hz,
            },
        )

    def rows(self, events: list[AlarmEvent]) -> dict[str, Any]:
        """Return the keys of a frame's JSON line."""
        figures = self.figures
        return {
            "sdnn_ms": _rounded(figures.sdnn_ms, 1),
            "rmssd_ms": _rounded(figures.rmssd_ms, 1),
            "pvc_burden_percent": _rounded(figures.pvc_burden_percent, 3),
            "alarms": self._alarms.rows(),
            "alarm_events": [asdict(event) for event in events],
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
