from __future__ import annotations

import numpy as np
import onnx

from edgecnn.calibration.apart import WEIGHTS, infer_shapes, write_apart


def _network(graphs) -> onnx.ModelProto:
    maker = graphs.GraphMaker()
    x = maker.conv("input", (32, 3, 3, 3), name="small")
    x = maker.conv(maker.add("Relu", x), (16, 32, 3, 3), name="large", strides=[2, 2])
    return maker.model(maker.add("Flatten", maker.add("GlobalAveragePool", x)), [16])


def test_what_is_read_again_is_the_same(graphs, tmp_path):
    model = _network(graphs)
    large = [t for t in model.graph.initializer if len(t.raw_data) >= 4096]
    write_apart(model, tmp_path / "graph.onnx")
    assert len(large) == 1
    assert (tmp_path / "graph.onnx").stat().st_size + 4096 < model.ByteSize()
    assert (tmp_path / WEIGHTS).stat().st_size >= sum(len(t.raw_data) for t in large)
    again = onnx.load_model(tmp_path / "graph.onnx")
    assert [n.SerializeToString() for n in again.graph.node] == [
        n.SerializeToString() for n in model.graph.node
    ]
    for one, other in zip(again.graph.initializer, model.graph.initializer, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(
            onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other)
        )


def test_shapes_are_what_onnx_infers(graphs):
    model = _network(graphs)
    del model.graph.value_info[:]
    expected = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    infer_shapes(model)
    assert model.graph.value_info
    assert model == expected
