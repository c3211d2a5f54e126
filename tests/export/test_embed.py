from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.errors import MetadataError, ModelError
from edgecnn.export.embed import embed, serialized
from edgecnn.metadata import (
    Golden,
    GoldenExample,
    Measured,
    ModelMetadata,
    decode_golden,
    decode_metadata,
)


@pytest.fixture
def identity() -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [value("x", TensorProto.FLOAT, [1])],
        [value("y", TensorProto.FLOAT, [1])],
    )
    return helper.make_model(graph)


def _golden(data: bytes) -> Golden:
    example = GoldenExample(media="image/png", data=data, logits=((0.0, 1.0, 0.5),))
    return Golden(examples=(example,), tolerance={"cpu": 0.1})


def test_documents_come_back(identity: onnx.ModelProto, metadata: ModelMetadata):
    embed(identity, metadata, _golden(b"abc"), Measured(date="2024-01-01"))
    stored = {entry.key: entry.value for entry in identity.metadata_props}
    assert decode_metadata(stored["edgecnn"]) == metadata
    assert decode_golden(stored["edgecnn.golden"]).examples[0].data == b"abc"


def test_other_keys_stay_and_ours_are_replaced(identity, metadata):
    identity.metadata_props.add(key="owner", value="someone")
    embed(identity, metadata, _golden(b"abc"), Measured())
    embed(identity, metadata)
    assert [entry.key for entry in identity.metadata_props] == ["owner", "edgecnn"]


def test_file_is_rewritten(identity, metadata, tmp_path: Path):
    path = tmp_path / "m.onnx"
    path.write_bytes(serialized(identity))
    embed(path, metadata)
    assert [entry.key for entry in onnx.load(path).metadata_props] == ["edgecnn"]
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_golden_vectors_are_limited(identity, metadata):
    with pytest.raises(MetadataError, match="more than 65536"):
        embed(identity, metadata, _golden(bytes(50_000)))


@pytest.mark.long  # Takes 5 GB of memory.
def test_a_graph_beyond_two_gigabytes_is_refused() -> None:
    model = onnx.ModelProto(graph=onnx.GraphProto(name="giant"))
    for _ in range(2):
        model.graph.initializer.add(name="w", raw_data=bytes(2**30))
    with pytest.raises(ModelError, match="giant is more than 2 GB"):
        serialized(model)
