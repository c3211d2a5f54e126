"""A live ECG: chunks of signal in, classified beats, heart rate and a trace out.

The processor behind `edgecnn live` for beat models. What it says about a stream is what scoring
the finished record says: both run :mod:`edgecnn.preprocessing.beats` and
:mod:`edgecnn.ecg.peaks`, and neither looks further ahead than the model's metadata states.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.sources import open_ecg_source
from edgecnn.ecg.stream import Beats, BeatStream
from edgecnn.ecg.trace import TRACE_S, Trace, draw_trace
from edgecnn.errors import TaskError
from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.runtime.facts import model_facts
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["EcgProcessor", "open_live"]

#: RR intervals that the heart rate is the mean of, and the longest that counts as one.
_RATE_INTERVALS = 8
_LONGEST_INTERVAL_S = 3.0
#: Without a beat for so long, the last one says nothing about now.
_SILENT_S = 4.0


def open_live(model: Model, source: str) -> tuple[Source, EcgProcessor]:
    """Return source and processor for a beat model.

    Parameters
    ----------
    model : Model
    source : str
        ``test:``, ``test:ecg?seed=3``, ``record:PATH`` or a record's path.

    Raises
    ------
    TaskError
        The model reads no beats.
    UsageError
        No source of an ECG, or an unknown option.
    """
    processor = EcgProcessor(model)
    return open_ecg_source(source, processor.spec), processor


class EcgProcessor:
    """Finds and classifies beats in chunks of one lead.

    Each frame is answered with the latest beat; all beats that became certain with it are in the
    answer's ``beats``: sample, time, class, score, and ``delay_s`` from the R peak to this frame's
    last sample.

    Parameters
    ----------
    model : Model
        With a beat input.

    Raises
    ------
    TaskError
        The model reads no beats.

    Attributes
    ----------
    spec : BeatInput
    """

    def __init__(self, model: Model) -> None:
        spec = model.metadata.input
        if not isinstance(spec, BeatInput):
            raise TaskError(
                f"{model.path} reads pictures, not heartbeats",
                hint="an ECG needs a beat model: bundled:ecg-beats",
            )
        self.spec = spec
        self._labels = model.metadata.labels
        self._min_score = model.metadata.output.min_score
        self._infer_ns = 0
        self._run = model.run
        self._stream = BeatStream(model.metadata, self._timed_run)
        self._held_mv = 0.0
        self._recent: deque[int] = deque(maxlen=_RATE_INTERVALS + 1)
        self._counts = dict.fromkeys(self._labels, 0)
        self._unclassified = 0
        self._latest: tuple[int, int, NDArray[np.float32]] | None = None
        self._shown_beats: deque[tuple[int, str]] = deque(maxlen=64)
        self._shown_uv: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._shown_valid: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self.title = model.metadata.name
        self.provider = model.placement.provider
        self.nodes_on_provider = model.placement.on_provider
        # The detector is sure of a peak some 0.55 s after it (see PeakDetector).
        ahead = f"{spec.look_ahead_s:.2g} s after the R peak, 0.6 s more for one not yet certain"
        self.card: Mapping[str, str] = {**model_facts(model), "Looks ahead": ahead}

    def process(self, frame: Frame) -> Result:
        """Take a chunk of millivolts, shape ``(samples,)``, NaN where there is no signal."""
        started, self._infer_ns = time.perf_counter_ns(), 0
        signal_uv, valid = self._bridged(frame.data)
        beats = self._stream.push(signal_uv, valid)
        self._show(signal_uv, valid)
        return self._result(beats, started)

    def finish(self) -> Result | None:
        """Say what the last beats are, now that no more signal follows."""
        started, self._infer_ns = time.perf_counter_ns(), 0
        beats = self._stream.flush()
        return self._result(beats, started) if len(beats) else None

    def _timed_run(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        started = time.perf_counter_ns()
        logits = self._run(inputs)
        self._infer_ns += time.perf_counter_ns() - started
        return logits

    def _bridged(
        self, chunk_mv: NDArray[np.floating]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Repeat the last valid sample through each gap; where it ends cannot be known yet."""
        valid = np.isfinite(chunk_mv)
        if not valid.all():
            extended = np.concatenate([[self._held_mv], chunk_mv])
            source = np.where(np.concatenate([[True], valid]), np.arange(extended.size), 0)
            chunk_mv = extended[np.maximum.accumulate(source)][1:]
        if chunk_mv.size:
            self._held_mv = float(chunk_mv[-1])
        return to_microvolts(chunk_mv), valid

    def _show(self, signal_uv: NDArray[np.int64], valid: NDArray[np.bool_]) -> None:
        length = round(TRACE_S * self.spec.sampling_rate_hz)
        self._shown_uv = np.concatenate([self._shown_uv, signal_uv])[-length:]
        self._shown_valid = np.concatenate([self._shown_valid, valid])[-length:]

    def _result(self, beats: Beats, started: int) -> Result:
        fields = self._account(beats)
        label, score, top, reason = self._answer()
        trace = Trace(
            signal_uv=self._shown_uv,
            valid=self._shown_valid,
            rate_hz=self.spec.sampling_rate_hz,
            first=self._stream.received - len(self._shown_uv),
            beats=tuple(self._shown_beats),
            heart_rate_bpm=fields["heart_rate_bpm"],
            lead=self.spec.leads[0],
        )
        total_ns = time.perf_counter_ns() - started
        return Result(
            label,
            score,
            top,
            "unknown" if reason else "ok",
            reason,
            fields=fields,
            draw=partial(draw_trace, trace),
            stages_ms={
                "prepare": (total_ns - self._infer_ns) / 1e6,
                "infer": self._infer_ns / 1e6,
            },
        )

    def _account(self, beats: Beats) -> dict[str, Any]:
        """Count the new beats, and return what the answer says besides its label."""
        rate, received = self.spec.sampling_rate_hz, self._stream.received
        told = []
        for sample, index, scores in zip(
            beats.samples.tolist(), beats.classes.tolist(), beats.scores, strict=True
        ):
            name = self._labels[index] if index >= 0 else ""
            if name:
                self._counts[name] += 1
            else:
                self._unclassified += 1
            self._recent.append(sample)
            self._latest = (sample, index, scores)
            self._shown_beats.append((sample, name))
            best = float(scores.max())
            told.append(
                {
                    "sample": sample,
                    "time_s": round(sample / rate, 4),
                    "class": name or UNKNOWN,
                    "score": round(best, 6) if np.isfinite(best) else None,
                    "delay_s": round((received - sample) / rate, 3),
                }
            )
        return {
            "time_s": round(received / rate, 3),
            "beats": told,
            "counts": dict(self._counts) | {UNKNOWN: self._unclassified},
            "heart_rate_bpm": self._heart_rate(),
        }

    def _heart_rate(self) -> float | None:
        """Return the mean rate of the last intervals; None without a beat of late."""
        rate = self.spec.sampling_rate_hz
        if not self._recent or self._stream.received - self._recent[-1] > _SILENT_S * rate:
            return None
        intervals = np.diff(np.array(self._recent)) / rate
        intervals = intervals[intervals <= _LONGEST_INTERVAL_S]
        return round(60 / float(intervals.mean()), 1) if intervals.size else None

    def _answer(self) -> tuple[str, float, tuple[tuple[str, float], ...], str]:
        """Return label, score, all scores and, without a label, the reason."""
        rate = self.spec.sampling_rate_hz
        if self._latest is None:
            return UNKNOWN, 0.0, (), "no beat so far"
        sample, index, scores = self._latest
        silent_s = (self._stream.received - sample) / rate
        if silent_s > _SILENT_S:
            return UNKNOWN, 0.0, (), f"no beat for {silent_s:.0f} s"
        if not np.isfinite(scores).all():
            return UNKNOWN, 0.0, (), "the signal has a gap at this beat"
        order = np.argsort(-scores, kind="stable")
        top = tuple((self._labels[i], float(scores[i])) for i in order)
        if index < 0:
            reason = f"best score {top[0][1]:.2f} is below {self._min_score:.2f}"
            return UNKNOWN, top[0][1], top, reason
        return self._labels[index], float(scores[index]), top, ""
