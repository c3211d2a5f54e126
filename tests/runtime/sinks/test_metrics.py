"""Metrics as Prometheus reads them, and health that tells a stuck stream from a running one."""

import dataclasses
import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from edgecnn.errors import ImageError
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.exposition import Exposition
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.served import served_sinks
from edgecnn.runtime.sinks import monitor as monitor_module
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sinks.metrics import MetricsServer
from edgecnn.runtime.sinks.monitor import Monitor
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.web.address import Address

DRIFT = {"state": "warn", "signals": {"brightness": {"state": "warn", "psi": 0.3}, "blur": "ok"}}


class Mixed:
    """Fails, doubts and hangs, each at its frame."""

    title, provider, nodes_on_provider, card = 'a "model"\n', "cpu", "1/1", {}

    def __init__(self, hang_at=-1):
        self.hang_at, self.hung, self.more = hang_at, threading.Event(), threading.Event()

    def process(self, frame):
        if frame.number == self.hang_at:
            self.hung.set()
            self.more.wait(60)
        if frame.number == 1:
            raise ImageError("rtsp://bob:geheim@10.0.0.7/x: no picture")
        if frame.number in (2, 3):
            return Result.unknown(f"confidence 0.{frame.number} is below 0.5")
        return Result("seen", 1.0, fields={"drift": DRIFT})

    def finish(self):
        return None


class Await(Sink):
    """Lets the test look while the stream stands still after a frame."""

    def __init__(self, number):
        self.number, self.there, self.go_on = number, threading.Event(), threading.Event()

    def write(self, answer):
        if answer.frame.number == self.number:
            self.there.set()
            self.go_on.wait(60)


@pytest.fixture
def serve():
    running = []

    def start(processor, *sinks, controls=None, source="test:?size=32x32&frames=40&pace=free"):
        monitor, urls = Monitor(), []
        server = MetricsServer(Address("127.0.0.1", 0), monitor, urls.append)
        pipeline = Pipeline(
            TestCamera(source), processor, [monitor, server, *sinks], controls=controls
        )
        thread = threading.Thread(target=pipeline.run)
        thread.start()
        running.append((pipeline, thread, processor, sinks))
        limit = time.monotonic() + 30
        while not urls:
            assert time.monotonic() < limit
            time.sleep(0.005)
        return urls[0].removesuffix("metrics"), pipeline

    yield start
    for pipeline, thread, processor, sinks in running:
        processor.more.set()
        for sink in sinks:
            if isinstance(sink, Await):
                sink.go_on.set()
        pipeline.stop()
        thread.join(30)


def _get(url, accept="*/*"):
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode(), response.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), ""


def _samples(families):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["*/*", "application/openmetrics-text; version=1.0.0"])
def test_prometheus_reads_what_the_ledger_says(serve, accept):
    at = Await(9)
    lossy = Background(Sink(), room=1, name="slow")
    lossy.lost = 3
    url, _ = serve(Mixed(), lossy, at)
    assert at.there.wait(30)
    status, text, kind = _get(url + "metrics", accept)
    assert status == 200
    assert kind.startswith("application/openmetrics-text" if "open" in accept else "text/plain")
    got = _samples((read_open if "open" in accept else read_text)(text))
    frames = {key[1][0][1]: value for key, value in got.items() if key[0] == "edgecnn_frames_total"}
    pending = got["edgecnn_frames_pending", ()]
    assert (frames["processed"], frames["failed"], frames["dropped"]) == (9, 1, 0)
    assert frames["captured"] == 10 + pending
    assert got["edgecnn_latency_seconds_count", ()] == 10
    assert got["edgecnn_latency_seconds_bucket", (("le", "+Inf"),)] == 10
    assert 0 < got["edgecnn_latency_seconds_sum", ()] < 60
    assert got["edgecnn_unknown_total", (("reason", "confidence N is below N"),)] == 2
    assert got["edgecnn_unknown_total", (("reason", "rtsp://***@N/x"),)] == 1
    assert "geheim" not in text
    assert got["edgecnn_reconnects_total", ()] == got["edgecnn_source_lost", ()] == 0
    assert got["edgecnn_sink_lost_total", (("sink", "slow"),)] == 3
    assert got["edgecnn_drift_state", (("signal", "overall"),)] == 1
    assert got["edgecnn_drift_state", (("signal", "blur"),)] == 0
    assert got["edgecnn_healthy", ()] == 1
    assert got["edgecnn_fps", ()] > 0
    about = dict(next(key[1] for key in got if key[0] == "edgecnn_model_info"))
    assert about["model"] == 'a "model"\n'
    assert about["provider"] == "cpu"
    assert got["process_resident_memory_bytes", ()] > 1e6


def test_it_is_ready_after_the_first_answer_and_unhealthy_when_it_hangs(serve, monkeypatch):
    monkeypatch.setattr(monitor_module, "_SILENCE_S", 0.3)
    processor = Mixed(hang_at=0)
    url, _ = serve(processor)
    assert processor.hung.wait(30)
    assert _get(url + "healthz")[:2] == (200, "ok\n")
    assert _get(url + "readyz")[:2] == (503, "no answer yet\n")
    processor.hung.clear()
    processor.hang_at = 20
    processor.more.set()
    processor.more.clear()
    assert processor.hung.wait(30)
    # Frames are still captured: it is the answers that count.
    limit = time.monotonic() + 20
    while (got := _get(url + "healthz"))[0] == 200:
        assert time.monotonic() < limit
    assert got[:2] == (503, "no answer for 0 s\n")
    assert _get(url + "readyz")[0] == 503
    assert json.loads(_get(url + "metrics")[1].split("edgecnn_healthy ")[-1].split()[0]) == 0


def test_a_pause_is_no_trouble(serve, monkeypatch):
    monkeypatch.setattr(monitor_module, "_SILENCE_S", 0.3)
    controls = Controls()
    at = Await(5)
    url, _ = serve(Mixed(), at, controls=controls)
    assert at.there.wait(30)
    controls.paused = True
    at.go_on.set()
    time.sleep(0.7)
    assert _get(url + "healthz")[0] == 200
    assert "edgecnn_paused 1.0" in _get(url + "metrics")[1]


def test_that_nobody_gives_a_browsers_camera_is_no_trouble(monkeypatch):
    monkeypatch.setattr(monitor_module, "_FIRST_S", 0.3)
    camera, urls = BrowserCamera("browser:"), []

    def announce(text):
        if text.startswith("metrics: "):
            urls.append(text.removeprefix("metrics: ").removesuffix("metrics"))

    asked = Outputs(web="127.0.0.1:0", metrics="127.0.0.1:0")
    sinks = served_sinks(asked, announce, camera)
    pipeline = Pipeline(camera, Mixed(), sinks)
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    try:
        limit = time.monotonic() + 30
        while not urls:
            assert time.monotonic() < limit
            time.sleep(0.005)
        time.sleep(0.7)
        assert _get(urls[0] + "healthz")[0] == 200
        assert _get(urls[0] + "readyz")[:2] == (503, "nobody's camera is on\n")
    finally:
        pipeline.stop()
        thread.join(30)


def test_reasons_do_not_pile_up(make_answer, make_stream):
    monitor = Monitor()
    monitor.open(make_stream())
    for number in range(200):
        name = "".join(chr(97 + int(digit)) for digit in str(number))
        answer = make_answer(number)
        object.__setattr__(answer, "result", Result.unknown(f"file {name} is bad"))
        monitor.write(answer)
    assert len(monitor.unknown) <= 25
    assert sum(monitor.unknown.values()) == 200
    assert monitor.unknown["other"] > 100


def test_a_slow_source_may_take_its_time(make_answer, make_stream, monkeypatch):
    monkeypatch.setattr(monitor_module, "_SILENCE_S", 0.01)
    monitor = Monitor()
    monitor.open(make_stream(fps=0.2))
    monitor.write(make_answer())
    time.sleep(0.05)
    assert monitor.trouble() == ""
    monitor.open(make_stream(fps=500.0))
    time.sleep(0.05)
    assert monitor.trouble()


def test_that_a_source_is_lost_and_was_found_again_is_told(make_stream):
    monitor = Monitor()
    stream = dataclasses.replace(
        make_stream(),
        events=lambda: {"reconnects": 3},
        stalls=lambda: {"capture": 2},
        reopening=lambda: True,
    )
    monitor.open(stream)
    told = Exposition(monitor).document("")[0].decode()
    assert "edgecnn_reconnects_total 3.0" in told
    assert 'edgecnn_stalls_total{stage="capture"} 2.0' in told
    assert "edgecnn_source_lost 1.0" in told
