"""What every registered network must do; a new one is tested by a class of a few lines.

The networks that are large are tested by a narrow instance: the same layers, fewer maps, smaller
pictures. `make test-long` exports all of them at full size.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.export.exporter import export_model
from edgecnn.metadata import (
    BeatInput,
    BoxcarFilter,
    ImageInput,
    InputSpec,
    Likeness,
    ModelMetadata,
    RhythmFeatures,
    SignalInput,
)
from edgecnn.models import architecture, create_model, model_names
from edgecnn.models.auxiliary import deployed_parameters, weighted_logits
from edgecnn.models.registry import Argument
from edgecnn.runtime.session import load_model

Shapes = dict[str, tuple[int, ...]]

LABELS = ("a", "b", "c")


class _Drawn:
    """Inputs drawn at random, as a dataset to calibrate on."""

    targets = groups = None

    def __init__(self, tensors: dict[str, NDArray[np.float32]]) -> None:
        self.info = DatasetInfo("drawn", "all", (), "0" * 64, "drawn", "CC0-1.0")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        assert set(spec.tensors) == set(self.tensors)
        return {k: x if indices is None else x[indices] for k, x in self.tensors.items()}


def _input_spec(shapes: Shapes) -> InputSpec:
    """Return a contract's input of these shapes."""
    if "beat" in shapes:
        before = shapes["beat"][1] // 2
        return BeatInput(
            sampling_rate_hz=360,
            leads=("MLII",),
            before=before,
            after=shapes["beat"][1] - before,
            filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
            template="usual" if "likeness" in shapes else "mean",
            rhythm=RhythmFeatures(set="local" if "likeness" in shapes else "means"),
            likeness=Likeness() if "likeness" in shapes else None,
        )
    if "signal" in shapes:
        leads, samples = shapes["signal"]
        names = tuple(f"lead {number}" for number in range(leads))
        return SignalInput(sampling_rate_hz=100, leads=names, samples=samples)
    channels, height, width = shapes["input"]
    return ImageInput(height=height, width=width, colour="gray" if channels == 1 else "rgb")


def _drawn(shapes: Shapes, count: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {k: torch.randn(count, *shape, generator=generator) for k, shape in shapes.items()}


def _export(
    name: str, model: nn.Module, shapes: Shapes, labels: tuple[str, ...], path: Path
) -> int:
    """Export with ten inputs, check what is inside; returns the file's size."""
    metadata = ModelMetadata(name=name, task="classify", labels=labels, input=_input_spec(shapes))
    samples = {key: x.numpy() for key, x in _drawn(shapes, 10).items()}
    report = export_model(model, metadata, samples, path)
    assert report.parity.samples == 10
    assert report.parity.top1_agreement == 1
    read = load_model(path, provider="cpu").metadata
    assert (read.name, read.labels, read.input) == (name, labels, metadata.input)
    assert "RandomUniform" not in report.nodes
    return report.size_bytes


def _quantize(shapes: Shapes, path: Path) -> int:
    """Quantize the file beside it; returns the new file's size."""
    samples = {key: x.numpy() for key, x in _drawn(shapes, 10).items()}
    report = quantize_model(
        path,
        path.with_suffix(".int8.onnx"),
        _Drawn(samples),
        samples=10,
        seconds=0.02,
        method="min-max",
        bias_correction=False,
        leave=(),  # found out by timing otherwise, which differs from run to run
        allow_slower=True,
    )
    # Every convolution and product has become one of 8 bits.
    assert report.kept_fp32 == ()
    return report.size_bytes["int8"]


def _shortened(model: nn.Module) -> nn.Module:
    """Leave out residual blocks that change no shape, but for the first: tracing takes its time."""
    seen = 0
    for stage in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for number, block in reversed(list(enumerate(stage))):
            shortcut = getattr(block, "shortcut", getattr(block, "downsample", block))
            if shortcut is None or isinstance(shortcut, nn.Identity) or getattr(block, "adds", 0):
                seen += 1
                if seen > 1:
                    del stage[number]
    return model


class Conformance:
    """Subclasses name an architecture, its number of parameters and what makes it narrow."""

    name: ClassVar[str]
    parameters: ClassVar[int]
    narrow: ClassVar[dict[str, Argument]] = {}
    #: Shapes of the narrow instance's inputs, where they are not the default ones.
    shapes: ClassVar[Shapes] = {}
    #: Learning rate of the test that it learns.
    rate: ClassVar[float] = 3e-3

    def build(self, *, classes: int = 3, **arguments: Argument) -> nn.Module:
        """Return the narrow instance, as a seed of 0 gives it."""
        torch.manual_seed(0)
        followed = architecture(self.name).arguments_for(self.shapes) if self.shapes else {}
        return create_model(
            self.name, **{**followed, **self.narrow, **arguments, "classes": classes}
        )

    def drawn(self, count: int) -> dict[str, torch.Tensor]:
        return _drawn({**architecture(self.name).inputs, **self.shapes}, count)

    def test_parameters(self) -> None:
        entry = architecture(self.name)
        assert entry.count_parameters() == entry.parameters == self.parameters

    def test_parameters_are_counted_without_memory(self) -> None:
        with torch.device("meta"):
            counted = deployed_parameters(self.build())
        assert deployed_parameters(self.build()) == counted

    def test_every_argument_has_a_default(self) -> None:
        arguments = architecture(self.name).arguments
        assert "classes" in arguments
        assert inspect.Parameter.empty not in arguments.values()

    def test_inputs_are_the_arguments_of_forward(self) -> None:
        assert list(inspect.signature(self.build().forward).parameters) == list(self.drawn(1))

    @pytest.mark.parametrize("classes", [2, 7])
    def test_logits_per_class(self, classes: int) -> None:
        model = self.build(classes=classes)
        assert model(**self.drawn(2)).shape == (2, classes), "in training"
        assert model.eval()(**self.drawn(3)).shape == (3, classes)

    def test_an_answer_does_not_depend_on_its_neighbours(self) -> None:
        model, inputs = self.build().eval(), self.drawn(4)
        alone = model(**{name: x[2:3] for name, x in inputs.items()})
        torch.testing.assert_close(model(**inputs)[2:3], alone, rtol=1e-4, atol=1e-5)

    def test_a_seed_gives_the_same_weights(self) -> None:
        one, other = self.build().state_dict(), self.build().state_dict()
        for key, value in one.items():
            torch.testing.assert_close(value, other[key], rtol=0, atol=0)

    def test_it_learns(self) -> None:
        """Every parameter has a gradient, and following it tells eight examples apart."""
        model = self.build(classes=2).train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        inputs, targets = self.drawn(8), torch.arange(8) % 2
        optimizer = torch.optim.Adam(model.parameters(), lr=self.rate)
        first = None
        for _ in range(40):
            optimizer.zero_grad()
            outputs = weighted_logits(model, inputs)
            loss = nn.functional.cross_entropy(outputs[0][1], targets)
            sum(w * nn.functional.cross_entropy(x, targets) for w, x in outputs).backward()
            silent = [name for name, p in model.named_parameters() if p.grad is None]
            assert silent == []
            first = first or loss.item()
            if loss.item() < 0.3 * first:
                return
            optimizer.step()
        pytest.fail(f"the loss only fell from {first:.3f} to {loss.item():.3f}")

    def test_it_can_be_exported_and_quantized(self, tmp_path: Path) -> None:
        shapes = {**architecture(self.name).inputs, **self.shapes}
        model = _shortened(self.build(classes=len(LABELS)))
        _export(self.name, model, shapes, LABELS, tmp_path / "x.onnx")
        _quantize(shapes, tmp_path / "x.onnx")


class Deeper(Conformance):
    """A network whose layers are those of another one: its export is left to the long tests."""

    @pytest.mark.long
    def test_it_can_be_exported_and_quantized(self, tmp_path: Path) -> None:
        super().test_it_can_be_exported_and_quantized(tmp_path)


class TestLinear(Conformance):
    name, parameters = "linear", 30_730


class TestMLP(Conformance):
    name, parameters = "mlp", 394_634
    narrow: ClassVar = {"hidden": [32, 16], "dropout": 0.1}


class TestConvNet(Conformance):
    name, parameters = "convnet", 1_060_138
    narrow: ClassVar = {
        "layers": "[conv 3 8 same -> norm -> relu -> pool 2]*2 -> pool avg 2 -> fc 16 -> relu -> fc"
    }
    shapes: ClassVar = {"input": (1, 16, 20)}


class TestLeNet5(Conformance):
    name, parameters = "lenet5", 61_706


class TestLeNet51998(Conformance):
    name, parameters = "lenet5-1998", 61_706


class TestAlexNet(Conformance):
    name, parameters = "alexnet", 61_100_840
    narrow: ClassVar = {"width": 0.125}
    shapes: ClassVar = {"input": (3, 63, 95)}
    rate = 1e-3


class VGG:
    narrow: ClassVar = {"width": 0.125}
    shapes: ClassVar = {"input": (3, 32, 64)}
    rate = 1e-3


class TestVGG11(VGG, Deeper):
    name, parameters = "vgg11", 132_863_336


class TestVGG11BN(VGG, Conformance):
    name, parameters = "vgg11-bn", 132_868_840


class TestVGG13(VGG, Deeper):
    name, parameters = "vgg13", 133_047_848


class TestVGG13BN(VGG, Deeper):
    name, parameters = "vgg13-bn", 133_053_736


class TestVGG16(VGG, Deeper):
    name, parameters = "vgg16", 138_357_544


class TestVGG16BN(VGG, Deeper):
    name, parameters = "vgg16-bn", 138_365_992


class TestVGG19(VGG, Deeper):
    name, parameters = "vgg19", 143_667_240


class TestVGG19BN(VGG, Deeper):
    name, parameters = "vgg19-bn", 143_678_248


class TestGoogLeNet(Conformance):
    name, parameters = "googlenet", 6_624_904
    narrow: ClassVar = {"width": 0.25}
    shapes: ClassVar = {"input": (3, 40, 40)}


class ResNet:
    narrow: ClassVar = {"width": 0.125}
    shapes: ClassVar = {"input": (3, 40, 33)}


class TestResNet18(ResNet, Conformance):
    name, parameters = "resnet18", 11_689_512


class TestResNet34(ResNet, Deeper):
    name, parameters = "resnet34", 21_797_672


class TestResNet50(ResNet, Conformance):
    name, parameters = "resnet50", 25_557_032


class TestResNet101(ResNet, Deeper):
    name, parameters = "resnet101", 44_549_160


class TestResNet152(ResNet, Deeper):
    name, parameters = "resnet152", 60_192_808


class TestSqueezeNet(Conformance):
    name, parameters = "squeezenet", 1_235_496
    # Its logits are rectified: a large step leaves all of them at zero for good.
    rate = 1e-3
    narrow: ClassVar = {"width": 0.5}
    shapes: ClassVar = {"input": (3, 40, 40)}


class TestMobileNetV2(Conformance):
    name, parameters = "mobilenet-v2", 3_504_872
    narrow: ClassVar = {"width": 0.25}
    shapes: ClassVar = {"input": (3, 40, 40)}


class TestMobileNetV3Small(Conformance):
    name, parameters = "mobilenet-v3-small", 2_542_856
    narrow: ClassVar = {"width": 0.5}
    shapes: ClassVar = {"input": (3, 40, 40)}


class TestPooledCNN(Conformance):
    name, parameters = "pooled-cnn", 456_482
    narrow: ClassVar = {"widths": [8, 16, 16]}


class TestResNet9(Conformance):
    name, parameters = "resnet9", 404_618
    narrow: ClassVar = {"widths": [8, 8, 16, 16]}


class TestSmallResNet(Conformance):
    name, parameters = "small-resnet", 470_202
    narrow: ClassVar = {"widths": [8, 16], "blocks": [1, 2]}


class CifarResNet:
    narrow: ClassVar = {"width": 0.5}
    shapes: ClassVar = {"input": (3, 16, 16)}


class TestResNet20(CifarResNet, Conformance):
    name, parameters = "resnet20", 269_722


class TestResNet32(CifarResNet, Deeper):
    name, parameters = "resnet32", 464_154


class TestResNet56(CifarResNet, Deeper):
    name, parameters = "resnet56", 853_018


class TestBeatNet(Conformance):
    name, parameters = "beat-net", 30_500


class TestBeatLikenessNet(Conformance):
    name, parameters = "beat-likeness-net", 22_980


class TestBeatLSTM(Conformance):
    name, parameters = "beat-lstm", 50_340
    narrow: ClassVar = {"hidden": 16}
    shapes: ClassVar = {"beat": (2, 160), "rr": (5,)}


class TestBeatGRU(Conformance):
    name, parameters = "beat-gru", 42_468
    narrow: ClassVar = {"hidden": 16, "bidirectional": False}
    shapes: ClassVar = {"beat": (2, 160), "rr": (5,)}


class TestYildirim(Conformance):
    name, parameters = "ecg-yildirim", 3_058_449
    narrow: ClassVar = {"width": 0.125}
    shapes: ClassVar = {"signal": (2, 700)}


class TestEcgResNet(Conformance):
    name, parameters = "ecg-resnet", 2_192_197
    narrow: ClassVar = {"width": 0.25}
    shapes: ClassVar = {"signal": (3, 200)}


def _concrete(kind: type[Conformance]) -> list[type[Conformance]]:
    below = [each for child in kind.__subclasses__() for each in _concrete(child)]
    return below or [kind]


def test_every_network_is_tested() -> None:
    """Here, or where it reads words or does not classify, in the file of its own name."""
    tested = {kind.name for kind in _concrete(Conformance)}
    for name in set(model_names()) - tested:
        entry = architecture(name)
        assert entry.whole or entry.task != "classify", f"{name} has no conformance class"
        module = entry.builder.partition(":")[0]
        assert Path(__file__).with_name(f"test_{module}.py").is_file(), name
    assert tested <= set(model_names())


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [kind.name for kind in _concrete(Conformance)])
def test_full_size(name: str, tmp_path: Path) -> None:
    """As it is registered: 1,000 classes on pictures of 224×224 for most."""
    torch.manual_seed(0)
    entry = architecture(name)
    model = create_model(name).eval()
    with torch.no_grad():
        answers = model(**_drawn(dict(entry.inputs), 1))
        # Drawn weights of a hundred layers give logits of 30,000, trained ones of 20: a logit near
        # zero among such large ones is all rounding.
        head = [m for m in model.modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)][-1:]
        for parameter in (p for layer in head for p in layer.parameters()):
            parameter.div_(max(1.0, float(answers.abs().max()) / 20))
    # As many outputs as labels.
    labels = tuple(f"class {number}" for number in range(answers.shape[1]))
    fp32 = _export(name, model, dict(entry.inputs), labels, tmp_path / "x.onnx")
    int8 = _quantize(dict(entry.inputs), tmp_path / "x.onnx")
    assert fp32 == pytest.approx(4 * entry.parameters, rel=0.05, abs=100_000)
    if entry.parameters > 1_000_000:
        assert int8 < 0.3 * fp32
