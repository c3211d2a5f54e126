"""A 1-D CNN for heartbeats in a single-lead ECG, which also sees their rhythm.

It reads what :func:`edgecnn.preprocessing.beats.beat_inputs` gives: the beat beside this person's
usual beat, and ratios of RR intervals. Premature beats of the atria look like any other beat; what
tells them is that they are early. ``beat-likeness-net`` reads more ratios, and in numbers how the
beat resembles the usual one: with a few dozen patients to learn from, what can be computed need not
be learnt.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import Residual1d
from edgecnn.models.checks import check_counts, check_dropout

__all__ = [
    "BeatLikenessNet",
    "BeatNet",
    "beat_classifier",
    "beat_likeness_net",
    "beat_net",
    "rhythm_layers",
    "shape_layers",
]

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


def shape_layers(width: int) -> nn.Sequential:
    """Return residual convolutions over beat and template, to ``(N, 2 width, steps)``."""
    return nn.Sequential(
        # A stride of 4 at 360 Hz leaves 90 Hz, as fast as the parts of a QRS complex.
        nn.Conv1d(2, width, 9, stride=4, padding=4, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        Residual1d(width, width, stride=1),
        Residual1d(width, 2 * width, stride=2),
        Residual1d(2 * width, 2 * width, stride=2),
    )


class BeatNet(nn.Module):
    """Residual convolutions over the beat, dense layers over the rhythm and over both."""

    def __init__(self, *, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.shape = shape_layers(width)
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


class BeatLikenessNet(nn.Module):
    """Three convolutions over the beat; dense layers over rhythm and likeness, and over all."""

    def __init__(
        self, *, classes: int, width: int, ratios: int, numbers: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        # The numbers say most of it: a sixth of `beat-net`'s work is enough for the rest.
        self.shape = nn.Sequential(
            nn.Conv1d(2, width, 9, stride=4, padding=4, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 5, stride=4, padding=2, bias=False),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
            nn.Conv1d(2 * width, 2 * width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
        )
        self.numbers = nn.Sequential(
            # Logarithms, correlations and shares: each is brought to the size of the others.
            nn.BatchNorm1d(ratios + numbers),
            nn.Linear(ratios + numbers, hidden),
            nn.ReLU(),
            nn.Dropout(dropout / 2),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(4 * width + hidden, 64),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(64, classes),
        )

    def forward(self, beat: torch.Tensor, rr: torch.Tensor, likeness: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``.

        Parameters
        ----------
        beat : tensor, shape (N, 2, samples)
            Beat and template.
        rr : tensor, shape (N, ratios)
            RR ratios.
        likeness : tensor, shape (N, numbers)
            How the beat resembles the template.
        """
        shape = self.shape(beat)
        numbers = self.numbers(torch.cat([rr, likeness], dim=1))
        features = torch.cat([shape.mean(dim=2), shape.amax(dim=2), numbers], dim=1)
        logits: torch.Tensor = self.classifier(features)
        return logits


def beat_likeness_net(
    *,
    classes: int = 4,
    width: int = 16,
    ratios: int = 19,
    numbers: int = 13,
    hidden: int = 64,
    dropout: float = 0.5,
) -> BeatLikenessNet:
    """Build the beat network that reads RR ratios and likeness to the usual beat.

    Parameters
    ----------
    classes : int
        Outputs; four for the AAMI classes N, S, V, F.
    width : int
        Channels of the first convolution, a multiple of 16.
    ratios, numbers : int
        RR ratios and numbers of likeness per beat.
    hidden : int
        Outputs of the dense layers over them.
    dropout : float
        Share of features dropped in training.

    Raises
    ------
    UsageError
        A width that is no multiple of 16, or a value out of range.
    """
    check_counts(
        "beat-likeness-net", classes=classes, ratios=ratios, numbers=numbers, hidden=hidden
    )
    check_dropout("beat-likeness-net", dropout)
    if width < 16 or width % 16:
        raise UsageError(
            f"beat-likeness-net: width={width}?",
            hint="a multiple of 16, so that 8-bit kernels run without padding",
        )
    return BeatLikenessNet(
        classes=classes,
        width=width,
        ratios=ratios,
        numbers=numbers,
        hidden=hidden,
        dropout=dropout,
    )


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
