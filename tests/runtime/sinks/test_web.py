"""The page as a sink: what its buttons do, and what it shows while nothing comes."""

import contextlib
import http.client
import json
import time
import urllib.request

import cv2
import numpy as np
import pytest

from edgecnn.runtime.controls import Controls
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.sinks import web as web_module
from edgecnn.runtime.sinks.base import StreamInfo
from edgecnn.runtime.sinks.snapshot import Snapshots
from edgecnn.runtime.sinks.web import WebPage
from edgecnn.web.address import Address


class Served:
    def __init__(self, tmp_path):
        self.controls, self.counts, urls = Controls(), LedgerCounts(1, 1, 0, 0, 0), []
        stream = StreamInfo(
            "c", "m", True, 25.0, {}, lambda _: None, self.controls,
            lambda: self.counts, lambda: {"page": 9, "csv": 3, "other": 0},
        )  # fmt: skip
        self.page = WebPage(Address("127.0.0.1", 0), urls.append)
        self.snapshots = Snapshots(tmp_path / "kept")
        for sink in (self.page, self.snapshots):
            sink.open(stream)
        self.url = urls[0]

    def write(self, answer):
        self.page.write(answer)
        self.snapshots.write(answer)

    def ask(self, wish):
        host = self.url.split("/")[2]
        connection = http.client.HTTPConnection(host, timeout=20)
        headers = {"Origin": f"http://{host}", "Content-Type": "application/json"}
        connection.request("POST", "/control", json.dumps(wish), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, json.loads(text) if response.status == 200 else text

    def status(self):
        with urllib.request.urlopen(self.url + "figures", timeout=20) as events:
            while not (line := events.readline()).startswith(b"data: "):
                pass
            return json.loads(line[6:])

    def past(self):
        with urllib.request.urlopen(self.url + "past.json", timeout=20) as response:
            return json.loads(response.read())


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path)
    yield made
    made.page.close(None)


def test_the_page_pauses_and_goes_on(served, make_answer):
    served.write(make_answer())
    assert served.ask({"pause": True}) == (200, {"paused": True})
    assert served.controls.paused
    assert served.status()["paused"] is True
    assert served.ask({"pause": False}) == (200, {"paused": False})
    assert not served.controls.paused


def test_the_page_keeps_the_very_frame(served, make_answer, tmp_path):
    status, text = served.ask({"snapshot": True})
    assert (status, text) == (400, "there is no frame yet")
    answer = make_answer(7)
    served.write(answer)
    status, told = served.ask({"snapshot": True})
    assert status == 200
    kept = cv2.imread(str(tmp_path / "kept" / told["saved"]))
    assert np.array_equal(kept, answer.frame.data)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"record": True},
        {"stop": True},
        {"explain": True},
        {"pause": 1},
        {"pause": "yes"},
        {"snapshot": "../x"},
        {"pause": True, "snapshot": True},
    ],
)
def test_the_page_can_do_nothing_else(served, make_answer, wish, tmp_path):
    served.write(make_answer())
    status, text = served.ask(wish)
    assert (status, text) == (400, "the page can pause and keep a snapshot, and nothing else")
    assert not served.controls.paused
    assert not (tmp_path / "kept").exists()


def test_while_no_answer_comes_the_ledger_and_the_keys_still_show(served, make_answer, monkeypatch):
    served.write(make_answer())
    monkeypatch.setattr(web_module, "_IDLE_S", 0)
    served.counts = LedgerCounts(90, 1, 89, 0, 0)
    served.controls.paused = True
    served.page.idle()
    status = served.status()
    assert status["ledger"]["dropped"] == 89
    assert status["paused"] is True
    assert status["lost"] == {"csv": 3}


def test_who_comes_later_sees_the_last_minute(served, make_answer, monkeypatch):
    monkeypatch.setattr(web_module, "_POINT_S", 0)
    for number in range(999):
        served.write(make_answer(number, str(number % 3)))
    past = served.past()
    assert len(past) == 960
    assert [label for _, label, *_ in past[-3:]] == ["0", "1", "2"]
    times = [point[0] for point in past]
    assert times == sorted(times)
    assert past[0][2:] == ["ok", 1.5, "numbers"]


def test_a_picture_is_encoded_once_for_all_who_look_on(served, make_answer, monkeypatch):
    encoded = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *a: encoded.append(a[0]) or encode(*a))
    served.write(make_answer(0))
    assert encoded == [".jpg"]  # the first one, for who comes
    served.write(make_answer(1))
    assert encoded == [".jpg"]
    with contextlib.ExitStack() as clients:
        streams = [
            clients.enter_context(urllib.request.urlopen(served.url + "picture.mjpeg", timeout=20))
            for _ in range(3)
        ]
        for stream in streams:
            assert stream.readline().strip() == b""
        monkeypatch.setattr(web_module, "_MOST_FPS", 1e9)
        answers = [make_answer(number, value=number) for number in range(2, 7)]
        for answer in answers:
            served.write(answer)
            for stream in streams:
                seen = b""
                while answer.jpeg() not in seen:
                    seen += stream.read1(4096)
    assert len(encoded) == 1 + len(answers)


def test_of_a_burst_the_last_answer_is_shown(served, make_answer, monkeypatch):
    monkeypatch.setattr(web_module, "_MOST_FPS", 1e-3)
    monkeypatch.setattr(web_module, "_FIGURES_S", 1e3)
    published = []
    publish = served.page._page.publish
    monkeypatch.setattr(served.page._page, "publish", lambda *a: published.append(a) or publish(*a))
    for number in range(300):
        served.write(make_answer(number))
    assert len(published) <= 1
    monkeypatch.setattr(web_module, "_IDLE_S", 0)
    served.page.idle()
    assert served.status()["frame"] == 299


def test_points_of_the_past_are_a_quarter_of_a_second_apart(served, make_answer, monkeypatch):
    class Clock:
        now_s = time.monotonic()

        def monotonic(self):
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(web_module, "time", clock)
    for number in range(60):
        served.write(make_answer(number))
        clock.now_s += 0.01
    assert len(served.past()) == 3
