"""A contract put into a file that brings none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.errors import ModelError, NotAModelError, UsageError
from edgecnn.export.write_contract import write_contract
from edgecnn.metadata import ImageInput, ModelMetadata, Output
from edgecnn.runtime.session import load_model

CONTRACT = ModelMetadata(
    name="quarters",
    task="classify",
    labels=("upper left", "upper right", "lower left", "lower right"),
    input=ImageInput(name="x", height=8, width=8, colour="gray", resize="stretch"),
    output=Output(name="y"),
)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A file without a contract: it tells the brightest quarter of a picture."""
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Mul", ["f", "ten"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.full(4, 10, np.float32), "ten")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, tmp_path / "foreign.onnx")
    return tmp_path / "foreign.onnx"


def test_the_graph_stays_and_checks_itself(foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.onnx"
    count = write_contract(foreign, out, CONTRACT)
    model = load_model(out, provider="cpu")
    assert model.metadata == CONTRACT
    assert len(model.golden.examples) == count > 0
    before, after = onnx.load_model(foreign), onnx.load_model(out)
    assert after.graph == before.graph
    assert load_model(foreign, contract=CONTRACT).golden is None


def test_in_place_and_once_more(foreign: Path) -> None:
    write_contract(foreign, foreign, CONTRACT)
    first = foreign.read_bytes()
    write_contract(foreign, foreign, CONTRACT)
    assert foreign.read_bytes() == first


def test_weights_beside_the_file_come_into_it(foreign: Path, tmp_path: Path) -> None:
    model = onnx.load_model(foreign)
    (tmp_path / "two").mkdir()
    path = tmp_path / "two" / "foreign.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    write_contract(path, tmp_path / "one.onnx", CONTRACT)
    (tmp_path / "two" / "w.bin").unlink()
    load_model(tmp_path / "one.onnx", provider="cpu")
    with pytest.raises(NotAModelError, match="not there"):
        write_contract(path, tmp_path / "three.onnx", CONTRACT)
    assert not (tmp_path / "three.onnx").exists()


def test_a_contract_that_does_not_fit_leaves_no_file(foreign: Path, tmp_path: Path) -> None:
    import msgspec

    three = msgspec.structs.replace(CONTRACT, labels=("a", "b", "c"))
    with pytest.raises(ModelError, match="3 labels for 4 outputs"):
        write_contract(foreign, tmp_path / "ours.onnx", three)
    other = msgspec.structs.replace(
        CONTRACT, input=msgspec.structs.replace(CONTRACT.input, name="z")
    )
    # The file is told by the name that it was to have, not by the one that it is written under.
    with pytest.raises(ModelError, match=r"^(\S*/)?ours\.onnx: its contract names inputs"):
        write_contract(foreign, tmp_path / "ours.onnx", other)
    with pytest.raises(UsageError, match=r"not called \.onnx"):
        write_contract(foreign, tmp_path / "ours.txt", CONTRACT)
    assert [p.name for p in tmp_path.iterdir()] == ["foreign.onnx"]
