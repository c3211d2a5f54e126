"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791) in its modern form.

The paper's network reads 32×32 pictures; padding 28×28 ones by 2 in the first convolution is the
same arithmetic. Against the paper, subsampling is max pooling, the activation is ReLU, the second
convolution sees all maps, and the output layer is linear with softmax outside.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import UsageError

__all__ = ["LeNet5", "lenet5"]


class LeNet5(nn.Module):
    """Two convolutions with pooling, three dense layers: 61,706 parameters for ten classes."""

    def __init__(self, *, classes: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, 28, 28)``."""
        logits: torch.Tensor = self.classifier(self.features(input))
        return logits


def lenet5(*, classes: int = 10, channels: int = 1, dropout: float = 0.0) -> LeNet5:
    """Build LeNet-5.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the 28×28 input.
    dropout : float
        Share of the first dense layer's outputs dropped in training; the paper has none.

    Raises
    ------
    UsageError
        A count below 1, or a dropout outside 0..1.
    """
    if classes < 1 or channels < 1 or not 0 <= dropout < 1:
        raise UsageError(f"lenet5: classes={classes}, channels={channels}, dropout={dropout}?")
    return LeNet5(classes=classes, channels=channels, dropout=dropout)
