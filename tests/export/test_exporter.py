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
from edgecnn.errors import MetadataError, ModelError, NotAModelError, ParityError, UsageError
from edgecnn.export import exporter, external_data
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
    # PyTorch writes IR 10, which only ONNX Runtime 1.18 reads; opset 20 came with IR 9.
    assert (model.ir_version, report.oldest_runtime) == (9, "1.17")
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
    assert report.oldest_runtime == "1.6"
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
    with pytest.raises(
        ParityError, match=r"worst: logits\[\d+, \d\] is .* PyTorch gives"
    ) as caught:
        export_model(_Lying(net), metadata, samples, path)
    assert caught.value.message.endswith(
        "first layer that differs: _Lying, behind net (Sequential)"
    )
    assert path.read_bytes() == b"an older file"
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


class _Growing(nn.Module):
    """What PyTorch 2.13's exporter gets wrong: antialiased cubic weights have another constant."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(x, scale_factor=1.7, mode="bicubic", antialias=True)


def test_a_layer_that_the_exporter_gets_wrong_is_named(metadata, samples, tmp_path):
    """Nothing is spoilt for this one: the file would differ from its network in silence."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), _Growing())
    network = nn.Sequential(body, nn.Flatten(), nn.LazyLinear(3))
    network(torch.zeros(1, 1, 16, 16))
    few = {name: values[:4] for name, values in samples.items()}
    with pytest.raises(ParityError, match=r"first layer that differs: 0\.2 \(_Growing\)$"):
        export_model(network, metadata, few, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


class _FixedBatch(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(4, -1)[:, :3]


def test_baked_in_batch_is_an_error(metadata, samples, tmp_path):
    four = {"input": samples["input"][:4]}
    with pytest.raises(ModelError, match="_FixedBatch") as caught:
        export_model(_FixedBatch(), metadata, four, tmp_path / "m.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class _OneRow(nn.Module):
    """What works for one picture only, as networks written for a camera do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, -1)[:, :3]


def test_a_batch_of_one_that_is_baked_in(metadata, samples, tmp_path):
    one = {"input": samples["input"][:1]}
    with pytest.raises(ModelError, match="batch") as caught:
        export_model(_OneRow(), metadata, one, tmp_path / "m.onnx")
    assert "fixed first size" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


class _Wide(nn.Module):
    """Takes pictures of any size; its answers may stand beside what they are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(1, 6, 3, padding=1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.body(x).relu()
        return self.head(features.mean((2, 3))), features


@pytest.fixture(scope="module")
def wide() -> nn.Module:
    torch.manual_seed(0)
    return _Wide()


def test_free_axes_and_several_outputs(wide, metadata, samples, tmp_path):
    report = export_model(
        wide,
        metadata,
        samples,
        tmp_path / "m.onnx",
        dynamic=("height", "width"),
        outputs=("logits", "features"),
    )
    assert report.axes == {
        "batch": (1, 2, 32),
        "height": (16, 17, 24),
        "width": (16, 17, 24),
    }
    graph = onnx.load(tmp_path / "m.onnx").graph
    dims = [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch", 1, "height", "width"]
    model = load_model(tmp_path / "m.onnx", provider="cpu")
    x = np.ones((2, 1, 11, 30), np.float32)
    features = model.run_outputs({"input": x}, ("features",))[0]
    assert features.shape == (2, 6, 11, 30)


def test_an_output_that_is_not_named(wide, metadata, samples, tmp_path):
    with pytest.raises(ModelError, match="returns Tensor, Tensor, not one tensor") as caught:
        export_model(wide, metadata, samples, tmp_path / "m.onnx")
    assert "--outputs" in (caught.value.hint or "")


class _FixedWidth(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(256, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x.flatten(1))


def test_an_axis_that_the_network_does_not_free(metadata, samples, tmp_path):
    with pytest.raises(ModelError) as caught:
        export_model(_FixedWidth(), metadata, samples, tmp_path / "m.onnx", dynamic=("width",))
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


@torch.library.custom_op("edgecnn_test::odd", mutates_args=())
def _odd(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@_odd.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


class _Odd(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _odd(x)


def test_an_operator_without_translation_is_named_with_its_layer(metadata, samples, tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(256, 3), _Odd()))
    with pytest.raises(
        ModelError, match=r"no ONNX operator for edgecnn_test\.odd\.default in 1\.1 \(_Odd\)"
    ):
        export_model(net, metadata, samples, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


class _Double(nn.Module):
    """Convolves in double precision, which ONNX allows and no CPU kernel does."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3).double())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x.double()).mean((2, 3)).float()


def test_an_operator_without_a_kernel_is_named_with_its_layer(metadata, samples, tmp_path):
    path = tmp_path / "m.onnx"
    with pytest.raises(NotAModelError, match=r"no kernel for.*layer body\.0 \(Conv2d\)") as caught:
        export_model(_Double(), metadata, samples, path)
    assert caught.value.message.startswith(f"{path} needs an operator")
    assert list(tmp_path.iterdir()) == []


def test_more_weights_than_a_file_holds(net, metadata, samples, tmp_path, monkeypatch):
    monkeypatch.setattr(external_data, "LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match=r"GB of weights; an \.onnx file holds"):
        export_model(net, metadata, samples, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_contract_in_the_file_must_preprocess_alike(
    net, metadata, stripes, tmp_path, monkeypatch
):
    """From the raw picture on: what the file says is held against what was compared."""
    report = export_model(net, metadata, stripes, tmp_path / "m.onnx")
    assert report.verified_with == "stripes:test"
    right = exporter.embed

    def wrong(model: onnx.ModelProto, contract: ModelMetadata, *rest: object) -> onnx.ModelProto:
        spec = msgspec.structs.replace(contract.input, mean=(0.25,))
        return right(model, msgspec.structs.replace(contract, input=spec), *rest)

    monkeypatch.setattr(exporter, "embed", wrong)
    with pytest.raises(MetadataError, match="preprocesses stripes:test otherwise"):
        export_model(net, metadata, stripes, tmp_path / "other.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


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
