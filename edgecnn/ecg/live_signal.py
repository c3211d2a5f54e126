"""The signal of a live ECG: its rate, the stretch that is shown, and what it is good for by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.conditioning import LeadConditioner
from edgecnn.ecg.rolling import RollingFigures
from edgecnn.ecg.signal_quality import SignalQuality, SignalState
from edgecnn.ecg.sources import EcgSource
from edgecnn.ecg.trace import TRACE_S, Trace

__all__ = ["LiveSignal"]

#: What is wrong with the signal, and its cause in a word.
_TOLD = {
    SignalState.FLAT: ("the signal is flat", "flat"),
    SignalState.SATURATED: ("the signal is at the end of its range", "saturated"),
    SignalState.NOISE: ("no beat can be told from noise", "noise"),
    SignalState.QUIET: ("no beat stands out, only small noise", "no-beat"),
}


class LiveSignal:
    """Follow one stream of samples, for whatever model reads it.

    Parameters
    ----------
    source : EcgSource or None
        What the stream comes from: once it is open, it states the rate.
    rate_hz : float
        The model's rate, and that of a source that states none.

    Attributes
    ----------
    taken : int
        Samples so far, at the source's rate.
    """

    def __init__(self, source: EcgSource | None, rate_hz: float) -> None:
        self._source, self._model_hz = source, rate_hz
        self.taken = 0
        self._quality: SignalQuality | None = None
        self._state, self._since = SignalState.GOOD, 0
        self._doubtful: list[tuple[int, int, bool]] = []
        self._shown_uv: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._shown_valid: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self._seen = 0

    @property
    def rate_hz(self) -> float:
        """The source's sampling rate."""
        stated = self._source.sampling_rate_hz if self._source is not None else None
        return stated if stated is not None else self._model_hz

    @property
    def time_s(self) -> float:
        """How much of the stream was taken, in seconds."""
        return self.taken / self.rate_hz

    @property
    def conditioning_s(self) -> float:
        """How long after its own time a sample is at the model's rate at the latest."""
        return LeadConditioner(self.rate_hz, self._model_hz).look_ahead_s

    def take(self, chunk_mv: NDArray[np.floating]) -> None:
        """Judge more samples in millivolts, shape ``(samples,)``, NaN where there is no signal."""
        if self._quality is None:
            self._quality = SignalQuality(self.rate_hz)
        self.taken += chunk_mv.size
        self._judge(self._quality, self._quality.push(chunk_mv))

    def end(self) -> None:
        """Judge what is left, now that no more signal follows."""
        if self._quality is not None:
            self._judge(self._quality, self._quality.flush())

    def _judge(self, quality: SignalQuality, states: NDArray[np.int8]) -> None:
        first = quality.judged - len(states) * quality.block
        for number, value in enumerate(states.tolist()):
            state, start = SignalState(value), first + number * quality.block
            if state is not self._state:
                self._state, self._since = state, start
            if state.feigns_beats:
                stop = self._scaled(start + quality.block)
                self._doubtful.append((self._scaled(start), stop, state.hides_beats))

    def _scaled(self, sample: int) -> int:
        return round(sample * self._model_hz / self.rate_hz)

    @property
    def judged(self) -> int:
        """Samples, at the model's rate, that it is known of what they are good for."""
        return 0 if self._quality is None else self._scaled(self._quality.judged)

    @property
    def state(self) -> SignalState:
        """What the signal was good for when it was last judged, 1 to 1.5 s ago."""
        return self._state

    @property
    def complaint(self) -> tuple[str, str]:
        """What is wrong with the signal, for how long, and the cause in a word; ``""`` twice."""
        if self._state not in _TOLD:
            return "", ""
        reason, cause = _TOLD[self._state]
        return f"{reason}, for {self.state_s:.0f} s", cause

    @property
    def state_s(self) -> float:
        """For how long it is in that state."""
        return self.time_s - self._since / self.rate_hz

    def doubtful(self) -> list[tuple[int, int, bool]]:
        """Return the stretches, at the model's rate, of which it became known that they are noise.

        First sample and end of each, and whether beats may be hidden in it; adjacent ones are not
        joined. Each is returned once.
        """
        found, self._doubtful = self._doubtful, []
        return found

    def row(self) -> dict[str, Any]:
        """Return the state as the JSON line has it."""
        return {
            "state": self._state.name.lower(),
            "since_s": round(self._since / self.rate_hz, 3),
        }

    def show(self, signal_uv: NDArray[np.int64], valid: NDArray[np.bool_]) -> None:
        """Take the next samples, at the model's rate, that the picture is to show."""
        length = round(TRACE_S * self._model_hz)
        self._seen += signal_uv.size
        self._shown_uv = np.concatenate([self._shown_uv, signal_uv])[-length:]
        self._shown_valid = np.concatenate([self._shown_valid, valid])[-length:]

    def trace(
        self,
        lead: str,
        *,
        beats: Sequence[tuple[int, str]] | None = None,
        heart_rate_bpm: float | None = None,
        figures: RollingFigures | None = None,
        ringing: tuple[str, ...] = (),
        held: bool = False,
    ) -> Trace:
        """Return what is drawn; without ``beats`` there is no heart rate either."""
        reason, _ = _TOLD.get(self._state, ("", ""))
        return Trace(
            signal_uv=self._shown_uv,
            valid=self._shown_valid,
            rate_hz=self._model_hz,
            first=self._seen - len(self._shown_uv),
            beats=() if beats is None else tuple(beats),
            heart_rate_bpm=heart_rate_bpm,
            figures=RollingFigures() if figures is None else figures,
            ringing=ringing,
            lead=lead,
            counts_beats=beats is not None,
            complaint=reason + (": alarms held" if held else ""),
        )
