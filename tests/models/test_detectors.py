"""What every detector must do: from weights to the same boxes in ONNX Runtime, in 32 and 8 bits."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import UsageError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.models import architecture, create_model, model_names
from edgecnn.models.registry import Argument
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.detect import detect_in_tensor, unmatched
from edgecnn.runtime.tasks.nms import overlaps
from edgecnn.training.tasks.yolo_loss import yolo_loss


class _Drawn:
    targets = groups = None

    def __init__(self, tensors):
        self.info = DatasetInfo("drawn", "all", (), "0" * 64, "drawn", "CC0-1.0")
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors)

    def inputs(self, spec, indices=None):
        return {spec.name: self.tensors if indices is None else self.tensors[indices]}


class Detector:
    """Subclasses name an architecture, its parameters and what makes it small."""

    name: ClassVar[str]
    parameters: ClassVar[int]
    #: Shape of the default network's answer to one picture.
    answer: ClassVar[tuple[int, ...]]
    narrow: ClassVar[dict[str, Argument]]
    #: Height and width of the narrow network's pictures, and the shape of its grid.
    size: ClassVar[tuple[int, int]]
    grid: ClassVar[tuple[int, int]]
    activation: ClassVar[str]

    def build(self) -> nn.Module:
        torch.manual_seed(0)
        return create_model(self.name, classes=3, per_cell=2, **self.narrow)

    def drawn(self, count):
        random = np.random.default_rng(0)
        return random.standard_normal((count, 3, *self.size)).astype(np.float32)

    def learnt(self):
        """Train on two pictures with one object each until their boxes are found."""
        model = self.build().train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        pictures = torch.from_numpy(self.drawn(2))
        objects = torch.tensor([[[0.3, 0.4, 0.3, 0.5, 1.0]], [[0.7, 0.6, 0.4, 0.3, 2.0]]])
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        for _ in range(150):
            optimizer.zero_grad()
            loss = yolo_loss(model(pictures), objects, per_cell=2, activation=self.activation)
            loss.backward()
            assert all(p.grad is not None for p in model.parameters())
            optimizer.step()
        return model.eval()

    def metadata(self, labels=("a", "b", "c"), size=None, per_cell=2):
        height, width = size or self.size
        return ModelMetadata(
            name=self.name,
            task="detect",
            labels=labels,
            input=ImageInput(height=height, width=width, colour="rgb"),
            output=Output(
                name="cells",
                activation=self.activation,
                min_score=0.4,
                boxes=Boxes(decoder="yolo-v1", per_cell=per_cell),
            ),
        )

    def test_parameters(self):
        entry = architecture(self.name)
        assert entry.task == "detect"
        assert entry.count_parameters() == entry.parameters == self.parameters

    def test_the_default_networks_answer_has_the_stated_shape(self):
        entry = architecture(self.name)
        with torch.device("meta"):
            answer = entry.build().eval()(torch.empty(2, *entry.inputs["input"]))
        assert answer.shape == (2, *self.answer)

    def test_it_learns_and_says_the_same_in_onnx_runtime(self, tmp_path):
        model, metadata, pictures = self.learnt(), self.metadata(), self.drawn(8)
        path = tmp_path / "x.onnx"
        report = export_model(model, metadata, {"input": pictures}, path)
        assert report.parity.max_abs < 1e-3
        opened = load_model(path, provider="cpu")
        with torch.no_grad():
            cells = model(torch.from_numpy(pictures)).numpy()
        assert cells.shape == (8, *self.grid, 13)
        for picture, own in zip(pictures[:2], cells, strict=False):
            answer = detect_in_tensor(opened.run({"input": picture[None]})[0], metadata)
            wanted = detect_in_tensor(own, metadata)
            assert len(answer) >= 1
            assert unmatched(answer, wanted) is unmatched(wanted, answer) is None
        # What was learnt is what is found: the first picture's object of class b.
        best = detect_in_tensor(cells[0], metadata)
        height, width = self.size
        there = np.array([0.15, 0.15, 0.45, 0.65]) * [width, height, width, height]
        assert best.labels[0] == 1
        assert overlaps(best.boxes[:1], there[None])[0, 0] > 0.5
        quantized = quantize_model(
            path,
            tmp_path / "x.int8.onnx",
            _Drawn(pictures),
            samples=8,
            seconds=0.02,
            leave=(),
            allow_slower=True,
        )
        assert quantized.kept_fp32 == ()
        assert 0 <= quantized.agreement <= 1

    @pytest.mark.long
    @pytest.mark.timeout(1800)
    def test_full_size(self, tmp_path):
        """As it is registered. YOLO v1 stays in 32 bits: copies of its 1.1 GB pass protobuf's 2."""
        torch.manual_seed(0)
        entry = architecture(self.name)
        model = create_model(self.name).eval()
        channels, *size = entry.inputs["input"]
        pictures = np.random.default_rng(0).standard_normal((4, channels, *size)).astype(np.float32)
        labels = tuple(f"class {number}" for number in range(entry.arguments["classes"]))
        metadata = self.metadata(labels, size, entry.arguments["per_cell"])
        path = tmp_path / "x.onnx"
        report = export_model(model, metadata, {"input": pictures}, path)
        assert report.parity.samples == 4
        assert report.size_bytes == pytest.approx(4 * self.parameters, rel=0.05)
        read = load_model(path, provider="cpu")
        assert read.metadata.output == metadata.output
        assert read.run({"input": pictures[:1]}).shape == (1, *self.answer)
        del read
        if report.size_bytes > 1e9:
            return
        quantized = quantize_model(
            path,
            tmp_path / "x.int8.onnx",
            _Drawn(pictures),
            samples=4,
            seconds=0.02,
            leave=(),
            allow_slower=True,
        )
        assert quantized.kept_fp32 == ()
        assert quantized.size_bytes["int8"] < 0.3 * quantized.size_bytes["fp32"]

    @pytest.mark.parametrize("change", [{"classes": 0}, {"per_cell": 0}])
    def test_impossible_arguments_are_named(self, change):
        with pytest.raises(UsageError, match=self.name):
            create_model(self.name, **{**self.narrow, **change})


class TestYoloV1(Detector):
    # 24 convolutions and two dense layers.
    name, parameters, answer = "yolo-v1", 271_703_550, (7, 7, 30)
    narrow: ClassVar = {"width": 0.03125, "size": [128, 192], "batch_norm": True}
    size, grid, activation = (128, 192), (2, 3), "none"


class TestYoloSmall(Detector):
    name, parameters, answer = "yolo-small", 469_023, (10, 10, 15)
    narrow: ClassVar = {"widths": [8, 16, 16, 32], "depths": [1, 1]}
    size, grid, activation = (64, 96), (4, 6), "sigmoid"


def test_every_detector_is_tested():
    tested = {kind.name for kind in Detector.__subclasses__()}
    assert tested == {name for name in model_names() if architecture(name).task == "detect"}
