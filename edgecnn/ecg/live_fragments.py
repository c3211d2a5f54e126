"""A live signal in sliding windows: the processor behind `edgecnn live` for fragment models.

A window is conditioned, filtered and normalised as the fragments of a finished recording are, so
every window that starts where one of ``edgecnn predict`` does has the same answer.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from edgecnn.ecg.fragment_answers import answer_fragment
from edgecnn.ecg.fragment_stream import Fragment, FragmentStream
from edgecnn.ecg.fragments import CAUSES
from edgecnn.ecg.live_signal import LiveSignal
from edgecnn.ecg.sources import EcgSource, open_ecg_source
from edgecnn.ecg.trace import draw_trace
from edgecnn.errors import TaskError
from edgecnn.metadata import SignalInput
from edgecnn.preprocessing.boxcar import reach
from edgecnn.runtime.facts import model_facts
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["STEP_S", "FragmentProcessor", "open_live_fragments"]

#: From one window's start to the next one's.
STEP_S = 1.0

_TOP = 5


def open_live_fragments(
    model: Model,
    source: str,
    *,
    settings: SourceSettings | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[EcgSource, FragmentProcessor]:
    """Return source and processor for a model of fragments of one lead.

    Parameters
    ----------
    model : Model
    source : str
        As of :func:`edgecnn.ecg.live.open_live`.
    settings : SourceSettings, optional
    say : callable
        Hears that a stream of samples was lost, and that it is back.

    Raises
    ------
    TaskError
        The model classifies no fragments of one lead.
    UsageError
        No source of an ECG, or an unknown option.
    """
    FragmentProcessor(model)  # refuses before anything is opened
    spec = model.metadata.input
    assert isinstance(spec, SignalInput)
    opened = open_ecg_source(source, spec, settings, say)
    return opened, FragmentProcessor(model, opened)


class FragmentProcessor:
    """Classifies the last seconds of one lead, again and again.

    Each frame is answered with the newest window; ``window`` in the answer says which stretch of
    the stream that is, and ``is_new`` whether it became complete with this frame.

    Parameters
    ----------
    model : Model
        A classifier with a :class:`~edgecnn.metadata.SignalInput` of one lead.
    source : EcgSource, optional
        What the frames come from: once it is open, it states their rate. The default is the
        model's rate.
    step_s : float
        Seconds from one window to the next.

    Raises
    ------
    TaskError
        The model reads something else, or several leads at once.
    """

    def __init__(
        self, model: Model, source: EcgSource | None = None, *, step_s: float = STEP_S
    ) -> None:
        spec = model.metadata.input
        if not isinstance(spec, SignalInput) or model.metadata.task != "classify":
            raise TaskError(f"{model.path} classifies no fragments of a signal")
        if len(spec.leads) > 1:
            raise TaskError(
                f"{model.path} reads {len(spec.leads)} leads at once, and a live signal is one",
                hint="`edgecnn predict` reads recordings of all leads",
            )
        self._model, self._spec = model, spec
        self._signal = LiveSignal(source, spec.sampling_rate_hz)
        self._step = max(1, round(step_s * spec.sampling_rate_hz))
        self._stream: FragmentStream | None = None
        self._last: Result | None = None
        self.title = model.metadata.name
        self.provider = model.placement.provider
        self.nodes_on_provider = model.placement.on_provider
        self._facts = model_facts(model)

    @property
    def card(self) -> Mapping[str, str]:
        """State facts about the model, and how often and how late it answers."""
        spec = self._spec
        rate = spec.sampling_rate_hz
        ahead = 0.0 if spec.filter is None else reach(spec.filter, rate) / rate
        ahead += self._signal.conditioning_s
        return {
            **self._facts,
            "Window": f"{spec.samples / rate:g} s, a new one every {self._step / rate:g} s",
            "Looks ahead": f"up to {ahead:.2g} s beyond the window, for its filter and to bridge "
            "a gap and change the rate",
        }

    def process(self, frame: Frame) -> Result:
        """Take a chunk of millivolts, shape ``(samples,)``, NaN where there is no signal."""
        started = time.perf_counter_ns()
        if self._stream is None:
            self._stream = FragmentStream(self._signal.rate_hz, self._spec, step=self._step)
        self._signal.take(frame.data)
        fragments = self._stream.push(frame.data[:, None])
        signal_uv, valid = self._stream.newest
        self._signal.show(signal_uv[0], valid[0])
        return self._answer(fragments, started)

    def finish(self) -> Result | None:
        """Say what the last window is, now that no more signal follows."""
        started = time.perf_counter_ns()
        last = [] if self._stream is None else self._stream.flush()
        return self._answer(last, started) if last else None

    def _answer(self, fragments: list[Fragment], started: int) -> Result:
        infer_ms = 0.0
        for fragment in fragments:
            self._last, infer_ms = self._classified(fragment)
        last = self._last
        fields: dict[str, Any] = {
            "time_s": round(self._signal.time_s, 3),
            "signal": self._signal.row(),
        }
        if last is None:
            window_s = self._spec.samples / self._spec.sampling_rate_hz
            last = Result.unknown(f"the first {window_s:g} s are not complete", "no-window")
        else:
            fields |= {**last.fields, "is_new": bool(fragments)}
        total_ms = (time.perf_counter_ns() - started) / 1e6
        return dataclasses.replace(
            last,
            fields=fields,
            draw=partial(draw_trace, self._signal.trace(self._spec.leads[0])),
            stages_ms={"prepare": total_ms - infer_ms, "infer": infer_ms},
        )

    def _classified(self, fragment: Fragment) -> tuple[Result, float]:
        rate = self._spec.sampling_rate_hz
        stop = fragment.start + self._spec.samples
        window = [round(fragment.start / rate, 3), round(stop / rate, 3)]
        if fragment.tensor is None:
            unknown = Result.unknown(fragment.reason, CAUSES[fragment.reason])
            return dataclasses.replace(unknown, fields={"window": window}), 0.0
        answer = answer_fragment(self._model, fragment.tensor, top=_TOP)
        return answer.result(window=window), answer.infer_ms
