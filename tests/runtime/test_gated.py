"""Frames that get no label: a real model, the real pipeline, frames as a broken camera gives."""

import time

import numpy as np
import pytest

from edgecnn.runtime.answering import Answering, answer_pictures
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.origin import Origins
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.screen import Screen
from edgecnn.runtime.sources.test_camera import TestCamera


@pytest.fixture(scope="module")
def lenet():
    return load_model("bundled:mnist-lenet5", provider="cpu", threads=1, check=False)


class _Camera:
    """The test camera, with what ``spoil`` makes of each picture; never faster than it is read."""

    fps = 20.0

    def __init__(self, count, spoil, *, live=True, aged_s=0.0, name="camera"):
        self.live, self.description = live, name
        self._camera = TestCamera("test:digits?hold=100&pace=free")
        self._count, self._spoil, self._aged_s = count, spoil, aged_s
        self._number = 0
        self.taken = 0

    def open(self):
        # A live frame is stale after two seconds: those that are not meant to be are from a time
        # that no machine is slow enough to reach.
        later_s = 60 if self.live and not self._aged_s else 0
        self._start_ns = time.monotonic_ns() + later_s * 1_000_000_000

    def read(self):
        if self._number >= self._count:
            return None
        number = self._number
        deadline = time.monotonic() + 30
        while self.live and self.taken < number:  # so that none is dropped
            assert time.monotonic() < deadline
            time.sleep(0.0005)
        self._number += 1
        picture = self._spoil(number, self._camera.picture(number))
        at = self._start_ns + number * 50_000_000 - round(self._aged_s * 1e9)
        return Frame("camera", number, at, picture)

    def close(self):
        pass


class _Keep(Sink):
    def __init__(self, camera):
        self._camera, self.answers = camera, []

    def write(self, answer):
        self.answers.append(answer)
        self._camera.taken += 1


def _run(model, count, spoil, *, live=True, aged_s=0.0, **options):
    camera = _Camera(count, spoil, live=live, aged_s=aged_s)
    processor, _ = answer_pictures(model, Answering(**options), origin=Origins([camera]))
    keep = _Keep(camera)
    summary = Pipeline(camera, processor, [keep]).run()
    return [answer.row() for answer in keep.answers], summary


def _spoilt(number, picture):
    """Frames 5 to 9 black, 10 to 14 half decoded, 15 to 19 blank, 20 to 24 too small."""
    if 5 <= number < 10:
        return np.zeros_like(picture)
    if 10 <= number < 15:
        return np.concatenate([picture[:200], np.full_like(picture[200:], 128)])
    if 15 <= number < 20:
        return np.full_like(picture, (200, 30, 30))
    return picture[:5] if 20 <= number < 25 else picture


def test_no_label_comes_from_a_spoilt_frame(lenet):
    rows, summary = _run(lenet, 30, _spoilt)
    good = [row for row in rows if row["frame"] < 5 or row["frame"] >= 25]
    bad = [row for row in rows if 5 <= row["frame"] < 25]
    assert {row["label"] for row in good} <= set("0123456789")
    assert {(row["label"], row["state"]) for row in bad} == {("unknown", "unknown")}
    assert all(row["top"] == [] and row["reason"] for row in bad)
    assert [row["cause"] for row in bad[::5]] == ["black", "corrupt", "constant", "shape"]
    assert summary.unknown == {"black": 5, "corrupt": 5, "constant": 5, "shape": 5}
    # They were looked at, and answered.
    assert (summary.captured, summary.processed, summary.failed) == (30, 30, 0)


def test_each_gate_can_be_left_out(lenet):
    rows, summary = _run(lenet, 20, _spoilt, without=("black", "corrupt"))
    assert summary.unknown == {}
    assert all(row["state"] == "ok" for row in rows)


def test_a_live_camera_that_freezes_is_unknown_and_a_file_that_stands_still_is_not(lenet):
    still = TestCamera("test:digits").picture(7)

    def freeze(number, picture):
        return picture if number < 10 else still.copy()

    rows, summary = _run(lenet, 60, freeze, frozen_s=1.0)
    frozen = [row["frame"] for row in rows if row["state"] == "unknown"]
    # A second and two frames from the tenth on, at 20 a second.
    assert frozen == list(range(frozen[0], 60))
    assert 30 <= frozen[0] <= 33
    assert summary.unknown == {"frozen": len(frozen)}
    _, of_file = _run(lenet, 60, freeze, live=False, frozen_s=1.0)
    assert of_file.unknown == {}


def test_a_live_frame_that_waited_too_long_is_unknown(lenet):
    rows, summary = _run(lenet, 3, lambda number, picture: picture, aged_s=4.0)
    assert {row["cause"] for row in rows} == {"stale"}
    assert summary.unknown == {"stale": 3}
    _, of_file = _run(lenet, 3, lambda number, picture: picture, aged_s=4.0, live=False)
    assert of_file.unknown == {}


def test_the_least_score_replaces_the_contracts(lenet):
    rows, _ = _run(lenet, 3, lambda number, picture: picture, min_score=0.999999)
    assert {row["cause"] for row in rows} == {"low-score"}
    assert "is below 0.999999" in rows[0]["reason"]
    assert rows[0]["top"]


def test_every_stage_has_percentiles(lenet):
    rows, summary = _run(lenet, 5, lambda number, picture: picture)
    stages = ["wait", "prepare", "infer", "decode"]
    assert list(rows[0]["stages_ms"]) == stages
    assert list(summary.stages_ms) == [*stages, "sinks"]
    assert all(set(ms) == {"p50", "p95", "p99"} for ms in summary.stages_ms.values())


@pytest.mark.parametrize("live", [True, False])
def test_a_steady_label_outlasts_a_black_frame_and_not_a_black_second(lenet, live):
    def blink(number, picture):
        return np.zeros_like(picture) if number == 15 or number >= 30 else picture

    rows, _ = _run(lenet, 60, blink, live=live, smooth="exponential=0.5s")
    labels = [row["label"] for row in rows]
    assert len(set(labels[:35])) == 1
    assert labels[0] in "0123456789"
    # What was said of the frame itself stays to be seen.
    assert rows[15]["raw"]["label"] == "unknown"
    assert rows[15]["raw"]["reason"].startswith("black")
    assert (rows[15]["state"], rows[-1]["state"]) == ("ok", "unknown")
    assert rows[-1]["cause"] == "black"


def test_a_screen_may_stand_still_and_have_blank_parts():
    asked = Answering(without=("black",))
    origin = Origins([Screen("screen:")])(Frame("", 0, 0, np.zeros((8, 8, 3), np.uint8)))
    assert [type(gate).__name__ for gate in asked.gates(origin)] == ["Shape", "Stale"]
    camera = Origins([TestCamera()])(Frame("", 0, 0, np.zeros((8, 8, 3), np.uint8)))
    assert [type(gate).__name__ for gate in asked.gates(camera)] == [
        "Shape", "Stale", "Corrupt", "Frozen",
    ]  # fmt: skip


def test_beside_a_camera_a_file_may_still_show_the_same_for_ever(lenet):
    """Each of several sources has its own gates; before, all of them had a live one's."""

    first = TestCamera("test:digits").picture(0)
    sources = {
        name: _Camera(30, lambda number, picture: first, live=name == "camera", name=name)
        for name in ("file", "camera")
    }
    causes = {name: set() for name in sources}

    class Both(Sink):
        def write(self, answer):
            sources[answer.frame.source].taken += 1
            causes[answer.frame.source].add(answer.row().get("cause"))

    both = list(sources.values())
    processor, _ = answer_pictures(lenet, Answering(frozen_s=0.2), origin=Origins(both))
    Pipeline(both, processor, [Both()]).run()
    assert "frozen" in causes["camera"]
    assert "frozen" not in causes["file"]
