"""What every registered network must do; a new one is tested by a class of two lines."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.export.exporter import export_model
from edgecnn.metadata import (
    BeatInput,
    BoxcarFilter,
    ImageInput,
    InputSpec,
    ModelMetadata,
    RhythmFeatures,
)
from edgecnn.models import architecture, create_model, model_names
from edgecnn.models.registry import Argument


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


def _input_spec(name: str) -> InputSpec:
    """Return a contract's input that fits a network's default inputs."""
    shapes = architecture(name).inputs
    if "beat" in shapes:
        before = shapes["beat"][1] // 2
        return BeatInput(
            sampling_rate_hz=360,
            leads=("MLII",),
            before=before,
            after=shapes["beat"][1] - before,
            filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
            rhythm=RhythmFeatures(),
        )
    channels, height, width = shapes["input"]
    return ImageInput(height=height, width=width, colour="gray" if channels == 1 else "rgb")


class Conformance:
    """Subclasses name an architecture, its number of parameters and what makes it narrow."""

    name: str
    parameters: int
    narrow: ClassVar[dict[str, Argument]]

    def inputs(self, count: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        shapes = architecture(self.name).inputs
        return {k: torch.randn(count, *shape, generator=generator) for k, shape in shapes.items()}

    def test_parameters(self) -> None:
        assert architecture(self.name).count_parameters() == self.parameters

    def test_fp32_file_stays_below_two_megabytes(self) -> None:
        assert 4 * self.parameters < 2_000_000

    def test_inputs_are_the_arguments_of_forward(self) -> None:
        model = create_model(self.name)
        assert list(inspect.signature(model.forward).parameters) == list(self.inputs(1))

    @pytest.mark.parametrize("classes", [2, 7])
    def test_logits_per_class(self, classes: int) -> None:
        model = create_model(self.name, classes=classes).eval()
        assert model(**self.inputs(3)).shape == (3, classes)

    def test_an_answer_does_not_depend_on_its_neighbours(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name).eval()
        inputs = self.inputs(4)
        alone = model(**{name: x[2:3] for name, x in inputs.items()})
        torch.testing.assert_close(model(**inputs)[2:3], alone, rtol=1e-4, atol=1e-5)

    def test_every_parameter_learns(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name).train()
        logits = model(**self.inputs(8))
        torch.nn.functional.cross_entropy(logits, torch.arange(8) % logits.shape[1]).backward()
        silent = [name for name, p in model.named_parameters() if p.grad is None]
        assert silent == []

    def test_it_overfits_a_few_examples(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name, classes=2).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        inputs, targets = self.inputs(16), torch.arange(16) % 2
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(40):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(**inputs), targets)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.1

    def test_it_can_be_exported_and_quantized(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        model = create_model(self.name, classes=3, **self.narrow)
        metadata = ModelMetadata(
            name=self.name,
            task="classify",
            labels=("a", "b", "c"),
            input=_input_spec(self.name),
        )
        samples = {name: x.numpy() for name, x in self.inputs(16).items()}
        report = export_model(model, metadata, samples, tmp_path / "x.onnx")
        assert report.parity.samples == 16
        assert report.parity.top1_agreement == 1
        quantized = quantize_model(
            tmp_path / "x.onnx", tmp_path / "x.int8.onnx", _Drawn(samples), samples=16, seconds=0.05
        )
        # Every convolution and product has become one of 8 bits.
        assert quantized.kept_fp32 == ()


class TestLeNet5(Conformance):
    name, parameters = "lenet5", 61_706
    narrow: ClassVar = {}


class TestResNet9(Conformance):
    name, parameters = "resnet9", 404_618
    narrow: ClassVar = {"widths": [8, 8, 16, 16]}


class TestBeatNet(Conformance):
    name, parameters = "beat-net", 30_500
    narrow: ClassVar = {"width": 16}


def test_every_network_is_tested() -> None:
    tested = {kind.name for kind in Conformance.__subclasses__()}
    assert tested == set(model_names())
