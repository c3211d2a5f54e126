"""Weights of 4 bits beside 8 and FP32: size, accuracy and speed of four kinds of networks.

A text CNN and a recurrent network that come with edgecnn, a multi-layer perceptron trained here on
MNIST, and VGG-11 with seeded weights, whose dense layers hold nine tenths of it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quantize_inputs import noise, seeded_network
from benchmarks.timing import print_heading, print_table
from edgecnn.bundled import resolve_model
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.report import QuantizeReport
from edgecnn.data import open_dataset
from edgecnn.data.dataset import Dataset
from edgecnn.runtime.session import load_model

_FORMS: Mapping[str, Mapping[str, Any]] = {
    "8 bits": {"form": "weights"},
    "4 bits, blocks of 32": {"bits": 4, "block": 32},
    "4 bits, blocks of 128": {"bits": 4, "block": 128},
}


def trained_mlp(folder: Path) -> Path:
    """Train a multi-layer perceptron on MNIST for three epochs."""
    import torch
    from torch.nn.functional import cross_entropy

    from edgecnn.export.exporter import export_model
    from edgecnn.models import create_model

    torch.manual_seed(0)
    metadata = load_model(resolve_model("bundled:mnist-lenet5"), provider="cpu").metadata
    module = create_model("mlp", channels=1, size=28, classes=10, hidden=(784, 512))
    data = open_dataset("mnist:train")
    assert data.targets is not None
    order = np.random.default_rng(0)
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(3):
        for rows in np.split(order.permutation(len(data)), range(128, len(data), 128)):
            x = torch.from_numpy(data.inputs(metadata.input, rows)["input"])
            y = torch.from_numpy(data.targets[rows].astype(np.int64))
            optimizer.zero_grad()
            cross_entropy(module(x), y).backward()
            optimizer.step()
    path = folder / "mlp.onnx"
    export_model(module.eval(), metadata, data.inputs(metadata.input, np.arange(64)), path)
    return path


def noise_dataset(folder: Path) -> Dataset:
    """Return a few inputs of noise: of seeded weights only speed and size say anything."""
    path = folder / "noise.npz"
    np.savez(path, **noise(8))
    return open_dataset(f"tensors:{path}")


def row(name: str, form: str, report: QuantizeReport) -> tuple[str, ...]:
    """Write one line of the table."""
    size, low_high = report.size_bytes, report.speedup_range or (0.0, 0.0)
    metric = "" if report.fp32 is None else f"{report.metric} {report.fp32:.4f}"
    return (
        name,
        form,
        f"{size['fp32'] / 1e3:,.0f}",
        f"{size['int8'] / 1e3:,.0f}",
        f"{size['fp32'] / size['int8']:.1f}",
        metric,
        "" if report.int8 is None else f"{report.int8:.4f}",
        # Between the even answers of seeded weights any noise decides.
        "" if report.fp32 is None else f"{report.agreement:.2%}",
        f"{report.speedup:.2f} ({low_high[0]:.2f} to {low_high[1]:.2f})",
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="mlp,text-cnn,char-rnn,vgg11")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgecnn-bench-") as name:
        folder = Path(name)
        for network in options.networks.split(","):
            if network == "mlp":
                source, data, test = trained_mlp(folder), "mnist:train", "mnist:test"
            elif network == "text-cnn":
                source = resolve_model("bundled:rt-polarity-cnn")
                data, test = "rt-polarity:train", "rt-polarity:test"
            elif network == "char-rnn":
                source = resolve_model("bundled:shakespeare-lstm")
                data, test = "tinyshakespeare:train", "tinyshakespeare:validation"
            else:
                source, data, test = seeded_network(network, folder), "", ""
            calibration = open_dataset(data) if data else noise_dataset(folder)
            for form, asked in _FORMS.items():
                report = quantize_model(
                    source,
                    folder / "quantized.onnx",
                    calibration,
                    evaluate=open_dataset(test) if test else None,
                    samples=8,
                    threads=options.threads,
                    allow_slower=True,
                    **asked,
                )
                rows.append(row(network, form, report))
    print_heading(f"Weights of 4 bits, batch 1, {options.threads} thread(s)")
    print_table(
        ("network", "weights", "FP32 kB", "kB", "smaller", "FP32", "then", "same", "speed"), rows
    )


if __name__ == "__main__":
    main()
