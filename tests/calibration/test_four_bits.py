"""Weights of 4 bits: the graph, and the file."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.block_rounding import round_to_blocks
from edgecnn.calibration.budget import Budget
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.probe import sqnr_db
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.quantize_page import command_of
from edgecnn.calibration.sessions import optimised, session_of
from edgecnn.calibration.weights_only import quantize_weights
from edgecnn.errors import EdgeCNNError, ModelError, UsageError
from edgecnn.runtime.inspection import inspect_model
from edgecnn.runtime.session import load_model

RANDOM = np.random.default_rng(0)


def _network(*nodes, x, y, **weights):
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _run(model, x):
    return session_of(model).run(None, {"x": x.astype(np.float32)})[0]


def _bytes(model):
    return sum(len(t.raw_data) for t in model.graph.initializer)


PRODUCTS = {
    "MatMul": (helper.make_node("MatMul", ["x", "w"], ["y"], "product"), (300, 256)),
    "Gemm": (helper.make_node("Gemm", ["x", "w", "b"], ["y"], "product"), (300, 256)),
    "Gemm, transB": (
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], "product", transB=1),
        (256, 300),
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_large_product_stays_4_bits_in_memory(name):
    node, shape = PRODUCTS[name]
    weights = RANDOM.normal(0, 0.1, shape)
    model = _network(node, x=["n", 300], y=["n", 256], w=weights, b=RANDOM.normal(0, 1, 256))
    quantized = quantize_weights(model, bits=4)
    onnx.checker.check_model(quantized, full_check=True)
    assert _bytes(quantized) < _bytes(model) / 5.8
    run = optimised(quantized, basic=False)
    # The bias is added inside of it.
    assert [n.op_type for n in run.graph.node] == ["MatMulNBits"]
    x = RANDOM.normal(size=(5, 300))
    rows = weights if shape[0] == 256 else weights.T
    rounded = round_to_blocks(np.ascontiguousarray(rows, np.float32), 32).values(300)
    bias = numpy_helper.to_array(model.graph.initializer[1]) if "b" in node.input else 0
    # Activations are rounded to 8 bits by block; weights as we said.
    assert sqnr_db(_run(quantized, x), x @ rounded.T + bias) > 35
    assert 18 < sqnr_db(_run(quantized, x), _run(model, x)) < 30


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], "product", alpha=0.5),
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], "product", beta=2.0),
    ],
)
def test_a_product_that_the_kernel_does_not_compute_is_stored_only(node):
    model = _network(
        node,
        x=["n", 300],
        y=["n", 256],
        w=RANDOM.normal(0, 0.1, (300, 256)),
        b=RANDOM.normal(0, 1, 256),
    )
    quantized = quantize_weights(model, bits=4)
    assert _bytes(quantized) < _bytes(model) / 5.8
    assert [n.op_type for n in optimised(quantized, basic=False).graph.node] == ["Gemm"]
    x = RANDOM.normal(size=(5, 300))
    assert sqnr_db(_run(quantized, x), _run(model, x)) > 18


@pytest.mark.parametrize(
    ("operator", "shape", "x", "y"),
    [
        ("Conv", (48, 16, 3, 3), (2, 16, 9, 9), (2, 48, 7, 7)),
        # 90 = 2 blocks of 32 and a rest.
        ("Conv", (64, 10, 3, 3), (1, 10, 9, 9), (1, 64, 7, 7)),
        ("ConvTranspose", (16, 48, 3, 3), (1, 16, 7, 7), (1, 48, 9, 9)),
        ("LSTM", (1, 256, 64), (3, 2, 64), (3, 1, 2, 64)),
        ("Gather", (200, 64), None, (5, 64)),
    ],
)
def test_other_weights_are_stored_in_4_bits_and_are_fp32_when_loaded(operator, shape, x, y):
    weights = {"w": RANDOM.normal(0, 0.1, shape)}
    attributes = {}
    inputs = ["x", "w"]
    if operator == "LSTM":
        weights["r"] = RANDOM.normal(0, 0.1, (1, 256, 64))
        inputs, attributes = ["x", "w", "r"], {"hidden_size": 64}
    if operator == "Gather":
        inputs = ["w", "number"]
    nodes = [helper.make_node(operator, inputs, ["y"], "layer", **attributes)]
    if operator == "Gather":
        nodes.insert(0, helper.make_node("Cast", ["x"], ["number"], "cast", to=TensorProto.INT64))
    data = RANDOM.normal(size=x) if x else np.array([0.0, 1, 5, 7, 199])
    model = _network(*nodes, x=list(data.shape), y=list(y), **weights)
    quantized = quantize_weights(model, bits=4)
    onnx.checker.check_model(quantized, full_check=True)
    assert _bytes(quantized) < _bytes(model) / 5
    kinds = [n.op_type for n in optimised(quantized, basic=False).graph.node]
    assert kinds == [n.op_type for n in optimised(model, basic=False).graph.node]
    assert sqnr_db(_run(quantized, data), _run(model, data)) > 15


def test_what_4_bits_would_not_make_smaller_has_8(graphs):
    """Depthwise kernels of nine weights, and few weights at all."""
    model = _network(
        helper.make_node("Conv", ["x", "w"], ["y"], "depthwise", group=500),
        x=[1, 500, 5, 5],
        y=[1, 500, 3, 3],
        w=RANDOM.normal(0, 0.1, (500, 1, 3, 3)),
    )
    assert quantize_weights(model, bits=4) == quantize_weights(model, bits=8)
    small = graphs.conv_chain(3)
    assert quantize_weights(small, bits=4) == quantize_weights(small, bits=8)


def test_layers_that_are_to_have_8_bits_have_them():
    model = _network(
        helper.make_node("MatMul", ["x", "v"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "w"], ["y"], "second"),
        x=["n", 300],
        y=["n", 300],
        v=RANDOM.normal(0, 0.1, (300, 300)),
        w=RANDOM.normal(0, 0.1, (300, 300)),
    )
    quantized = quantize_weights(model, bits=4, eight=["first"])
    kinds = Counter(n.op_type for n in quantized.graph.node)
    assert kinds == {"Cast": 1, "Mul": 1, "MatMul": 1, "MatMulNBits": 1}
    assert {t.data_type for t in quantized.graph.initializer if t.name.startswith("v")} == {
        TensorProto.INT8,
        TensorProto.FLOAT,
    }


def _mlp(path, metadata):
    """A network of the size of a hidden layer, on the pictures of the stripes."""
    import torch
    from torch import nn

    from edgecnn.export.exporter import export_model

    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 3),
    )
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    data = _stripes(400)
    x, y = torch.from_numpy(data.inputs(metadata.input)["input"]), torch.from_numpy(data.targets)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    export_model(module, metadata, data.inputs(metadata.input, np.arange(20)), path)
    return path


@pytest.fixture(scope="module")
def made(metadata, calibration, stripes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("four")
    fp32 = _mlp(folder / "mlp.onnx", metadata)
    report = quantize_model(
        fp32,
        folder / "mlp.int4.onnx",
        calibration,
        evaluate=stripes,
        bits=4,
        block=64,
        samples=32,
        seconds=0.05,
        allow_slower=True,
        page=folder / "q.html",
    )
    return folder, report


def test_the_file_says_what_it_is(made, stripes):
    folder, report = made
    model = load_model(folder / "mlp.int4.onnx", provider="cpu")
    recipe = model.metadata.provenance.quantization
    assert (recipe.format, recipe.weights, recipe.block) == ("weights", "int4", 64)
    assert model.golden is not None
    assert report.agreement > 0.98
    assert report.fp32 > 0.9
    assert report.size_bytes["int8"] < 0.2 * report.size_bytes["fp32"]
    assert report.pays in ("faster", "slower", "no clear difference")
    assert "--bits 4 --block 64" in command_of(report)
    page = (folder / "q.html").read_text()
    assert "4 bits" in page
    # Layers are found again by name, and compared.
    compared = compare_models(
        load_model(folder / "mlp.onnx", provider="cpu"), model, stripes, seconds=0.05
    )
    assert [round(layer.sqnr_db) > 15 for layer in compared.layers] == [True, True, True]


def test_its_costs_are_those_of_the_network(made):
    folder, _ = made
    before, after = (inspect_model(folder / name).costs for name in ("mlp.onnx", "mlp.int4.onnx"))
    assert before.macs == after.macs == 256 * 512 + 512 * 64 + 64 * 3
    # Beside the weights there are scales.
    assert 1 <= after.parameters / before.parameters < 1.03


def test_not_twice(made, calibration, tmp_path):
    for form in ("weights", "static"):
        with pytest.raises(ModelError, match="quantized already"):
            quantize_model(made[0] / "mlp.int4.onnx", tmp_path / "o.onnx", calibration, form=form)
    assert list(tmp_path.iterdir()) == []


def test_a_budget_gives_layers_8_bits(made, calibration, stripes, tmp_path, monkeypatch):
    """Weights that 4 bits spoil: in each block, large ones that say little hide small ones."""
    model = onnx.load(made[0] / "mlp.onnx")
    first, second, _ = (n for n in model.graph.node if n.op_type == "Gemm")
    constants = {t.name: t for t in model.graph.initializer}

    def put(name, where, value):
        values = numpy_helper.to_array(constants[name]).copy()
        values[where] = value if value == 0 else value * np.abs(values).max()
        constants[name].CopyFrom(numpy_helper.from_array(values, name))

    # Every 16th hidden number is zero, and its weight behind thirty times the largest: a step of 4
    # bits is then more than all others of its block, one of 8 bits is not.
    put(second.input[1], np.s_[:, ::16], 30)
    put(first.input[1], np.s_[::16], 0)
    put(first.input[2], np.s_[::16], 0)
    onnx.save(model, tmp_path / "spoiled.onnx")
    options = {"evaluate": stripes, "samples": 64, "seconds": 0.05, "allow_slower": True}
    plain = quantize_model(
        tmp_path / "spoiled.onnx", tmp_path / "p.onnx", calibration, bits=4, **options
    )
    assert plain.agreement < 0.99
    report = quantize_model(
        tmp_path / "spoiled.onnx",
        tmp_path / "o.onnx",
        calibration,
        bits=4,
        min_agreement=0.99,
        **options,
    )
    assert report.agreement >= 0.99
    assert report.budget_kept_int8 == (second.name,)
    assert report.budget_kept_fp32 == ()
    recipe = load_model(tmp_path / "o.onnx", provider="cpu").metadata.provenance.quantization
    assert recipe.kept_int8 == report.budget_kept_int8
    assert "--min-agreement 0.99" in command_of(report)
    document = json.loads((tmp_path / "o.frontier.json").read_text())
    assert {point["rest"] for point in document["points"]} == {"4 bits"}
    assert document["points"][0]["size_bytes"] < document["points"][-1]["size_bytes"]
    monkeypatch.setattr(Budget, "fits", lambda *_: False)
    with pytest.raises(EdgeCNNError, match=r"no form of spoiled\.onnx in 4 bits"):
        quantize_model(
            tmp_path / "spoiled.onnx",
            tmp_path / "n.onnx",
            calibration,
            bits=4,
            min_agreement=0.99,
            **options,
        )
    assert not (tmp_path / "n.onnx").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bits": 4, "form": "static"}, "--form static has weights of 8 bits"),
        ({"bits": 4, "form": "fp16"}, "--form fp16 has weights of 16 bits"),
        ({"bits": 3}, "weights of 3 bits are not known"),
        ({"block": 32}, "have a scale by channel"),
        ({"bits": 4, "block": 512}, "no blocks of 512"),
    ],
)
def test_what_does_not_go_together_is_said(fp32, calibration, tmp_path, asked, message):
    with pytest.raises(UsageError, match=message):
        quantize_model(fp32, tmp_path / "o.onnx", calibration, **asked)


def _stripes(n):
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("drawn", Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.draw_stripes(n, seed=0)
