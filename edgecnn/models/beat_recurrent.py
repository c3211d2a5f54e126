"""Recurrent classifiers of heartbeats: the beat as a sequence, beside its rhythm.

They read what :mod:`edgecnn.models.beat_net` reads. Two strided convolutions bring the 288 samples
of a window down to 36 steps first: a recurrent layer computes step after step, and a step of 22 ms
still is shorter than any wave of an ECG.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from edgecnn.models.beat_net import beat_classifier, rhythm_layers
from edgecnn.models.checks import check_counts, check_dropout

__all__ = ["BeatRecurrent", "beat_recurrent"]

_CELLS: dict[str, type[nn.LSTM | nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class BeatRecurrent(nn.Module):
    """Convolutions, a recurrent layer over their steps, dense layers over it and the rhythm."""

    def __init__(
        self,
        kind: type[nn.LSTM | nn.GRU],
        *,
        classes: int,
        width: int,
        hidden: int,
        bidirectional: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv1d(2, width, 9, stride=4, padding=4, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, 2 * width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(2 * width),
            nn.ReLU(),
        )
        self.recurrent = kind(2 * width, hidden, batch_first=True, bidirectional=bidirectional)
        for name, weight in self.recurrent.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(weight)
        self.rhythm = rhythm_layers()
        states = 2 * hidden if bidirectional else hidden
        self.classifier = beat_classifier(2 * states, classes, dropout)

    def forward(self, beat: torch.Tensor, rr: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``.

        Parameters
        ----------
        beat : tensor, shape (N, 2, samples)
            Beat and template.
        rr : tensor, shape (N, 5)
            Logarithms of RR ratios.
        """
        states, _ = self.recurrent(self.steps(beat).transpose(1, 2))
        features = torch.cat([states.mean(dim=1), states.amax(dim=1), self.rhythm(rr)], dim=1)
        logits: torch.Tensor = self.classifier(features)
        return logits


def beat_recurrent(
    *,
    cell: Literal["lstm", "gru"] = "lstm",
    classes: int = 4,
    width: int = 16,
    hidden: int = 48,
    bidirectional: bool = True,
    dropout: float = 0.5,
) -> BeatRecurrent:
    """Build a recurrent beat network.

    Parameters
    ----------
    cell : "lstm" or "gru"
        Long short-term memory (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735), or
        gated recurrent units (Cho et al. 2014, arXiv:1406.1078).
    classes : int
        Outputs; four for the AAMI classes N, S, V, F.
    width : int
        Channels of the first convolution; the second has twice as many.
    hidden : int
        States of the recurrent layer, per direction.
    bidirectional : bool
        Whether a second layer reads the beat from its end.
    dropout : float
        Share of features dropped in training.

    Raises
    ------
    UsageError
        A value out of range.

    Notes
    -----
    Recurrent weights start orthogonal. The layer stays one ``LSTM`` or ``GRU`` node in the exported
    file; 8-bit quantization leaves it in FP32.
    """
    check_counts(f"beat-{cell}", classes=classes, width=width, hidden=hidden)
    check_dropout(f"beat-{cell}", dropout)
    return BeatRecurrent(
        _CELLS[cell],
        classes=classes,
        width=width,
        hidden=hidden,
        bidirectional=bidirectional,
        dropout=dropout,
    )
