"""A 1-D CNN for heartbeats in a single-lead ECG, which also sees their rhythm.

It reads what :func:`edgecnn.preprocessing.beats.beat_inputs` gives: the beat beside this person's
usual beat, and ratios of RR intervals. Premature beats of the atria look like any other beat; what
tells them is that they are early.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import Residual1d

__all__ = ["BeatNet", "beat_classifier", "beat_net", "rhythm_layers"]

#: RR ratios per beat, from :func:`edgecnn.preprocessing.beats.rhythm_ratios`.
RHYTHM_FEATURES = 5


def rhythm_layers() -> nn.Sequential:
    """Return dense layers over the RR ratios, shape ``(N, 5)`` to ``(N, 32)``."""
    return nn.Sequential(nn.Linear(RHYTHM_FEATURES, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())


def beat_classifier(features: int, classes: int, dropout: float) -> nn.Sequential:
    """Return dense layers over a beat's features joined with its 32 of the rhythm."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(features + 32, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(64, classes),
    )


class BeatNet(nn.Module):
    """Residual convolutions over the beat, dense layers over the rhythm and over both."""

    def __init__(self, *, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.shape = nn.Sequential(
            # A stride of 4 at 360 Hz leaves 90 Hz, as fast as the parts of a QRS complex.
            nn.Conv1d(2, width, 9, stride=4, padding=4, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            Residual1d(width, width, stride=1),
            Residual1d(width, 2 * width, stride=2),
            Residual1d(2 * width, 2 * width, stride=2),
        )
        self.rhythm = rhythm_layers()
        self.classifier = beat_classifier(4 * width, classes, dropout)

    def forward(self, beat: torch.Tensor, rr: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``.

        Parameters
        ----------
        beat : tensor, shape (N, 2, samples)
            Beat and template.
        rr : tensor, shape (N, 5)
            Logarithms of RR ratios.
        """
        shape = self.shape(beat)
        features = torch.cat([shape.mean(dim=2), shape.amax(dim=2), self.rhythm(rr)], dim=1)
        logits: torch.Tensor = self.classifier(features)
        return logits


def beat_net(*, classes: int = 4, width: int = 16, dropout: float = 0.5) -> BeatNet:
    """Build the beat network.

    Parameters
    ----------
    classes : int
        Outputs; four for the AAMI classes N, S, V, F.
    width : int
        Channels of the first convolution, a multiple of 16.
    dropout : float
        Share of features dropped in training.

    Raises
    ------
    UsageError
        A width that is no multiple of 16, or a value out of range.
    """
    if width < 16 or width % 16 or classes < 1 or not 0 <= dropout < 1:
        raise UsageError(
            f"beat-net: classes={classes}, width={width}, dropout={dropout}?",
            hint="width is a multiple of 16, so that 8-bit kernels run without padding",
        )
    return BeatNet(classes=classes, width=width, dropout=dropout)
