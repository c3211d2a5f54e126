"""A snapshot is the frame itself, bit for bit, with the answer that was given to it."""

import json

import cv2
import numpy as np
import pytest

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sinks import snapshot
from edgecnn.runtime.sinks.base import StreamInfo
from edgecnn.runtime.sinks.snapshot import Snapshots


@pytest.fixture
def controls(tmp_path):
    return Controls()


@pytest.fixture
def sink(tmp_path, controls):
    made = Snapshots(tmp_path / "kept")
    made.open(
        StreamInfo("cam", "m", live=True, fps=1, card={}, stop=lambda _: None, controls=controls)
    )
    return made


def test_frame_and_answer_are_kept_together(sink, controls, tmp_path, make_answer):
    answer = make_answer(12)
    answer.frame.data[:] = np.random.default_rng(1).integers(0, 255, answer.frame.data.shape)
    sink.write(make_answer(11))
    sink.write(answer)
    path = controls.snapshot()
    names = sorted(p.name for p in (tmp_path / "kept").iterdir())
    assert len(names) == 2
    assert names[1] in path
    assert np.array_equal(cv2.imread(path, cv2.IMREAD_UNCHANGED), answer.frame.data)
    row = json.loads((tmp_path / "kept" / names[0]).read_text())
    assert {key: row[key] for key in answer.row()} == answer.row()
    assert (row["picture"], row["is_frame"], row["model"]) == (names[1], True, "m")


def test_of_a_signal_the_drawn_picture_is_kept(sink, controls, make_answer):
    answer = make_answer(1)
    frame = Frame("ecg", 1, answer.frame.captured_ns, np.zeros(36, np.float32))
    object.__setattr__(answer, "frame", frame)
    sink.write(answer)
    path = controls.snapshot()
    assert np.array_equal(cv2.imread(path), answer.picture())


def test_before_the_first_frame_and_too_often_is_refused(sink, controls, make_answer, monkeypatch):
    with pytest.raises(EdgeCNNError, match="no frame yet"):
        controls.snapshot()
    sink.write(make_answer(1))
    controls.snapshot()
    with pytest.raises(EdgeCNNError, match="one snapshot at a time"):
        controls.snapshot()
    monkeypatch.setattr(snapshot, "_PAUSE_S", 0)
    controls.snapshot()


def test_a_folder_that_cannot_be_written_is_one_line(sink, controls, tmp_path, make_answer):
    (tmp_path / "kept").write_text("a file")
    sink.write(make_answer(1))
    with pytest.raises(EdgeCNNError, match="cannot write"):
        controls.snapshot()
