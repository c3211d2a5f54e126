"""A foreign detector: an ONNX file without a contract, and the contract beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


class ForeignDetector(NamedTuple):
    """A file of YOLOv5's output, and its contract as TOML."""

    model: Path
    contract: Path


@pytest.fixture(scope="session")
def foreign_detector(tmp_path_factory: pytest.TempPathFactory) -> ForeignDetector:
    """A detector that sees a dog at the upper left of any bright picture, and nothing else."""
    folder = tmp_path_factory.mktemp("foreign")
    # Centre, width, height, objectness, cat, dog; the objectness is the picture's brightness.
    box = np.array([[[25, 25, 50, 50, 0, 0.1, 0.9]]], dtype=np.float32)
    column = np.array([[[0, 0, 0, 0, 1, 0, 0]]], dtype=np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "column"], ["objectness"]),
        helper.make_node("Add", ["box", "objectness"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 100, 100])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 1, 7])],
        [numpy_helper.from_array(box, "box"), numpy_helper.from_array(column, "column")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "dogs.onnx")
    (folder / "dogs.toml").write_text(
        """
task = "detect"
labels = ["cat", "dog"]
[input]
kind = "image"
name = "images"
height = 100
width = 100
colour = "rgb"
resize = "letterbox"
[output]
name = "output0"
activation = "none"
min_score = 0.3
[output.boxes]
decoder = "yolov5"
"""
    )
    return ForeignDetector(folder / "dogs.onnx", folder / "dogs.toml")
