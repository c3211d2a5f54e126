import time

import cv2
import msgspec
import numpy as np
import pytest

from edgecnn.errors import TaskError
from edgecnn.metadata import BeatInput, BoxcarFilter, Output, RhythmFeatures
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def model(picture_model):
    return load_model(picture_model, provider="cpu")


def _frame(value):
    return Frame("x", 0, time.monotonic_ns(), np.full((60, 80, 3), value, np.uint8))


def test_pictures_are_answered_with_scores_and_stage_times(model):
    processor = ImageProcessor(model)
    for value, label in ((0, "dark"), (128, "grey"), (255, "bright")):
        result = processor.process(_frame(value))
        assert (result.label, result.state) == (label, "ok")
        assert result.score == pytest.approx(result.top[0][1])
        assert sum(score for _, score in result.top) == pytest.approx(1)
        assert set(result.stages_ms) == {"prepare", "infer", "decode"}


def test_preparing_is_the_one_definition(model):
    picture = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    prepared = ImageProcessor(model).prepare(picture)["input"]
    assert (prepared[0] == image_tensor(picture, model.metadata.input)).all()


def test_a_low_score_is_unknown_with_its_reason(model):
    import dataclasses

    strict = msgspec.structs.replace(model.metadata, output=Output(min_score=0.9))
    processor = ImageProcessor(dataclasses.replace(model, metadata=strict))
    result = processor.process(_frame(77))
    assert (result.label, result.state) == ("unknown", "unknown")
    assert result.reason.endswith("is below 0.9")
    assert result.top


def test_a_value_that_is_no_number_is_unknown(model):
    import dataclasses

    class Broken:
        def run(self, names, inputs, options=None):
            return [np.full((1, 3), np.nan, np.float32)]

    result = ImageProcessor(dataclasses.replace(model, session=Broken())).process(_frame(3))
    assert result.state == "unknown"
    assert "no number" in result.reason


def test_a_signal_model_is_the_wrong_task(model):
    import dataclasses

    spec = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=90,
        after=110,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    signal = dataclasses.replace(
        model, metadata=msgspec.structs.replace(model.metadata, input=spec)
    )
    with pytest.raises(TaskError) as caught:
        ImageProcessor(signal)
    assert "edgecnn score" in caught.value.hint


def test_an_opencv_error_is_an_image_error(model, monkeypatch):
    from edgecnn.errors import ImageError

    def fail(*args, **kwargs):
        raise cv2.error("out of memory")

    monkeypatch.setattr(cv2, "cvtColor", fail)
    with pytest.raises(ImageError, match="cannot be prepared"):
        ImageProcessor(model).process(_frame(3))


def test_the_card_tells_what_the_model_is(model):
    card = ImageProcessor(model).card
    assert card["Task"] == "classify"
    assert "28" in card["Input"]
    assert card["Labels"] == "dark, grey, bright"
    assert card["Runs on"].startswith("cpu, ")
