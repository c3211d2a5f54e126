"""What is on record of large networks, measured on them. Takes minutes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

from edgecnn.calibration.kept import fusion_of
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.target import this_machine
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import EdgeCNNError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ImageInput, ModelMetadata
from edgecnn.models import create_model

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(this_machine() != "x86-vnni", reason="about x86 with VNNI"),
]

SPEC = ImageInput(height=224, width=224, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)
LABELS = tuple(f"class {number}" for number in range(1000))


@pytest.fixture(scope="module")
def pictures() -> PictureArray:
    """Noise, smoothed: what it shows is no matter."""
    coarse = np.random.default_rng(0).integers(0, 256, (24, 28, 28, 3), np.uint8)
    return PictureArray(
        DatasetInfo("noise", "all", (), "", "", "none stated"),
        coarse.repeat(8, axis=1).repeat(8, axis=2),
        None,
    )


def _exported(name, folder):
    """Write a network with seeded weights, its normalisations settled on noise."""
    torch.manual_seed(0)
    module = create_model(name).train()
    with torch.no_grad():
        for _ in range(2):
            module(torch.randn(4, 3, 224, 224))
    samples = {"input": np.random.default_rng(0).standard_normal((2, 3, 224, 224), np.float32)}
    metadata = ModelMetadata(name=name, task="classify", labels=LABELS, input=SPEC)
    export_model(module.eval(), metadata, samples, folder / f"{name}.onnx")
    return folder / f"{name}.onnx"


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory):
    return _exported("resnet18", tmp_path_factory.mktemp("large"))


def _convolutions(names):
    return [name for name in names if "conv" in name.lower()]


def test_onnxruntimes_defaults_leave_half_of_resnet18_in_fp32(resnet18, pictures, tmp_path):
    """Signed activations and one scale a tensor: 11 of 20 convolutions stay FP32 on VNNI."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rows = (pictures.inputs(SPEC, np.array([number])) for number in range(4))

        def get_next(self):
            return next(self.rows, None)

    quantize_static(resnet18, tmp_path / "theirs.onnx", Reader())
    theirs = fusion_of(onnx.load_model(tmp_path / "theirs.onnx"))
    report = quantize_model(
        resnet18,
        tmp_path / "ours.onnx",
        pictures,
        samples=4,
        leave=(),
        method="min-max",
        bias_correction=False,
        allow_slower=True,
        seconds=0.1,
    )
    ours = fusion_of(onnx.load_model(tmp_path / "ours.onnx"))
    assert len(_convolutions(theirs.kept)) == 11
    assert len(_convolutions(theirs.kept + theirs.fused)) == 20
    assert ours.kept == report.kept_fp32 == ()
    assert len(_convolutions(ours.fused)) == 20


def test_mobilenet_v3_is_no_slower_or_refused_with_the_cure(pictures, tmp_path):
    """8 bits slow its gates down, and squeeze-and-excitation: what does not pay is left out."""
    source = _exported("mobilenet-v3-small", tmp_path)
    out = tmp_path / "o.onnx"
    refused = None
    try:
        report = quantize_model(source, out, pictures, samples=8, threads=1, seconds=4)
    except EdgeCNNError as error:
        refused = error
    if refused is None:
        assert report.pays in ("faster", "no clear difference")
        return
    assert "slower than FP32" in refused.message
    assert "keep the FP32 file" in str(refused.hint)
    assert not out.exists()


PEAK = """
import sys
from pathlib import Path

from edgecnn.cli.run import run

code = run(sys.argv[1:])
status = Path("/proc/self/status").read_text()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
print(code, int(peak.split()[1]) * 1024 / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_pictures(resnet18, pictures, tmp_path):
    peaks = {}
    for count in (4, 24):
        np.save(tmp_path / "p.npy", pictures.pictures)
        command = ["quantize", str(resnet18), "--calibration", str(tmp_path / "p.npy")]
        command += ["--samples", str(count), "--no-cache", "--allow-slower", "--threads", "1"]
        command += ["-o", str(tmp_path / "o.onnx")]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True
        )
        code, peak = done.stdout.split()[-2:]
        assert code == "0", done.stderr
        peaks[count] = float(peak)
    assert peaks[24] < 1.08 * peaks[4]
    # 47 MB of weights; before weights were kept apart it was 700.
    assert max(peaks.values()) < 440
