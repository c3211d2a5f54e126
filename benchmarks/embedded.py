"""Preprocessing inside the graph beside OpenCV's: time, and grey levels apart."""

from __future__ import annotations

import argparse
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks.timing import milliseconds, print_heading, print_table, time_calls
from edgecnn.export.embed_preprocessing import embed_preprocessing
from edgecnn.metadata import ImageInput, ModelMetadata, Output, Pixels
from edgecnn.preprocessing.image import image_tensor

SPEC = ImageInput(name="x", height=224, width=224, colour="bgr", resize="stretch", scale=1.0)


def ours() -> onnx.ModelProto:
    """Return what is embedded, before a network that gives what it is given."""
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 3, 224, 224]) for n in "xy"
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    contract = ModelMetadata(
        name="t",
        task="image-to-image",
        input=SPEC,
        output=Output(name="y", pixels=Pixels(colour="bgr", scale=1.0)),
    )
    return embed_preprocessing(model, contract)[0]


def resize() -> onnx.ModelProto:
    """Return ONNX's own antialiased resizing of the same frames."""
    nodes = [
        helper.make_node("Resize", ["frame", "", "", "s"], ["r"], mode="linear", antialias=1),
        helper.make_node("Cast", ["r"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["f"], ["y"], perm=[0, 3, 1, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 224, 224])],
        [numpy_helper.from_array(np.array([1, 224, 224, 3]), "s")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def session(model: onnx.ModelProto) -> Any:
    """Open a graph on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def textured(height: int, width: int) -> NDArray[np.uint8]:
    """Noise with the smoothness of a photo's."""
    random = np.random.default_rng(0)
    noise = cv2.GaussianBlur(
        random.integers(0, 256, (height, width, 3)).astype(np.uint8), (5, 5), 1
    )
    return cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    cv2.setNumThreads(1)
    sessions = {"embedded": session(ours()), "ONNX Resize, antialias": session(resize())}
    rows = []
    for height, width in ((480, 640), (720, 1280), (1080, 1920)):
        frame = textured(height, width)
        expected = image_tensor(frame, SPEC)
        calls = {"OpenCV": lambda frame=frame: image_tensor(frame, SPEC)}
        calls |= {
            name: lambda frame=frame, one=one: one.run(["y"], {"frame": frame[None]})[0][0]
            for name, one in sessions.items()
        }
        for name, timing in time_calls(calls, runs=runs).items():
            apart = np.abs(calls[name]() - expected)
            rows.append(
                (
                    f"{width} x {height}, {name}",
                    *milliseconds(timing),
                    f"{apart.mean():.3f}",
                    f"{apart.max():.0f}",
                )
            )
    print_heading("Frames to 224 x 224 tensors, one thread")
    print_table(("what", "median ms", "10 to 90 %", "levels apart, mean", "at most"), rows)


if __name__ == "__main__":
    main()
