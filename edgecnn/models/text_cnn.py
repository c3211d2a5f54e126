"""A CNN for sentences (Kim 2014, doi:10.3115/v1/D14-1181).

Each word is a row of numbers, so a sentence is a picture of one channel; convolutions as wide as
that picture slide over windows of a few words, and of each map only its largest value is kept.
Against the paper's CNN-rand, embeddings are far smaller (its 300 numbers a word would be 11 MB for
the words of rt-polarity), and the norm of the last layer's weights is held by weight decay.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.models.checks import check_counts, check_dropout

__all__ = ["TextCNN", "text_cnn"]

#: The paper's range of fresh embeddings.
_EMBEDDING_RANGE = 0.25


class TextCNN(nn.Module):
    """Embedding, convolutions of several widths side by side, maximum over time, dense layer."""

    def __init__(
        self,
        *,
        classes: int,
        words: int,
        embedding: int,
        maps: int,
        windows: list[int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=0)
        nn.init.uniform_(self.embedding.weight, -_EMBEDDING_RANGE, _EMBEDDING_RANGE)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        self.convolutions = nn.ModuleList(
            nn.Conv2d(1, maps, (window, embedding)) for window in windows
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(maps * len(windows), classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``.

        Parameters
        ----------
        tokens : tensor of int64, shape (N, T)
            Word numbers; 0 is padding. At least as many as the widest window.
        """
        picture = self.embedding(tokens)[:, None]
        features = [torch.relu(conv(picture)).amax(dim=(2, 3)) for conv in self.convolutions]
        logits: torch.Tensor = self.head(self.dropout(torch.cat(features, dim=1)))
        return logits


def text_cnn(
    *,
    classes: int = 2,
    words: int = 9000,
    embedding: int = 32,
    maps: int = 64,
    windows: list[int] = [3, 4, 5],  # noqa: B006 - never changed, and shown by `models`
    dropout: float = 0.5,
) -> TextCNN:
    """Build the sentence network.

    Parameters
    ----------
    classes : int
    words : int
        Size of the vocabulary, padding and unknown word included.
    embedding : int
        Numbers that stand for a word; the paper has 300.
    maps : int
        Maps of each window; the paper has 100.
    windows : list of int
        Words that each convolution sees at once.
    dropout : float
        Share of the kept maxima dropped in training.

    Raises
    ------
    UsageError
        A count below 1, or a dropout outside 0..1.

    Examples
    --------
    >>> model = text_cnn(words=1000)
    >>> model(torch.zeros(3, 20, dtype=torch.int64)).shape
    torch.Size([3, 2])
    """
    check_counts(
        "text-cnn", classes=classes, words=words, embedding=embedding, maps=maps, windows=windows
    )
    check_dropout("text-cnn", dropout)
    return TextCNN(
        classes=classes,
        words=words,
        embedding=embedding,
        maps=maps,
        windows=windows,
        dropout=dropout,
    )
