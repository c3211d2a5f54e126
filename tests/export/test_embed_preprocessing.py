"""Preprocessing inside the graph: the pixels that OpenCV gives, but for a grey level."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgecnn.bundled import resolve_model
from edgecnn.calibration.sessions import session_of
from edgecnn.errors import ModelError, TaskError
from edgecnn.export.embed_preprocessing import embed_preprocessing
from edgecnn.metadata import ImageInput, ModelMetadata
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.session import load_model

SIZES = ((48, 64), (11, 9), (56, 48), (20, 150), (112, 96), (1, 1), (75, 25), (57, 49), (56, 161))


def passing(spec: ImageInput, *, opset: int = 11, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """A network that gives what it is given."""
    shape: list[int | str] = ["batch", *spec.shape]
    if spec.resize == "none":
        shape = ["batch", spec.channels, "h", "w"]
    values = [helper.make_tensor_value_info(n, kind, shape) for n in ("input", "y")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], ["y"])], "g", values[:1], values[1:]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)


def contract(spec: ImageInput) -> ModelMetadata:
    return ModelMetadata(name="t", task="classify", labels=("a", "b"), input=spec)


def prepared(spec: ImageInput, frames: NDArray[np.uint8], **kinds: Any) -> NDArray[np.float32]:
    model, _ = embed_preprocessing(passing(spec, **kinds), contract(spec))
    onnx.checker.check_model(model, full_check=True)
    return session_of(model).run(["y"], {"frame": frames})[0]


def textured(height: int, width: int) -> NDArray[np.uint8]:
    """Hard edges and noise: what resizing rules differ on most."""
    rng = np.random.default_rng((height, width))
    frame = rng.integers(0, 256, (height, width, 3))
    frame[:: max(2, height // 5)] = 255
    return frame.astype(np.uint8)


@pytest.mark.parametrize("colour", ["gray", "rgb", "bgr"])
@pytest.mark.parametrize(
    "policy",
    [
        {"resize": "stretch"},
        {"resize": "crop"},
        {"resize": "crop", "shorter_side": 64},
        {"resize": "letterbox", "pad_value": 114},
        {"resize": "letterbox", "align": "top-left"},
        {"resize": "none"},
    ],
    ids=lambda policy: "-".join(map(str, policy.values())),
)
def test_every_policy_and_colour_gives_opencvs_pixels_within_a_level(
    policy: dict[str, Any], colour: Any
) -> None:
    spec = ImageInput(height=56, width=48, colour=colour, mean=(0.5,), std=(0.25,), **policy)
    model, _ = embed_preprocessing(passing(spec), contract(spec))
    session = session_of(model)
    differences = []
    for size in SIZES:
        frame = textured(*size)
        given = session.run(["y"], {"frame": frame[None]})[0][0]
        levels = np.abs(given - image_tensor(frame, spec)) * 0.25 * 255
        # Grey is rounded once more, after resizing instead of before.
        assert levels.max() <= (2.01 if colour == "gray" else 1.01), size
        differences.append(float(levels.mean()))
    assert np.mean(differences) < 0.3


def test_a_batch_of_frames_is_prepared_as_each_alone() -> None:
    spec = ImageInput(height=20, width=16, colour="rgb", resize="crop")
    frames = np.stack([textured(31, 47), textured(31, 47)[::-1]])
    both = prepared(spec, frames)
    np.testing.assert_array_equal(both[1:], prepared(spec, frames[1:]))


def test_channels_last_and_statistics_per_channel() -> None:
    spec = ImageInput(
        height=20, width=16, colour="rgb", layout="NHWC", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0)
    )
    frame = textured(20, 16)
    np.testing.assert_allclose(prepared(spec, frame[None])[0], image_tensor(frame, spec), rtol=1e-6)


def test_a_network_of_fp16_is_given_fp16() -> None:
    spec = ImageInput(height=20, width=16, colour="bgr")
    given = prepared(spec, textured(20, 16)[None], opset=20, kind=TensorProto.FLOAT16)
    assert given.dtype == np.float16


def test_shapes_behind_the_preprocessing_stay_known() -> None:
    file = resolve_model("bundled:cifar10-resnet")
    model, metadata = embed_preprocessing(
        onnx.load_model(file), load_model(file, provider="cpu", check=False).metadata
    )
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in inferred.graph.value_info
    }
    assert shapes["input"][1:] == [3, 32, 32]
    assert metadata.input.tensors == {"frame": (32, 32, 3)}


def test_an_opset_before_11_is_raised() -> None:
    spec = ImageInput(height=20, width=16, colour="bgr")
    frame = textured(20, 16)
    given = prepared(spec, frame[None], opset=9)
    np.testing.assert_allclose(given[0], image_tensor(frame, spec), atol=1e-6)


def test_what_reads_no_pictures_and_what_is_embedded_already() -> None:
    for name, text in (("ecg-beats", "reads no pictures"), ("cifar10-resnet", "already")):
        file = resolve_model(f"bundled:{name}")
        model, metadata = onnx.load_model(file), load_model(file, check=False).metadata
        if text == "already":
            model, metadata = embed_preprocessing(model, metadata)
        with pytest.raises(TaskError, match=text):
            embed_preprocessing(model, metadata)


def test_an_input_that_is_not_there() -> None:
    spec = ImageInput(name="images", height=20, width=16, colour="bgr")
    with pytest.raises(ModelError, match="no input 'images'"):
        embed_preprocessing(passing(spec), contract(spec))
