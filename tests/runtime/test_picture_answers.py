"""What a detector's answer is in JSON and on screen."""

import dataclasses
import time
from collections import Counter

import numpy as np
import pytest

from edgecnn.errors import TaskError
from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.runtime.answer import Answer
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.picture_answers import picture_answer
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sources.test_camera import TestCamera

CONTRACT = ModelMetadata(
    name="pets",
    task="detect",
    labels=("cat", "dog"),
    input=ImageInput(height=100, width=100, colour="rgb", resize="letterbox"),
    output=Output(activation="none", min_score=0.5, boxes=Boxes(decoder="yolov5")),
)


def _answer(*rows):
    output = np.array([rows], np.float32).reshape(1, -1, 7)
    return picture_answer("detect", "x")(output, CONTRACT, np.zeros((200, 400, 3), np.uint8), 5)


def test_boxes_are_in_pixels_of_the_input_and_the_label_is_the_best():
    result = _answer([50, 50, 20, 10, 1.0, 0.9, 0.1], [20, 50, 20, 10, 1.0, 0.0, 0.95])
    assert (result.label, result.state) == ("dog", "ok")
    assert result.top == (("dog", pytest.approx(0.95)), ("cat", pytest.approx(0.9)))
    assert result.fields["boxes"] == [
        [40.0, 80.0, 120.0, 120.0, "dog", pytest.approx(0.95)],
        [160.0, 80.0, 240.0, 120.0, "cat", pytest.approx(0.9)],
    ]
    assert result.draw().shape == (400, 800, 3)


def test_nothing_there_is_an_answer():
    result = _answer([50, 50, 20, 10, 1.0, 0.2, 0.1])
    assert (result.label, result.score, result.state, result.top) == ("none", 0.0, "ok", ())
    assert result.fields["boxes"] == []


def test_a_task_that_reads_no_pictures_is_named():
    with pytest.raises(TaskError, match="made for the task generate"):
        picture_answer("generate", "net.onnx")


def test_the_processor_times_its_stages(picture_model):
    model = load_model(picture_model, provider="cpu")

    class Session:
        def run(self, names, inputs, options=None):
            return [np.array([[[50, 50, 20, 10, 1.0, 0.9, 0.1]]], np.float32)]

    detector = dataclasses.replace(model, metadata=CONTRACT, session=Session())
    frame = Frame("x", 0, time.monotonic_ns(), np.zeros((100, 100, 3), np.uint8))
    result = ImageProcessor(detector).process(frame)
    assert result.label == "cat"
    assert set(result.stages_ms) == {"prepare", "infer", "decode"}


@pytest.mark.parametrize("name", ["digits-yolo", "digits-yolo.int8"])
def test_the_bundled_detector_finds_the_test_cameras_digits(name):
    processor = ImageProcessor(load_model(f"bundled:{name}", provider="cpu", threads=1))
    camera = TestCamera("test:digits?count=4&pace=free&seed=3")
    drawn = found = wrong = 0
    for number in range(0, 600, 12):
        result = processor.process(Frame("test", number, 0, camera.picture(number)))
        wanted = Counter(camera.label(number).split())
        seen = Counter(box[4] for box in result.fields["boxes"])
        drawn += wanted.total()
        found += (wanted & seen).total()
        wrong += (seen - wanted).total()
    assert found / drawn > 0.9
    assert wrong / drawn < 0.1


def test_no_panel_hides_what_boxes_say():
    result = _answer([50, 50, 20, 10, 1.0, 0.9, 0.1])
    frame = Frame("x", 0, 0, np.full((200, 400, 3), 90, np.uint8))
    result = dataclasses.replace(result, draw=lambda: frame.data)
    answers = [
        Answer(
            frame, one, latency_ms=1.0, ledger=LedgerCounts(1, 1, 0, 0, 0), fps=1.0, provider="cpu"
        ).picture()
        for one in (result, dataclasses.replace(result, draws_labels=False))
    ]
    upper = [picture[: picture.shape[0] // 2] for picture in answers]
    assert (upper[0] == 90).all()
    assert (upper[1] != 90).any()
