"""Shapes of all tensors, found by running a graph, against shape inference."""

from __future__ import annotations

import onnx
import pytest

from edgecnn.bundled import bundled_models, resolve_model
from edgecnn.runtime.graph_file import read_graph
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tensor_shapes import tensor_extents


@pytest.mark.parametrize("name", bundled_models())
def test_shapes_are_those_that_onnx_infers(name: str) -> None:
    file = resolve_model(f"bundled:{name}")
    shapes = load_model(file, provider="cpu", check=False).metadata.input.tensors
    extents, problem = tensor_extents(file, read_graph(file), shapes)
    assert not problem
    inferred = onnx.shape_inference.infer_shapes(onnx.load_model(file))
    computed = {name for node in inferred.graph.node for name in node.output if name}
    assert computed <= extents.keys()
    compared = 0
    for value in (*inferred.graph.value_info, *inferred.graph.output, *inferred.graph.input):
        if value.name not in extents:
            continue  # of a tensor that quantizing has replaced
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        found = extents[value.name].shape
        assert len(found) == len(sizes), value.name
        # 0 is an axis without a fixed length: the batch, or the time.
        assert all(size in (0, given) for size, given in zip(sizes, found, strict=True))
        compared += 1
    assert compared > 5
