from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.errors import MissingFileError, ModelError
from edgecnn.export import external_data
from edgecnn.export.external_data import check_size, embed_external_data


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A model whose weights lie in a file beside it."""
    weights = np.arange(400, dtype=np.float32).reshape(4, 100)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 4])],
        [value("y", TensorProto.FLOAT, ["batch", 100])],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path / "in" / "m.onnx"
    path.parent.mkdir()
    onnx.save_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]),
        path,
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
    )
    return path


def _load(path: Path) -> onnx.ModelProto:
    return onnx.load_model(path, load_external_data=False)


def test_it_is_taken_in(split):
    model = _load(split)
    assert embed_external_data(model, split) == (split.with_name("m.data"),)
    (tensor,) = model.graph.initializer
    assert tensor.data_location == TensorProto.DEFAULT
    np.testing.assert_array_equal(numpy_helper.to_array(tensor).ravel(), np.arange(400))
    assert embed_external_data(model, split) == ()


@pytest.mark.parametrize("location", ["../m.data", "/etc/hostname", "link.data", ""])
def test_outside_of_the_folder(split, location):
    outside = split.parent.parent / "m.data"
    outside.write_bytes(split.with_name("m.data").read_bytes())
    split.with_name("link.data").symlink_to(outside)
    model = _load(split)
    entry = next(e for e in model.graph.initializer[0].external_data if e.key == "location")
    entry.value = location
    with pytest.raises(ModelError, match="weights w lie outside of its folder"):
        embed_external_data(model, split)


def test_missing_or_cut_short(split):
    data = split.with_name("m.data")
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be read"):
        embed_external_data(_load(split), split)
    data.unlink()
    with pytest.raises(MissingFileError, match=r"weights lie in m\.data, which is not there"):
        embed_external_data(_load(split), split)


def test_more_than_one_file_can_hold(split, monkeypatch):
    with pytest.raises(ModelError, match=r"big: 3\.0 GB of weights; an \.onnx file holds 2\.1 GB"):
        check_size(3_000_000_000, "big")
    monkeypatch.setattr(external_data, "LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match="edgecnn writes none beside it"):
        embed_external_data(_load(split), split)
