from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgecnn.data.arrays import PictureArray
from edgecnn.errors import ModelError, ParityError, UsageError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import CONTRACT_KEY, GOLDEN_KEY, MEASURED_KEY, Measured, ModelMetadata
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def samples(stripes: PictureArray, metadata: ModelMetadata) -> dict[str, np.ndarray]:
    return stripes.inputs(metadata.input, np.arange(40))


@pytest.fixture(scope="module")
def exported(net, metadata, samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "stripes.onnx"
    report = export_model(net, metadata, samples, path, measured=Measured(revision="abc"))
    return path, report


def test_file_runs_and_carries_its_contract(exported, metadata, samples, net):
    path, report = exported
    model = load_model(path, provider="cpu")
    assert model.warnings == ()
    assert model.metadata.labels == metadata.labels
    assert model.metadata.provenance.parameters == sum(p.numel() for p in net.parameters())
    assert model.metadata.provenance.versions["torch"] == torch.__version__
    assert model.golden is not None
    assert len(model.golden.examples) >= 3
    assert model.measured is not None
    assert model.measured.revision == "abc"
    assert model.measured.parity == report.parity
    with torch.inference_mode():
        expected = net.eval()(torch.from_numpy(samples["input"])).numpy()
    np.testing.assert_allclose(model.run(samples), expected, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2, 7, 40])
def test_batch_is_free(exported, samples, batch):
    model = load_model(exported[0], provider="cpu")
    assert model.run({"input": samples["input"][:batch]}).shape == (batch, 3)


def test_report_is_true(exported):
    path, report = exported
    model = onnx.load(path)
    assert report.opset == 20 == model.opset_import[0].version
    assert report.ir_version == model.ir_version
    assert report.size_bytes == path.stat().st_size
    assert sum(report.nodes.values()) == len(model.graph.node)
    assert report.parity.top1_agreement == 1.0
    document = msgspec.to_builtins(report)
    assert {"path", "opset", "ir_version", "parameters", "parity", "sha256"} <= set(document)
    assert {"max_abs", "max_rel", "top1_agreement"} <= set(document["parity"])


def test_batch_normalisation_is_folded_and_dropout_gone(exported):
    operators = {node.op_type for node in onnx.load(exported[0]).graph.node}
    assert operators.isdisjoint({"BatchNormalization", "Dropout", "Identity", "Constant"})


def test_no_paths_of_this_machine_inside(exported):
    content = exported[0].read_bytes()
    assert re.findall(rb"\.py\b|site-packages|/home/|/tmp/|Traceback", content) == []
    assert str(Path.cwd()).encode() not in content


def test_keys_are_ours_alone(exported):
    keys = [entry.key for entry in onnx.load(exported[0]).metadata_props]
    assert keys == [CONTRACT_KEY, GOLDEN_KEY, MEASURED_KEY]


def test_same_bytes_again(exported, net, metadata, samples, tmp_path):
    again = tmp_path / "elsewhere" / "again.onnx"
    export_model(net, metadata, samples, again, measured=Measured(revision="other"))
    first, second = onnx.load(exported[0]), onnx.load(again)
    assert first != second
    for model in (first, second):
        kept = [entry for entry in model.metadata_props if entry.key != MEASURED_KEY]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize("opset", [18, 21, 23])
def test_opset_is_the_one_asked_for(net, metadata, samples, tmp_path, opset):
    report = export_model(net, metadata, samples, tmp_path / "m.onnx", opset=opset)
    assert report.opset == opset
    versions = {o.domain: o.version for o in onnx.load(tmp_path / "m.onnx").opset_import}
    assert versions == {"": opset}


@pytest.mark.parametrize("opset", [12, 24])
def test_opset_out_of_range_is_refused(net, metadata, samples, tmp_path, opset):
    with pytest.raises(UsageError, match=f"opset {opset} cannot be"):
        export_model(net, metadata, samples, tmp_path / "m.onnx", opset=opset)
    assert list(tmp_path.iterdir()) == []


def test_old_opset_is_converted_to_and_compared(net, metadata, samples, tmp_path):
    """torch's exporter, asked for 13, hands over 18 without a word."""
    report = export_model(net, metadata, samples, tmp_path / "m.onnx", opset=13)
    model = onnx.load(tmp_path / "m.onnx")
    assert report.opset == 13 == model.opset_import[0].version
    # What ONNX 1.8 to 1.10 brought: an old runtime reads no newer form of the file.
    assert report.ir_version == 7 == model.ir_version
    assert report.parity.samples == 40


def test_module_stays_as_it_was(net, metadata, samples, tmp_path):
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    export_model(net, metadata, samples, tmp_path / "m.onnx")
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class _Lying(nn.Module):
    """Computes one thing when traced and another when run."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.net(x)
        return logits * 1.5 if torch.compiler.is_compiling() else logits


def test_mismatch_is_an_error_and_leaves_no_file(net, metadata, samples, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"an older file")
    with pytest.raises(ParityError, match=r"worst: logits\[\d+, \d\] is .* PyTorch gives"):
        export_model(_Lying(net), metadata, samples, path)
    assert path.read_bytes() == b"an older file"
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


class _FixedBatch(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(4, -1)[:, :3]


def test_baked_in_batch_is_an_error(metadata, samples, tmp_path):
    four = {"input": samples["input"][:4]}
    with pytest.raises(ModelError, match="_FixedBatch") as caught:
        export_model(_FixedBatch(), metadata, four, tmp_path / "m.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class _Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)[:, :3]
        return flat + 1 if float(x.sum()) > 0 else flat


def test_network_that_cannot_be_traced(metadata, samples, tmp_path):
    with pytest.raises(ModelError, match="_Branching cannot be traced"):
        export_model(_Branching(), metadata, samples, tmp_path / "m.onnx")


def test_labels_must_fit_the_outputs(net, metadata, samples, tmp_path):
    two = msgspec.structs.replace(metadata, labels=("a", "b"))
    with pytest.raises(ModelError, match=r"returns shape \(N, 3\) for 2 labels"):
        export_model(net, two, samples, tmp_path / "m.onnx")


def test_samples_must_fit_the_contract(net, metadata, tmp_path):
    wrong = {"input": np.zeros((4, 3, 16, 16), np.float32)}
    with pytest.raises(ModelError, match="shape"):
        export_model(net, metadata, wrong, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="inputs are"):
        export_model(net, metadata, {"x": wrong["input"]}, tmp_path / "m.onnx")


def test_input_of_another_size_than_the_network(metadata, samples, tmp_path):
    with pytest.raises(ModelError, match=r"cannot run input"):
        export_model(
            nn.Sequential(nn.Flatten(), nn.Linear(10, 3)), metadata, samples, tmp_path / "m.onnx"
        )


class _Faulty(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(self, x)


def _assert_nothing(module, x):
    assert x.shape[1] == 9


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_assert_nothing, r"cannot run input .*: AssertionError"),
        (lambda module, x: module.fc(x), "AttributeError: .* no attribute 'fc'"),
        (lambda module, x: {}["head"], "KeyError: 'head'"),
        (lambda module, x: x.mean(), "for 3 labels"),
    ],
)
def test_whatever_forward_raises_is_one_error(metadata, samples, tmp_path, answer, message):
    with pytest.raises(ModelError, match=message):
        export_model(_Faulty(answer), metadata, samples, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_module_that_cannot_be_copied(metadata, samples, tmp_path):
    """The old weight norm keeps a computed tensor, which torch does not copy."""
    with pytest.warns(FutureWarning):
        last = torch.nn.utils.weight_norm(nn.Linear(256, 3))
    network = nn.Sequential(nn.Flatten(), last)
    network(torch.from_numpy(samples["input"]))
    with pytest.raises(ModelError, match="cannot be copied") as caught:
        export_model(network, metadata, samples, tmp_path / "x.onnx")
    assert "remove weight_norm first" in (caught.value.hint or "")
    torch.nn.utils.remove_weight_norm(last)
    export_model(network, metadata, samples, tmp_path / "x.onnx")
