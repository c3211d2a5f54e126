"""Nodes and weights as they are read without the onnx package, against what it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundled import bundled_models, resolve_model
from edgecnn.errors import MissingFileError, NotAModelError
from edgecnn.runtime.graph_file import check_external, read_graph, with_outputs
from edgecnn.runtime.inspection import inspect_model


@pytest.mark.parametrize("name", bundled_models())
def test_every_bundled_model_as_onnx_reads_it(name: str) -> None:
    file = resolve_model(f"bundled:{name}")
    ours, theirs = read_graph(file), onnx.load_model(file)
    assert ours.ir_version == theirs.ir_version
    assert ours.opset == {entry.domain: entry.version for entry in theirs.opset_import}
    assert ours.inputs == tuple(value.name for value in theirs.graph.input)
    assert ours.outputs == tuple(value.name for value in theirs.graph.output)
    for one, other in zip(ours.nodes, theirs.graph.node, strict=True):
        assert (one.name, one.operator, one.domain) == (other.name, other.op_type, other.domain)
        assert (one.inputs, one.outputs) == (tuple(other.input), tuple(other.output))
        whole = {a.name: tuple(a.ints) for a in other.attribute if a.ints}
        whole |= {a.name: (a.i,) for a in other.attribute if a.type == a.INT}
        assert one.ints == whole
    for tensor in theirs.graph.initializer:
        weight = ours.weights[tensor.name]
        values = numpy_helper.to_array(tensor)
        assert (weight.shape, weight.size_bytes) == (values.shape, values.nbytes)


def write_external(folder: Path, location: str) -> Path:
    """Write a model whose weight lies in a file of its own."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in "xy")
    weight = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    if location != "weights.bin":
        stored = onnx.load_model(path, load_external_data=False)
        stored.graph.initializer[0].external_data[0].value = location
        path.write_bytes(stored.SerializeToString())
    return path


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = write_external(tmp_path, "weights.bin")
    graph = read_graph(path)
    check_external(path, graph)
    (weight,) = graph.external
    assert (weight.name, weight.external.location) == ("w", "weights.bin")
    found = inspect_model(path)
    assert [w.name for w in found.external] == ["w"]
    assert found.costs.parameters == 4
    assert found.costs.layers[0].shape == (1, 4)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "gone.bin"])
def test_weights_that_are_not_there_or_not_to_be_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "model").mkdir()
    path = write_external(tmp_path / "model", location)
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    text = "not there" if location == "gone.bin" else "outside of the file's folder"
    with pytest.raises(NotAModelError, match=text):
        inspect_model(path)


def test_tensors_are_made_outputs_by_appending_to_the_file() -> None:
    content = resolve_model("bundled:mnist-lenet5").read_bytes()
    model = onnx.load_model_from_string(content)
    name = model.graph.node[3].output[0]
    more = onnx.load_model_from_string(with_outputs(content, [name]))
    assert [v.name for v in more.graph.output] == [model.graph.output[0].name, name]
    assert more.graph.node == model.graph.node


@pytest.mark.parametrize("content", [b"hello", b"\x08", b"\x3a\x7f\x0a"])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(NotAModelError, match="not a readable ONNX model"):
        read_graph(path)
    with pytest.raises(MissingFileError):
        read_graph(tmp_path / "gone.onnx")
