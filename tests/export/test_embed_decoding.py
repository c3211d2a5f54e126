"""Decoding inside the graph: the answers that NumPy gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgecnn.calibration.sessions import session_of
from edgecnn.errors import ModelError, TaskError
from edgecnn.export.embed_decoding import embed_decoding
from edgecnn.metadata import Boxes, CharacterInput, ImageInput, ModelMetadata, Output, Pixels
from edgecnn.runtime.tasks.classify import scores
from edgecnn.runtime.tasks.detect import detect_in_tensor
from edgecnn.runtime.tasks.image_to_image import decode_pixels

LABELS = tuple("abcdefg")
SPEC = ImageInput(name="x", height=64, width=96, colour="bgr")


def passing(shape: tuple[int | str, ...], name: str = "y") -> onnx.ModelProto:
    """A network that gives what it is given."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", name)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], [name])], "g", values[:1], values[1:]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def contract(task: Any, output: Output, labels: tuple[str, ...] = LABELS) -> ModelMetadata:
    return ModelMetadata(name="t", task=task, labels=labels, input=SPEC, output=output)


def decoded(
    metadata: ModelMetadata, values: NDArray[np.float32], *, top: int = 5
) -> dict[str, NDArray[Any]]:
    shape: tuple[int | str, ...] = ("batch", *values.shape[1:])
    model, described = embed_decoding(passing(shape, metadata.output.name), metadata, top=top)
    onnx.checker.check_model(model, full_check=True)
    names = described.output.decoded.names
    return dict(zip(names, session_of(model).run(list(names), {"x": values}), strict=True))


def outputs(boxes: Boxes, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw two outputs of a detector, some of whose boxes lie on each other."""
    n = len(LABELS)
    if boxes.decoder == "yolo-v1":
        values = rng.normal(0, 2, (2, 4, 6, 5 * boxes.per_cell + n))
    elif boxes.decoder == "fastestdet":
        values = rng.normal(0, 1, (2, 5 + n, 4, 6))
        values[:, 0], values[:, 5:] = rng.random((2, 4, 6)), rng.random((2, n, 4, 6))
    else:
        count = 8 * 12 + 4 * 6 if boxes.decoder == "yolox" else 60
        values = rng.normal(0, 1, (2, count, 5 + n))
        values[..., 4:] = rng.random((2, count, 1 + n))
        if boxes.decoder != "yolox":
            values[..., :2] = rng.choice((20, 22, 60), (2, count, 2))
            values[..., 2:4] = rng.uniform(8, 16, (2, count, 2))
        if boxes.decoder == "yolov8":
            values = np.delete(values, 4, axis=2).transpose(0, 2, 1)
    return values.astype(np.float32)


@pytest.mark.parametrize(
    "boxes",
    [
        Boxes(decoder="yolo-v1", per_cell=2),
        Boxes(decoder="yolox", strides=(8, 16)),
        Boxes(decoder="yolov5", limit=7),
        Boxes(decoder="yolov8", max_overlap=0.2),
        Boxes(decoder="fastestdet"),
    ],
    ids=lambda boxes: boxes.decoder,
)
def test_boxes_are_those_of_numpy(boxes: Boxes) -> None:
    activation: Any = "sigmoid" if boxes.decoder == "yolo-v1" else "none"
    settings = Output(name="y", activation=activation, min_score=0.4, boxes=boxes)
    metadata = contract("detect", settings)
    values = outputs(boxes, np.random.default_rng(1))
    found = [detect_in_tensor(one, metadata) for one in values]
    assert all(len(one) > 1 for one in found)
    for row, one in enumerate(found):
        given = decoded(metadata, values[row : row + 1])
        np.testing.assert_array_equal(given["labels"][0], one.labels)
        np.testing.assert_allclose(given["scores"][0], one.scores, rtol=1e-5)
        np.testing.assert_allclose(given["boxes"][0], one.boxes, atol=1e-3)
    # In a batch, the shorter answer is filled up.
    both = decoded(metadata, values)
    for row, one in enumerate(found):
        n = len(one)
        np.testing.assert_array_equal(both["labels"][row][:n], one.labels)
        assert (both["labels"][row][n:] == -1).all()
        assert (both["scores"][row][n:] == 0).all()


def test_nothing_found_is_an_answer_of_no_boxes() -> None:
    settings = Output(name="y", activation="none", min_score=0.4, boxes=Boxes(decoder="yolov5"))
    given = decoded(contract("detect", settings), np.zeros((1, 9, 12), np.float32))
    assert {name: x.shape for name, x in given.items()} == {
        "boxes": (1, 0, 4), "scores": (1, 0), "labels": (1, 0),
    }  # fmt: skip


def test_a_score_that_is_just_enough_counts() -> None:
    settings = Output(name="y", activation="none", min_score=0.5, boxes=Boxes(decoder="yolov5"))
    values = np.zeros((1, 1, 12), np.float32)
    values[0, 0, :6] = (20, 20, 8, 8, 1, 0.5)
    assert decoded(contract("detect", settings), values)["scores"].tolist() == [[0.5]]


def test_a_grid_without_a_fixed_size_cannot_be_embedded() -> None:
    settings = Output(name="y", min_score=0.4, boxes=Boxes(decoder="fastestdet"))
    with pytest.raises(ModelError, match="not fixed"):
        embed_decoding(passing(("batch", 12, "h", "w")), contract("detect", settings))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_best_labels_with_their_scores(activation: Any) -> None:
    metadata = contract("classify", Output(name="y", activation=activation))
    values = np.random.default_rng(0).normal(size=(3, len(LABELS))).astype(np.float32)
    given = decoded(metadata, values, top=3)
    expected = scores(values, metadata.output)
    order = np.argsort(-expected, axis=1)[:, :3]
    np.testing.assert_array_equal(given["labels"], order)
    np.testing.assert_allclose(
        given["scores"], np.take_along_axis(expected, order, axis=1), rtol=1e-5
    )


def test_labels_below_the_least_score_are_none() -> None:
    metadata = contract("classify", Output(name="y", activation="none", min_score=0.5))
    values = np.array([[0.7, 0.5, 0.4, 0, 0, 0, 0]], np.float32)
    assert decoded(metadata, values, top=3)["labels"].tolist() == [[0, 1, -1]]


def test_fewer_labels_than_asked_for_are_all() -> None:
    metadata = contract("classify", Output(name="y"), labels=("a", "b"))
    assert decoded(metadata, np.zeros((1, 2), np.float32))["labels"].shape == (1, 2)


@pytest.mark.parametrize("colour", ["gray", "rgb", "bgr"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_picture_is_that_of_numpy(colour: Any, layout: Any) -> None:
    pixels = Pixels(colour=colour, layout=layout, scale=100.0, offset=30.0)
    metadata = contract("image-to-image", Output(name="y", pixels=pixels), labels=())
    channels = pixels.channels
    shape = (1, channels, 5, 4) if layout == "NCHW" else (1, 5, 4, channels)
    values = np.random.default_rng(0).normal(1, 1, shape).astype(np.float32)
    given = decoded(metadata, values)["picture"]
    assert given.dtype == np.uint8
    np.testing.assert_array_equal(given[0], decode_pixels(values, pixels)[0])


def test_an_output_that_is_called_scores_keeps_its_name() -> None:
    metadata = contract("classify", Output(name="scores"))
    _, described = embed_decoding(passing(("batch", 7), "scores"), metadata)
    assert described.output.name == "scores"
    assert described.output.decoded.names == ("scores_decoded", "labels")


def test_what_cannot_be_decoded_or_is_already() -> None:
    metadata = contract("classify", Output(name="y"))
    model, described = embed_decoding(passing(("batch", 7)), metadata)
    with pytest.raises(TaskError, match="already"):
        embed_decoding(model, described)
    writer = ModelMetadata(name="w", task="generate", input=CharacterInput(vocabulary=("a", "b")))
    with pytest.raises(TaskError, match="character by character"):
        embed_decoding(model, writer)
