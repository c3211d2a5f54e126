"""A stream's figures in Prometheus' text format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edgecnn.runtime.sinks.base import StreamInfo
from edgecnn.runtime.sinks.monitor import BUCKETS_S, Monitor

__all__ = ["Exposition"]

_EVENTS = {
    "reconnects": "How often a source was lost and found again.",
    "duplicates": "Frames of a live source that were equal to the one before.",
    "skipped": "Frames that were not to be answered: --stride, --max-fps.",
    "restarts": "How often a stage that hung was started anew.",
}
_DRIFT = {"ok": 0, "warn": 1, "alarm": 2}


class Exposition(Collector):
    """Puts what a monitor holds into the words of Prometheus, whenever it is asked.

    Parameters
    ----------
    monitor : Monitor
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._registry = CollectorRegistry()
        self._registry.register(self)
        # Memory, processor time and open files of the process, where the system tells.
        ProcessCollector(registry=self._registry)

    def document(self, accept: str) -> tuple[bytes, str]:
        """Return the figures and their content type, in the format that ``accept`` prefers."""
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind

    def collect(self) -> Iterator[Metric]:
        """Yield each family of figures."""
        monitor = self._monitor
        yield self._latency()
        unknown = CounterMetricFamily(
            "edgecnn_unknown", "Answers without a label, by reason.", labels=["reason"]
        )
        for reason, count in list(monitor.unknown.items()):
            unknown.add_metric([reason], count)
        yield unknown
        silence = "Seconds since the last answer."
        yield GaugeMetricFamily("edgecnn_silence_seconds", silence, monitor.silence_s)
        well = int(not monitor.trouble())
        yield GaugeMetricFamily("edgecnn_healthy", "Whether answers come, as /healthz says.", well)
        fps = monitor.newest.fps if monitor.newest is not None else 0.0
        yield GaugeMetricFamily("edgecnn_fps", "Answers per second, of late.", fps)
        yield from self._drift()
        if monitor.stream is not None:
            yield from self._of_stream(monitor.stream)

    def _latency(self) -> Metric:
        bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._monitor.buckets), strict=True))
        about = "From the capture of a frame to its answer."
        family = HistogramMetricFamily("edgecnn_latency_seconds", about)
        family.add_metric([], buckets, self._monitor.latency_s)
        return family

    def _drift(self) -> Iterator[Metric]:
        drift = self._monitor.drift
        if not drift:
            return
        states = GaugeMetricFamily(
            "edgecnn_drift_state",
            "How far the input is from what the model was calibrated on: 0 ok, 1 warn, 2 alarm.",
            labels=["signal"],
        )
        states.add_metric(["overall"], _DRIFT.get(str(drift.get("state")), 0))
        for name, signal in dict(drift.get("signals") or {}).items():
            state = signal.get("state") if isinstance(signal, dict) else signal
            if isinstance(state, str):
                states.add_metric([name], _DRIFT.get(state, 0))
        yield states

    def _of_stream(self, stream: StreamInfo) -> Iterator[Metric]:
        counts = dataclasses.asdict(stream.counts())
        pending = counts.pop("pending")
        frames = CounterMetricFamily(
            "edgecnn_frames", "Where each frame went; captured is all of them.", labels=["class"]
        )
        for name, count in counts.items():
            frames.add_metric([name], count)
        yield frames
        yield GaugeMetricFamily(
            "edgecnn_frames_pending", "Frames that wait, or are worked on.", pending
        )
        lost = CounterMetricFamily(
            "edgecnn_sink_lost", "Answers that a full queue lost, by sink.", labels=["sink"]
        )
        for name, count in stream.lost().items():
            lost.add_metric([name], count)
        yield lost
        events = stream.events()
        for name, told in _EVENTS.items():
            yield CounterMetricFamily(f"edgecnn_{name}", told, events.get(name, 0))
        stalls = CounterMetricFamily(
            "edgecnn_stalls", "How often a stage hung: capture, process, a sink.", labels=["stage"]
        )
        for name, count in stream.stalls().items():
            stalls.add_metric([name], count)
        yield stalls
        gone = int(stream.reopening())
        yield GaugeMetricFamily("edgecnn_source_lost", "Whether the source is lost now.", gone)
        paused = int(stream.controls.paused)
        yield GaugeMetricFamily("edgecnn_paused", "Whether somebody paused the stream.", paused)
        newest = self._monitor.newest
        about = {"model": stream.model, "source": stream.source}
        if newest is not None:
            about["provider"] = newest.provider
        yield InfoMetricFamily("edgecnn_model", "What runs, and on what.", about)
