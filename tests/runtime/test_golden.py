import cv2
import numpy as np
import pytest

from edgecnn.errors import GoldenError, MetadataError
from edgecnn.metadata import (
    BeatInput,
    BoxcarFilter,
    Golden,
    GoldenExample,
    ImageInput,
    ModelMetadata,
    RhythmFeatures,
)
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.runtime.golden import check_golden, golden_inputs

PICTURE = ImageInput(height=8, width=8, colour="gray")
BEAT = BeatInput(
    sampling_rate_hz=100,
    leads=("MLII",),
    before=20,
    after=30,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)


def _picture_example(logits):
    _, png = cv2.imencode(".png", np.full((20, 30, 3), 200, np.uint8))
    return GoldenExample(media="image/png", data=png.tobytes(), logits=(logits,))


def _metadata(spec):
    return ModelMetadata(name="m", task="classify", labels=("a", "b"), input=spec)


def _check(then, now, *, tolerance=None, spec=PICTURE):
    golden = Golden(examples=(_picture_example(then),), tolerance=tolerance or {"cpu": 0.1})
    answer = np.array([now], np.float32)
    return check_golden(
        golden, _metadata(spec), lambda inputs: answer, provider="cpu", source="m.onnx"
    )


def test_the_same_answer_is_silent():
    assert _check((1.0, 3.0), (1.05, 2.95)) == []


def test_a_flipped_label_is_refused_however_near_the_logits():
    with pytest.raises(GoldenError) as caught:
        _check((1.0, 1.01), (1.01, 1.0), tolerance={"cpu": 5.0})
    assert "is 'b'" in caught.value.message
    assert "gives 'a'" in caught.value.message


def test_a_drift_beyond_the_tolerance_warns():
    (warning,) = _check((1.0, 3.0), (1.0, 3.5))
    assert "drift by 0.5" in warning


def test_a_provider_without_a_tolerance_gets_the_largest():
    assert _check((1.0, 3.0), (1.0, 3.5), tolerance={"cuda": 0.2, "openvino": 0.6}) == []


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(GoldenError):
        _check((1.0, 3.0), (1.0, float("nan")))


def test_another_number_of_answers_is_refused():
    with pytest.raises(GoldenError, match=r"gives \(1, 3\) values, not \(1, 2\)"):
        _check((1.0, 3.0), (1.0, 3.0, 2.0))


def test_a_signal_goes_through_the_beat_preprocessing():
    signal = (1000 * np.sin(np.arange(500) / 7)).astype("<i2")
    example = GoldenExample(
        media="signal/int16-uV",
        data=signal.tobytes(),
        sampling_rate_hz=100,
        beats=(100, 200, 300),
        logits=((1.0, 0.0),) * 3,
    )
    inputs = golden_inputs(example, BEAT)
    wanted = beat_inputs(signal.astype(np.int64), np.array([100, 200, 300]), BEAT)
    assert {name: array.shape for name, array in inputs.items()} == {
        "beat": (3, 2, 50),
        "rr": (3, 5),
    }
    assert all((inputs[name] == wanted[name]).all() for name in wanted)


def test_an_example_of_the_other_kind_is_refused():
    with pytest.raises(MetadataError, match="no signal"):
        golden_inputs(_picture_example((1.0, 0.0)), BEAT)
    signal = GoldenExample(media="signal/int16-uV", data=b"\0\0", beats=(0,), logits=((1.0, 0.0),))
    with pytest.raises(MetadataError, match="no picture"):
        golden_inputs(signal, PICTURE)
