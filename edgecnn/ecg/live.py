"""A live ECG: chunks of signal in, classified beats, heart rate and a trace out.

The processor behind `edgecnn live` for beat models. What it says about a stream is what scoring
the finished record says: both run :mod:`edgecnn.ecg.conditioning`, :mod:`edgecnn.ecg.peaks` and
:mod:`edgecnn.preprocessing.beats`, and none of them looks further ahead than is stated.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.alarms import AlarmEvent, AlarmLimits, alarm_limits
from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.conditioning import LeadConditioner, rescale_samples
from edgecnn.ecg.live_signal import LiveSignal
from edgecnn.ecg.sources import EcgSource, open_ecg_source
from edgecnn.ecg.stream import Beats, BeatStream
from edgecnn.ecg.trace import draw_trace
from edgecnn.ecg.watch import EcgWatch
from edgecnn.runtime.facts import model_facts
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["EcgProcessor", "open_live"]

#: Without a beat for so long, the last one says nothing about now.
_SILENT_S = 4.0
#: Without a signal for so long, it is the lack of it that is told.
_LOST_S = 1.0


def open_live(
    model: Model,
    source: str,
    *,
    alarms: Iterable[str] = (),
    settings: SourceSettings | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[EcgSource, EcgProcessor]:
    """Return source and processor for a beat model.

    Parameters
    ----------
    model : Model
    source : str
        ``test:``, ``test:ecg?seed=3``, ``record:PATH`` or a record's path, ``tcp://HOST:PORT``,
        ``serial:DEVICE``, ``-``.
    alarms : iterable of str
        Limits that differ from the usual ones; see :func:`~edgecnn.ecg.alarms.alarm_limits`.
    settings : SourceSettings, optional
    say : callable
        Hears that a stream of samples was lost, and that it is back.

    Raises
    ------
    TaskError
        The model reads no beats.
    UsageError
        No source of an ECG, or an unknown option or alarm.
    """
    limits = alarm_limits(alarms)
    opened = open_ecg_source(source, beat_input_of(model), settings, say)
    return opened, EcgProcessor(model, opened, limits=limits)


class EcgProcessor:
    """Finds and classifies beats in chunks of one lead.

    Each frame is answered with the latest beat; all beats that became certain with it are in the
    answer's ``beats``: sample (at the source's rate), time, class, score, and ``delay_s`` from the
    R peak to this frame's last sample. With it go heart rate (mean of the last 8 intervals), SDNN,
    RMSSD and share of V over the last five minutes, the alarms that are on, and those that went on
    or off with this frame.

    Parameters
    ----------
    model : Model
        With a beat input.
    source : EcgSource, optional
        What the frames come from: once it is open, it states their rate. The default is the
        model's rate.
    limits : mapping of str to AlarmLimits, optional
        Of the alarms; the default is the usual ones.

    Raises
    ------
    TaskError
        The model reads no beats.

    Attributes
    ----------
    spec : BeatInput
    """

    def __init__(
        self,
        model: Model,
        source: EcgSource | None = None,
        *,
        limits: Mapping[str, AlarmLimits] | None = None,
    ) -> None:
        spec = beat_input_of(model)
        self.spec = spec
        self._signal = LiveSignal(source, spec.sampling_rate_hz)
        self._conditioner: LeadConditioner | None = None
        self._labels = model.metadata.labels
        self._min_score = model.metadata.output.min_score
        self._infer_ns = 0
        self._run = model.run
        self._stream = BeatStream(model.metadata, self._timed_run)
        self._watch = EcgWatch(
            model.metadata.labels,
            spec.sampling_rate_hz,
            alarm_limits(()) if limits is None else limits,
        )
        self._counts = dict.fromkeys(self._labels, 0)
        self._unclassified = 0
        self._has_ended = False
        self._latest: tuple[int, int, NDArray[np.float32]] | None = None
        self._shown_beats: deque[tuple[int, str]] = deque(maxlen=64)
        self.title = model.metadata.name
        self.provider = model.placement.provider
        self.nodes_on_provider = model.placement.on_provider
        self._facts = model_facts(model)

    @property
    def card(self) -> Mapping[str, str]:
        """State facts about the model, and how long after an R peak its answer can come."""
        ahead = self.spec.look_ahead_s
        # The detector is sure of a peak some 0.55 s after it (see PeakDetector).
        return {
            **self._facts,
            "Looks ahead": f"{ahead:.2g} s after the R peak, 0.6 s more for one not yet certain, "
            f"up to {self._signal.conditioning_s:.2g} s more to bridge a gap and change the rate",
        }

    def process(self, frame: Frame) -> Result:
        """Take a chunk of millivolts, shape ``(samples,)``, NaN where there is no signal."""
        started, self._infer_ns = time.perf_counter_ns(), 0
        if self._conditioner is None:
            rate_hz = self._signal.rate_hz
            self._conditioner = LeadConditioner(rate_hz, self.spec.sampling_rate_hz)
        self._signal.take(frame.data)
        beats = self._push(*self._conditioner.push(frame.data))
        return self._result([beats], started)

    def finish(self) -> Result | None:
        """Say what the last beats are, now that no more signal follows."""
        started, self._infer_ns = time.perf_counter_ns(), 0
        last = []
        if self._conditioner is not None:
            last.append(self._push(*self._conditioner.flush()))
        last.append(self._stream.flush())
        self._signal.end()
        self._has_ended = True
        return self._result(last, started) if any(map(len, last)) or self._watch.waits else None

    def _push(self, signal_uv: NDArray[np.int64], valid: NDArray[np.bool_]) -> Beats:
        self._signal.show(signal_uv, valid)
        self._watch.take(valid)
        return self._stream.push(signal_uv, valid)

    def _timed_run(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        started = time.perf_counter_ns()
        logits = self._run(inputs)
        self._infer_ns += time.perf_counter_ns() - started
        return logits

    def _result(self, beats: Sequence[Beats], started: int) -> Result:
        fields, events = self._account(beats)
        rate = fields["heart_rate_bpm"]
        figures = ([] if rate is None else [f"{rate:.0f}/min"]) + [*self._watch.figures.told]
        label, score, top, (reason, cause) = self._answer()
        trace = self._signal.trace(
            self.spec.leads[0],
            beats=self._shown_beats,
            heart_rate_bpm=fields["heart_rate_bpm"],
            figures=self._watch.figures,
            ringing=self._watch.ringing,
            held=self._watch.holds,
        )
        total_ns = time.perf_counter_ns() - started
        return Result(
            label,
            score,
            top,
            "unknown" if reason else "ok",
            reason,
            cause,
            aside="  ".join(figures),
            events=tuple(map(str, events)),
            fields=fields,
            draw=partial(draw_trace, trace),
            stages_ms={
                "prepare": (total_ns - self._infer_ns) / 1e6,
                "infer": self._infer_ns / 1e6,
            },
        )

    def _account(self, parts: Sequence[Beats]) -> tuple[dict[str, Any], list[AlarmEvent]]:
        """Count the new beats; return what the answer says besides its label, and alarms."""
        told = [self._told(*beat) for beats in parts for beat in self._counted(beats)]
        signal = self._signal
        judged = None if self._has_ended else signal.judged
        self._watch.judge(judged, signal.state, signal.doubtful())
        events = self._watch.look(
            settled=self._stream.settled,
            newest_peak=self._stream.newest_peak,
            poor_s=signal.state_s if signal.complaint[0] else 0.0,
        )
        fields = {
            "time_s": round(signal.time_s, 3),
            "signal": signal.row(),
            "beats": told,
            "counts": dict(self._counts) | {UNKNOWN: self._unclassified},
            "heart_rate_bpm": self._watch.heart_rate_bpm,
            **self._watch.rows(events),
        }
        return fields, events

    def _counted(self, beats: Beats) -> Iterator[tuple[int, str, float]]:
        """Count each beat; give its sample at the source's rate, its class and its best score."""
        ratio = self._signal.rate_hz / self.spec.sampling_rate_hz
        places = rescale_samples(beats.samples, ratio, self._signal.taken)
        for sample, place, index, scores in zip(
            beats.samples.tolist(),
            places.tolist(),
            beats.classes.tolist(),
            beats.scores,
            strict=True,
        ):
            name = self._labels[index] if index >= 0 else ""
            if name:
                self._counts[name] += 1
            else:
                self._unclassified += 1
            self._watch.beat(sample, index)
            self._latest = (sample, index, scores)
            self._shown_beats.append((sample, name))
            yield place, name or UNKNOWN, float(scores.max())

    def _told(self, sample: int, name: str, score: float) -> dict[str, Any]:
        time_s = sample / self._signal.rate_hz
        return {
            "sample": sample,
            "time_s": round(time_s, 4),
            "class": name,
            "score": round(score, 6) if np.isfinite(score) else None,
            "delay_s": round(self._signal.time_s - time_s, 3),
        }

    def _answer(self) -> tuple[str, float, tuple[tuple[str, float], ...], tuple[str, str]]:
        """Return label, score, all scores and, without a label, reason and cause."""
        rate, nothing = self.spec.sampling_rate_hz, (UNKNOWN, 0.0, ())
        if (lost_s := self._watch.no_signal_s) > _LOST_S:
            return *nothing, (f"no signal for {lost_s:.0f} s", "no-signal")
        reason, cause = self._signal.complaint
        if reason:
            return *nothing, (reason, cause)
        if self._latest is None:
            return *nothing, ("no beat so far", "no-beat")
        sample, index, scores = self._latest
        silent_s = (self._stream.received - sample) / rate
        if silent_s > _SILENT_S:
            if self._watch.signal_since > sample:
                return *nothing, ("no beat since the signal is back", "no-beat")
            return *nothing, (f"no beat for {silent_s:.0f} s", "no-beat")
        if not np.isfinite(scores).all():
            return *nothing, ("the signal has a gap at this beat", "gap")
        order = np.argsort(-scores, kind="stable")
        top = tuple((self._labels[i], float(scores[i])) for i in order)
        if index < 0:
            reason = f"best score {top[0][1]:.3f} is below {self._min_score:g}"
            return UNKNOWN, top[0][1], top, (reason, "low-score")
        return self._labels[index], float(scores[index]), top, ("", "")
