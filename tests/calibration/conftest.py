"""A small network that was really trained, and the pictures it was trained on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ImageInput, Measured, ModelMetadata
from tests.calibration.quick import QUICK

LABELS = ("horizontal", "vertical", "spot")


def draw_stripes(n: int, seed: int) -> PictureArray:
    """Stripes one way or the other, or a spot, on noise; 20 x 20 pixels."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, n)
    rows, columns = np.mgrid[0:20, 0:20]
    pictures = np.empty((n, 20, 20), dtype=np.uint8)
    for i, target in enumerate(targets):
        x, y = rng.uniform(5, 15, 2)
        phase = rng.uniform(0, 6)
        shape = (
            np.sin(rows + phase),
            np.sin(columns + phase),
            2 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 12) - 1,
        )[target]
        pictures[i] = np.clip(120 + 80 * shape + rng.normal(0, 20, shape.shape), 0, 255)
    info = DatasetInfo("stripes", "test", LABELS, f"{seed:064x}", "drawn", "CC0-1.0")
    return PictureArray(info, pictures, targets)


@pytest.fixture(scope="session")
def metadata() -> ModelMetadata:
    spec = ImageInput(height=16, width=16, colour="gray", mean=(0.5,), std=(0.25,))
    return ModelMetadata(name="stripes", task="classify", labels=LABELS, input=spec)


@pytest.fixture(scope="session")
def stripes() -> PictureArray:
    return draw_stripes(300, seed=1)


@pytest.fixture(scope="session")
def net(metadata: ModelMetadata) -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(16, 3),
    )
    data = draw_stripes(400, seed=0)
    x = torch.from_numpy(data.inputs(metadata.input)["input"])
    y = torch.from_numpy(data.targets)
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    return module


@pytest.fixture(scope="session")
def fp32(net, metadata, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("fp32") / "stripes.onnx"
    samples = draw_stripes(40, seed=3).inputs(metadata.input)
    export_model(net, metadata, samples, path, measured=Measured(revision="abc"))
    return path


@pytest.fixture(scope="session")
def calibration() -> PictureArray:
    return draw_stripes(200, seed=2)


@pytest.fixture(scope="session")
def graphs() -> ModuleType:
    """Small graphs that need no training: ``graphs.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("graphs", Path(__file__).with_name("graphs.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def quantized(fp32, calibration, stripes, tmp_path_factory):
    """The 8-bit file of it, and the report."""
    out = tmp_path_factory.mktemp("int8") / "stripes.int8.onnx"
    return out, quantize_model(fp32, out, calibration, evaluate=stripes, **QUICK)
