from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.sessions import optimised, session_of
from edgecnn.calibration.weights_only import quantize_weights
from edgecnn.errors import ModelError, UsageError
from edgecnn.runtime.session import load_model


def _bytes(model):
    return sum(len(t.raw_data) for t in model.graph.initializer)


def test_a_quarter_of_the_size_and_fp32_when_loaded(graphs):
    model = graphs.conv_chain(4)
    quantized = quantize_weights(model)
    onnx.checker.check_model(quantized, full_check=True)
    assert _bytes(quantized) < 0.4 * _bytes(model)
    # Nothing is unpacked while it runs: what is left is the network as it was.
    run = optimised(quantized, basic=False)
    kinds = [n.op_type for n in run.graph.node]
    before = [n.op_type for n in optimised(model, basic=False).graph.node]
    assert kinds == before
    data = graphs.pictures()
    reference, answer = (session_of(m).run(None, data)[0] for m in (model, quantized))
    assert np.abs(reference - answer).max() < 0.03 * np.abs(reference).max()


def test_each_channel_has_a_scale_of_its_own(graphs):
    """A channel a thousand times smaller keeps its digits."""
    model = graphs.conv_chain(2)
    tensor = next(t for t in model.graph.initializer if t.name == "conv1_w")
    values = numpy_helper.to_array(tensor).copy()
    values[0] /= 1000
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    run = optimised(quantize_weights(model), basic=True)
    back = next(
        numpy_helper.to_array(t)
        for t in run.graph.initializer
        if list(t.dims) == list(values.shape)
    )
    assert np.abs(back - values)[0].max() <= np.abs(values[0]).max() / 127


def _recurrent(operator, gates):
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(0, 0.3, (1, gates * 16, 8)).astype(np.float32),
        "r": random.normal(0, 0.3, (1, gates * 16, 16)).astype(np.float32),
    }
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w", "r"], ["y"], "cell", hidden_size=16)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", "n", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["t", 1, "n", 16])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize(("operator", "gates"), [("GRU", 3), ("LSTM", 4), ("RNN", 1)])
def test_recurrent_networks_too(operator, gates):
    """Of a GRU ONNX Runtime has no other 8-bit form."""
    model = _recurrent(operator, gates)
    quantized = quantize_weights(model)
    x = {"x": np.random.default_rng(1).normal(0, 1, (5, 2, 8)).astype(np.float32)}
    reference, answer = (session_of(m).run(None, x)[0] for m in (model, quantized))
    assert 0 < np.abs(reference - answer).max() < 0.03


def test_what_is_excluded_or_too_small_stays(graphs):
    model = graphs.conv_chain(3)
    quantized = quantize_weights(model, exclude=["conv1"])
    names = {t.name for t in quantized.graph.initializer}
    assert {"conv0_w", "conv1_w", "conv2_w_bytes", "conv2_w_scale", "dense_w"} <= names
    assert "conv2_w" not in names
    with pytest.raises(UsageError, match="no node x"):
        quantize_weights(model, exclude=["x"])
    with pytest.raises(ModelError, match="nothing in this network"):
        quantize_weights(model, exclude=["conv1", "conv2"])


def test_the_file_says_what_it_is(fp32, calibration, stripes, tmp_path):
    out = tmp_path / "o.onnx"
    report = quantize_model(
        fp32, out, calibration, evaluate=stripes, form="weights", seconds=0.05, allow_slower=True
    )
    recipe = load_model(out, provider="cpu").metadata.provenance.quantization
    assert (recipe.format, recipe.activations, recipe.weights) == ("weights", "float32", "int8")
    assert recipe.kept_fp32 == report.kept_fp32 == ()
    assert report.agreement > 0.98
    # Of so small a network the documents in the file outweigh what is saved.
    before, after = (onnx.load(path).graph.ByteSize() for path in (fp32, out))
    assert after < 0.8 * before
    assert load_model(out, provider="cpu").golden is not None
