"""The network for 10-second ECG fragments of Yıldırım, Pławiak, Tan, Acharya 2018.

"Arrhythmia detection using deep convolutional neural network with long duration ECG signals",
Computers in Biology and Medicine 102, 411-420, doi:10.1016/j.compbiomed.2018.09.009: one lead at
360 Hz (3600 samples), 17 classes. Kernels, strides and widths are those of the paper's table of
layers; every convolution is followed by ReLU and keeps the length at stride 1, padded as Keras
pads: one sample more at the end where a kernel is even.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width
from edgecnn.models.shapes import shape_behind

__all__ = ["Yildirim", "ecg_yildirim"]


class _Row(NamedTuple):
    """A convolution, and what follows it: batch normalisation, pooling of 2 with a stride."""

    width: int
    kernel: int
    stride: int = 1
    norm: bool = False
    pool_stride: int = 0


_ROWS = (
    _Row(128, 50, stride=3, norm=True, pool_stride=3),
    _Row(32, 7, norm=True, pool_stride=2),
    _Row(32, 10),
    _Row(128, 5, stride=2, pool_stride=2),
    _Row(256, 15, pool_stride=2),
    _Row(512, 5),
    _Row(128, 3),
)


class Yildirim(nn.Module):
    """Seven convolutions and two dense layers: 3,058,449 parameters for 17 classes."""

    def __init__(
        self, *, classes: int, leads: int, samples: int, width: float, dropout: float
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        shape: tuple[int, ...] = (leads, samples)
        for row in _ROWS:
            step: list[nn.Module] = []
            outputs = scaled(row.width, width)
            step.append(nn.ConstantPad1d(_padding(shape[1], row.kernel, row.stride), 0.0))
            step += [nn.Conv1d(shape[0], outputs, row.kernel, row.stride), nn.ReLU()]
            if row.norm:
                step.append(nn.BatchNorm1d(outputs))
            if row.pool_stride:
                step.append(nn.MaxPool1d(2, row.pool_stride))
            shape = shape_behind(step, shape, first=len(layers))
            layers += step
        self.features = nn.Sequential(*layers)
        dense = scaled(512, width)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(shape), dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, classes),
        )
        initialise(self, dense_deviation=None)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of fragments, shape ``(N, leads, samples)``."""
        logits: torch.Tensor = self.classifier(self.features(signal))
        return logits


def _padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return zeros before and after, so that ``length / stride`` outputs come, rounded up."""
    total = max(0, (math.ceil(length / stride) - 1) * stride + kernel - length)
    return total // 2, total - total // 2


def ecg_yildirim(
    *,
    classes: int = 17,
    leads: int = 1,
    samples: int = 3600,
    width: float = 1.0,
    dropout: float = 0.1,
) -> Yildirim:
    """Build the 10-second network.

    Parameters
    ----------
    classes : int
        Outputs: the paper's 17 rhythms.
    leads : int
        1 to 12; the paper has one.
    samples : int
        Length of a fragment, 131 at least.
    width : float
        Multiplies all widths, of the dense layer too.
    dropout : float
        Share of the dense layer's outputs dropped in training.

    Raises
    ------
    UsageError
        A value out of range.
    ShapeError
        Fragments that are too short.
    """
    check_counts("ecg-yildirim", classes=classes, leads=leads, samples=samples)
    if leads > 12:
        raise UsageError(f"ecg-yildirim: leads={leads}?", hint="1 to 12")
    check_width("ecg-yildirim", width)
    check_dropout("ecg-yildirim", dropout)
    return Yildirim(classes=classes, leads=leads, samples=samples, width=width, dropout=dropout)
