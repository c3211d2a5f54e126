"""Files that something else made: what they answer, what is refused, and the real ones."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.data import open_dataset
from edgecnn.errors import (
    MetadataError,
    MissingFileError,
    ModelError,
    NotAModelError,
    ParityError,
    UsageError,
)
from edgecnn.export import exporter
from edgecnn.export.exporter import export_model
from edgecnn.export.graph_source import GraphSource
from edgecnn.metadata import ImageInput, ModelMetadata, Output, read_contract
from edgecnn.runtime.inspection import inspect_model
from edgecnn.runtime.session import load_model

CONTRACT = ModelMetadata(
    name="quarters",
    task="classify",
    labels=("a", "b", "c", "d"),
    input=ImageInput(name="pixels", height=8, width=8, colour="gray"),
    output=Output(name="answers"),
)


def _save(
    path: Path,
    *,
    batch: int | str = "N",
    rows: int = -1,
    opset: int = 12,
    outputs: tuple[str, ...] = ("answers",),
) -> Path:
    """Mean brightness of the four quarters, from a file as other tools write it."""
    make, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        make("AveragePool", ["pixels"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        make("Identity", ["pooled"], ["same"]),
        make("Reshape", ["same", "shape"], ["flat"]),
        make("Mul", ["flat", "ten"], ["answers"], name="last"),
    ]
    weights = [
        numpy_helper.from_array(np.int64([rows, 4]), "shape"),
        numpy_helper.from_array(np.float32([10]), "ten"),
    ]
    shapes = {"answers": [batch, 4], "pooled": [batch, 1, 2, 2]}
    graph = helper.make_graph(
        nodes,
        "torch_jit_export",
        [value("pixels", TensorProto.FLOAT, [batch, 1, 8, 8])],
        [value(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        weights,
    )
    model = helper.make_model(
        graph,
        producer_name="pytorch",
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=7,
    )
    model.metadata_props.add(key="onnx.infer", value="onnx.quant")
    model.graph.doc_string = "/home/somebody/train.py"
    onnx.save_model(model, path)
    return path


def test_a_foreign_file_becomes_one_of_ours(tmp_path):
    report = export_model(_save(tmp_path / "foreign.onnx"), CONTRACT, None, tmp_path / "ours.onnx")
    assert report.origin == "the original file"
    assert report.opset == 12  # its own: nothing is converted without being asked
    assert report.axes == {"batch": (1, 2, 32)}
    assert report.golden > 0
    assert "Identity" not in report.nodes
    model = load_model(tmp_path / "ours.onnx", provider="cpu")
    assert model.metadata.labels == CONTRACT.labels
    assert [(f.role, f.name) for f in model.metadata.provenance.lock.files] == [
        ("model", "foreign.onnx")
    ]
    stored = onnx.load(tmp_path / "ours.onnx")
    assert [e.key for e in stored.metadata_props] == [
        "edgecnn",
        "edgecnn.golden",
        "edgecnn.measured",
    ]
    assert stored.graph.doc_string == ""
    assert stored.producer_name == "edgecnn"


def test_a_file_is_not_written_over_its_source(tmp_path):
    source = _save(tmp_path / "foreign.onnx")
    before = source.read_bytes()
    with pytest.raises(UsageError, match="is the source itself"):
        export_model(source, CONTRACT, None, tmp_path / "." / "foreign.onnx")
    assert source.read_bytes() == before


def test_our_own_file_again_keeps_its_contract(tmp_path):
    export_model(_save(tmp_path / "foreign.onnx"), CONTRACT, None, tmp_path / "first.onnx")
    export_model(tmp_path / "first.onnx", None, None, tmp_path / "second.onnx")
    first, second = (
        load_model(tmp_path / f"{name}.onnx", provider="cpu").metadata
        for name in ("first", "second")
    )
    assert second.input == first.input
    assert [d.role for d in second.provenance.datasets] == ["parity"]


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_another_opset_by_a_verified_conversion(tmp_path, opset):
    source = _save(tmp_path / "foreign.onnx")
    report = export_model(source, CONTRACT, None, tmp_path / "ours.onnx", opset=opset)
    assert report.opset == opset
    assert onnx.load(tmp_path / "ours.onnx").opset_import[0].version == opset


def test_a_free_batch_that_is_not_one(tmp_path):
    """The input's batch is free, a reshape holds it at 1: shape inference does not see it."""
    source = _save(tmp_path / "foreign.onnx", rows=1)
    with pytest.raises(ModelError) as caught:
        export_model(source, CONTRACT, None, tmp_path / "ours.onnx")
    assert caught.value.message.startswith("foreign.onnx cannot run pixels (32, 1, 8, 8): Reshape")
    assert "Input shape:{32,1,2,2}, requested shape:{1,4}" in caught.value.message
    assert "onnxruntime::" not in caught.value.message
    assert not (tmp_path / "ours.onnx").exists()


def test_a_fixed_batch_stays_and_is_said(tmp_path):
    source = _save(tmp_path / "foreign.onnx", batch=1)
    report = export_model(source, CONTRACT, None, tmp_path / "ours.onnx")
    assert report.axes == {}
    assert any("the batch is fixed at 1" in remark for remark in report.remarks)
    assert load_model(tmp_path / "ours.onnx", provider="cpu").golden is not None


def test_a_fixed_batch_is_freed_where_the_graph_takes_it(tmp_path):
    source = _save(tmp_path / "foreign.onnx", batch=1)
    report = export_model(source, CONTRACT, None, tmp_path / "ours.onnx", dynamic=("batch",))
    assert report.axes == {"batch": (1, 2, 32)}
    model = load_model(tmp_path / "ours.onnx", provider="cpu")
    assert model.run({"pixels": np.ones((5, 1, 8, 8), np.float32)}).shape == (5, 4)


def test_a_batch_that_is_written_into_a_reshape_is_freed(tmp_path):
    source = _save(tmp_path / "foreign.onnx", batch=1, rows=1)
    report = export_model(source, CONTRACT, None, tmp_path / "ours.onnx", dynamic=("batch",))
    assert report.axes == {"batch": (1, 2, 32)}
    pixels = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    model = load_model(tmp_path / "ours.onnx", provider="cpu")
    wanted = 10 * pixels.reshape(5, 2, 4, 2, 4).mean(axis=(2, 4)).reshape(5, 4)
    np.testing.assert_allclose(model.run({"pixels": pixels}), wanted, rtol=1e-5)


def test_a_batch_that_cannot_be_freed_is_found(tmp_path):
    """Channels that are shuffled join the batch: the node that does it is named."""
    path = _save(tmp_path / "foreign.onnx", batch=1, rows=1)
    model = onnx.load_model(path)
    model.graph.node.insert(2, helper.make_node("Reshape", ["same", "mixed"], ["shuffled"], "mix"))
    model.graph.node[3].input[0] = "shuffled"
    model.graph.initializer.append(numpy_helper.from_array(np.int64([2, 2, 1]), "mixed"))
    onnx.save_model(model, path)
    with pytest.raises(
        ModelError, match=r"baked into answers.*; first at \S+ \(Reshape\)"
    ) as caught:
        export_model(path, CONTRACT, None, tmp_path / "ours.onnx", dynamic=("batch",))
    assert "reshape" in caught.value.hint
    assert not (tmp_path / "ours.onnx").exists()


def test_parameters_are_those_that_inspect_counts(tmp_path):
    """Bounds, scalars and shapes in initializers were once among them."""
    path = _save(tmp_path / "foreign.onnx")
    model = onnx.load_model(path)
    model.graph.node.append(helper.make_node("Clip", ["answers", "low", "high"], ["clipped"]))
    model.graph.output[0].name = "clipped"
    for name, value in (("low", -1e9), ("high", 1e9)):
        model.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    onnx.save_model(model, path)
    contract = msgspec.structs.replace(CONTRACT, output=Output(name="clipped"))
    report = export_model(path, contract, None, tmp_path / "ours.onnx")
    assert report.parity.reference == "the original file"
    assert report.parameters == 1 == inspect_model(tmp_path / "ours.onnx").costs.parameters


def test_every_output_is_compared(tmp_path, monkeypatch):
    source = _save(tmp_path / "foreign.onnx", outputs=("answers", "pooled"))
    report = export_model(source, CONTRACT, None, tmp_path / "ours.onnx")
    assert report.parity.max_abs < 1e-5
    assert [o.name for o in onnx.load(tmp_path / "ours.onnx").graph.output] == ["answers", "pooled"]
    _spoil(monkeypatch, "AveragePool")
    with pytest.raises(ParityError, match=r"worst: (answers|pooled)\["):
        export_model(source, CONTRACT, None, tmp_path / "other.onnx")


def _spoil(monkeypatch: pytest.MonkeyPatch, operator: str) -> None:
    """Let simplifying go wrong at one operator."""
    right = exporter.simplify

    def wrong(model: onnx.ModelProto) -> onnx.ModelProto:
        simple = right(model)
        node = next(n for n in simple.graph.node if n.op_type == operator)
        if operator == "AveragePool":
            del node.attribute[:]
            node.op_type = "MaxPool"
            node.attribute.extend(
                [
                    helper.make_attribute("kernel_shape", [4, 4]),
                    helper.make_attribute("strides", [4, 4]),
                ]
            )
        return simple

    monkeypatch.setattr(exporter, "simplify", wrong)


def test_what_goes_wrong_on_the_way_is_named(tmp_path, monkeypatch):
    _spoil(monkeypatch, "AveragePool")
    with pytest.raises(ParityError, match=r"first layer that differs: pooled \(AveragePool\)"):
        export_model(_save(tmp_path / "foreign.onnx"), CONTRACT, None, tmp_path / "ours.onnx")
    assert not (tmp_path / "ours.onnx").exists()


def test_external_data_is_taken_in(tmp_path):
    model = onnx.load(_save(tmp_path / "whole.onnx"))
    onnx.save_model(
        model,
        tmp_path / "split.onnx",
        save_as_external_data=True,
        location="split.data",
        size_threshold=0,
    )
    export_model(tmp_path / "split.onnx", CONTRACT, None, tmp_path / "out" / "ours.onnx")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["ours.onnx"]
    lock = load_model(tmp_path / "out" / "ours.onnx", provider="cpu").metadata.provenance.lock
    assert [(f.role, f.name) for f in lock.files] == [
        ("model", "split.onnx"),
        ("weights", "split.data"),
    ]


def _unknown(path: Path, domain: str, operator: str) -> Path:
    model = onnx.load(path)
    model.graph.node[-1].domain = domain
    model.graph.node[-1].op_type = operator
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    onnx.save_model(model, path)
    return path


def test_operators_that_nothing_knows_are_named_with_their_node(tmp_path):
    path = _unknown(_save(tmp_path / "f.onnx"), "mmdeploy", "GridPriors")
    with pytest.raises(ModelError, match="node last needs the operator mmdeploy:GridPriors"):
        GraphSource(path)
    path = _unknown(_save(tmp_path / "f.onnx"), "", "Gelu")
    with pytest.raises(ModelError, match="node last needs the operator Gelu, which opset 12"):
        GraphSource(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07"])
def test_what_is_no_model(tmp_path, content):
    (tmp_path / "f.onnx").write_bytes(content)
    with pytest.raises(NotAModelError):
        GraphSource(tmp_path / "f.onnx")
    with pytest.raises(MissingFileError):
        GraphSource(tmp_path / "g.onnx")


def test_a_contract_of_another_network(tmp_path):
    source = _save(tmp_path / "foreign.onnx")
    with pytest.raises(MetadataError, match="no edgecnn metadata") as caught:
        export_model(source, None, None, tmp_path / "ours.onnx")
    assert "--metadata" in (caught.value.hint or "")
    other = msgspec.structs.replace(CONTRACT, output=Output(name="logits"))
    with pytest.raises(ModelError, match="no output logits") as caught:
        export_model(source, other, None, tmp_path / "ours.onnx")
    assert caught.value.hint == (
        "its inputs are pixels, its outputs answers: name them in the contract"
    )
    spec = msgspec.structs.replace(CONTRACT.input, name="input")
    other = msgspec.structs.replace(CONTRACT, input=spec)
    with pytest.raises(ModelError, match="has inputs pixels, its contract names input"):
        export_model(source, other, None, tmp_path / "ours.onnx")


@pytest.mark.data
def test_a_real_classifier_on_real_pictures(data_root, tmp_path):
    """SqueezeNet of another tool: NHWC, opset 9, softmax inside."""
    labels = ("airplane", "automobile", "bird", "cat", "deer")
    labels += ("dog", "frog", "horse", "ship", "truck")
    contract = ModelMetadata(
        name="squeezenet",
        task="classify",
        labels=labels,
        input=ImageInput(name="input_1", layout="NHWC", height=32, width=32, colour="rgb"),
        output=Output(name="loss", activation="none"),
    )
    source = data_root / "models" / "squeezenet_cifar10.onnx"
    report = export_model(source, contract, open_dataset("cifar10:test"), tmp_path / "s.onnx")
    assert (report.opset, report.verified_with) == (9, "cifar10:test")
    assert report.parity.top1_agreement == 1.0
    assert report.golden > 0


@pytest.mark.data
def test_a_real_detector(data_root, repository, tmp_path):
    contract = read_contract(repository / "docs" / "contracts" / "fastestdet.toml")
    source = data_root / "models" / "fastestdet_352.onnx"
    path = tmp_path / "detector.onnx"
    # As large as a golden document is, its answers are not: 85 x 22 x 22 values.
    report = export_model(source, contract, None, path)
    assert "no golden vectors" in " ".join(report.remarks)
    assert load_model(path, provider="cpu").metadata.labels[0] == "person"
