"""Each decoder against numbers worked out by hand."""

import numpy as np
import pytest

from edgecnn.errors import ModelError
from edgecnn.metadata import Boxes, ImageInput, Output
from edgecnn.runtime.tasks.boxes import DECODERS, decode_boxes, expected_shape, sigmoid


def _settings(decoder, activation="none", **more):
    return Output(activation=activation, boxes=Boxes(decoder=decoder, **more))


def _logit(share):
    return np.log(share / (1 - share))


def test_yolo_v1_by_hand():
    spec = ImageInput(height=448, width=448, colour="rgb")
    output = np.zeros((7, 7, 30), np.float32)
    # Row 3, column 2; its second box: centre of the cell, half the width, a quarter of the height.
    output[3, 2, 5:10] = 0.5, 0.5, np.sqrt(0.5), np.sqrt(0.25), 0.8
    output[3, 2, 10 + 6] = 0.9
    found = decode_boxes(output, _settings("yolo-v1", per_cell=2), spec, 20)
    # 98 boxes, each with a score for every class.
    assert found.boxes.shape == (98 * 20, 4)
    best = int(found.scores.argmax())
    assert best == (2 * (3 * 7 + 2) + 1) * 20 + 6
    x, y = (2.5 * 64, 3.5 * 64)
    assert found.boxes[best] == pytest.approx([x - 112, y - 56, x + 112, y + 56])
    assert (found.labels[best], found.scores[best]) == (6, pytest.approx(0.72))


def test_yolo_v1_through_a_sigmoid_on_a_grid_of_another_shape():
    spec = ImageInput(height=64, width=128, colour="rgb")
    output = np.full((2, 4, 7), -20.0, np.float32)
    output[1, 3] = [_logit(s) for s in (0.25, 0.75, 0.5, 0.5, 0.9, 0.2, 0.6)]
    found = decode_boxes(output, _settings("yolo-v1", "sigmoid"), spec, 2)
    best = int(found.scores.argmax())
    x, y = 3.25 * 32, 1.75 * 32
    assert found.boxes[best] == pytest.approx([x - 16, y - 8, x + 16, y + 8], abs=1e-3)
    assert (found.labels[best], found.scores[best]) == (1, pytest.approx(0.54))
    other = best - 1
    assert found.boxes[other] == pytest.approx(found.boxes[best])
    assert (found.labels[other], found.scores[other]) == (0, pytest.approx(0.18))


def test_yolox_by_hand():
    spec = ImageInput(height=32, width=64, colour="bgr")
    settings = _settings("yolox", strides=(8, 16))
    assert expected_shape(settings.boxes, spec, 2) == (4 * 8 + 2 * 4, 7)
    output = np.zeros((40, 7), np.float32)
    # Of the second grid row 1, column 2.
    output[32 + 4 + 2] = [0.5, 0.25, np.log(2), 0, 0.5, 0.1, 0.8]
    found = decode_boxes(output, settings, spec, 2)
    best = int(found.scores.argmax())
    x, y = 2.5 * 16, 1.25 * 16
    assert found.boxes[best] == pytest.approx([x - 16, y - 8, x + 16, y + 8])
    assert (found.labels[best], found.scores[best]) == (1, pytest.approx(0.4))


def test_an_absurd_size_overflows_nothing():
    spec = ImageInput(height=8, width=8, colour="bgr")
    output = np.full((1, 6), 500.0, np.float32)
    found = decode_boxes(output, _settings("yolox", strides=(8,)), spec, 1)
    assert np.isfinite(found.boxes).all()


def test_yolov5_and_yolov8_by_hand():
    spec = ImageInput(height=640, width=640, colour="rgb")
    row = [100, 50, 40, 20, 0.5, 0.2, 0.8, 0.1]
    found = decode_boxes(np.array([row], np.float32), _settings("yolov5"), spec, 3)
    assert found.boxes[0] == pytest.approx([80, 40, 120, 60])
    assert (found.labels[0], found.scores[0]) == (1, pytest.approx(0.4))
    columns = np.array([row[:4] + row[5:]], np.float32).T
    found = decode_boxes(columns, _settings("yolov8"), spec, 3)
    assert found.boxes[0] == pytest.approx([80, 40, 120, 60])
    assert (found.labels[0], found.scores[0]) == (1, pytest.approx(0.8))


def test_fastestdet_by_hand():
    spec = ImageInput(height=352, width=352, colour="bgr")
    output = np.zeros((7, 22, 22), np.float32)
    output[:, 4, 9] = [0.9, np.arctanh(0.5), np.arctanh(-0.25), _logit(0.25), _logit(0.5), 0.3, 0.7]
    found = decode_boxes(output, _settings("fastestdet"), spec, 2)
    best = int(found.scores.argmax())
    x, y = 9.5 * 16, 3.75 * 16
    assert found.boxes[best] == pytest.approx([x - 44, y - 88, x + 44, y + 88], abs=1e-3)
    assert found.labels[best] == 1
    assert found.scores[best] == pytest.approx(0.9**0.6 * 0.7**0.4)


@pytest.mark.parametrize("decoder", DECODERS)
def test_another_shape_than_the_contracts_is_named(decoder):
    spec = ImageInput(height=64, width=64, colour="rgb")
    strides = (8,) if decoder == "yolox" else ()
    with pytest.raises(ModelError, match=rf"shape \(3, 5, 2, 9\).*{decoder} with 4 labels"):
        decode_boxes(
            np.zeros((3, 5, 2, 9), np.float32), _settings(decoder, strides=strides), spec, 4
        )


def test_a_sigmoid_of_large_values_warns_of_nothing():
    assert sigmoid(np.array([-1e4, 0, 1e4], np.float32)).tolist() == [0.0, 0.5, 1.0]
