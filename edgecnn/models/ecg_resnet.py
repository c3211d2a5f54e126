"""A residual network for ECG fragments of 1 to 12 leads.

ResNet-18's shape (He et al. 2016, arXiv:1512.03385) in one dimension, as Wang, Yan, Oates 2017
(arXiv:1611.06455) brought residual networks to time series and Strodthoff et al. 2021
(doi:10.1109/JBHI.2020.3022989) found them the best for 12-lead ECGs: long kernels, mean and maximum
over time joined before the last layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import Residual1d, initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["EcgResNet", "ecg_resnet"]

_WIDTHS = (32, 64, 128, 256)


class EcgResNet(nn.Module):
    """A convolution, stages of residual blocks, each at half the rate, mean and maximum, dense."""

    def __init__(
        self,
        *,
        classes: int,
        leads: int,
        blocks: Sequence[int],
        kernel: int,
        width: float,
        dropout: float,
    ) -> None:
        super().__init__()
        inputs = scaled(_WIDTHS[0], width)
        layers: list[nn.Module] = [
            nn.Conv1d(leads, inputs, 15, stride=2, padding=7, bias=False),
            nn.BatchNorm1d(inputs),
            nn.ReLU(),
            nn.MaxPool1d(3, stride=2, padding=1),
        ]
        for stage, count in enumerate(blocks):
            outputs = scaled(_WIDTHS[stage], width)
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(Residual1d(inputs, outputs, stride=stride, kernel=kernel))
                inputs = outputs
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2 * inputs, classes)
        initialise(self, dense_deviation=None)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of fragments, shape ``(N, leads, samples)``."""
        x = self.features(signal)
        joined = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        logits: torch.Tensor = self.fc(self.dropout(joined))
        return logits


def ecg_resnet(
    *,
    classes: int = 5,
    leads: int = 12,
    blocks: Sequence[int] = (2, 2, 2, 2),
    kernel: int = 7,
    width: float = 1.0,
    dropout: float = 0.2,
) -> EcgResNet:
    """Build the residual network. It reads fragments of any length.

    Parameters
    ----------
    classes : int
        Outputs.
    leads : int
        1 to 12.
    blocks : sequence of int
        Residual blocks in each of one to four stages.
    kernel : int
        Of the blocks' convolutions, in samples; odd.
    width : float
        Multiplies all widths.
    dropout : float
        Share of the features dropped in training before the last layer.

    Raises
    ------
    UsageError
        A value out of range.
    """
    check_counts("ecg-resnet", classes=classes, leads=leads, blocks=blocks, kernel=kernel)
    check_width("ecg-resnet", width)
    check_dropout("ecg-resnet", dropout)
    if leads > 12 or len(blocks) > len(_WIDTHS) or not kernel % 2:
        raise UsageError(
            f"ecg-resnet: leads={leads}, blocks={list(blocks)}, kernel={kernel}?",
            hint="1 to 12 leads, one to four stages, an odd kernel",
        )
    return EcgResNet(
        classes=classes, leads=leads, blocks=blocks, kernel=kernel, width=width, dropout=dropout
    )
