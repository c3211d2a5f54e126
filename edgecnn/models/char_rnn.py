"""A character-level language model: text in, the next character's logits out.

Embedding, LSTM or GRU layers, a dense layer (Karpathy's char-rnn, https://karpathy.github.io/
2015/05/21/rnn-effectiveness). Its state is an input and an output, so that whoever holds it can
go on character by character.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.metadata import State
from edgecnn.models.checks import check_counts, check_dropout
from edgecnn.models.recurrent import Cell, RecurrentLayer

__all__ = ["CharGRU", "CharLSTM", "CharRNN", "char_rnn"]


class CharRNN(nn.Module):
    """What both kinds share; their ``forward`` differs by the cell state.

    Attributes
    ----------
    states : tuple of State
        As the contract names them, each of shape ``(layers, hidden)``.
    """

    _STATE_NAMES: tuple[str, ...] = ()

    def __init__(
        self,
        cell: Cell,
        *,
        characters: int,
        hidden: int,
        layers: int,
        embedding: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding)
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, hidden if number else embedding, hidden)
            for number in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, characters)
        self.states = tuple(
            State(input=name, output=f"{name}_out", shape=(layers, hidden))
            for name in self._STATE_NAMES
        )

    def _run(self, characters: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the logits and the states after the last character."""
        sequence = self.embedding(characters)
        after = []
        for number, layer in enumerate(self.layers):
            sequence, state = layer(sequence, tuple(part[:, number] for part in states))
            sequence = self.dropout(sequence)
            after.append(state)
        stacked = (torch.stack(parts, dim=1) for parts in zip(*after, strict=True))
        return self.head(sequence), *stacked


class CharLSTM(CharRNN):
    """A character model of LSTM layers."""

    _STATE_NAMES = ("hidden", "cell")

    def forward(
        self, characters: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Read characters.

        Parameters
        ----------
        characters : tensor of int64, shape (N, T)
        hidden, cell : tensor, shape (N, layers, hidden)
            As the call before returned them; zeros at the beginning of a text.

        Returns
        -------
        logits : tensor, shape (N, T, characters)
            Of the character after each.
        hidden, cell : tensor, shape (N, layers, hidden)
        """
        return self._run(characters, hidden, cell)


class CharGRU(CharRNN):
    """A character model of GRU layers."""

    _STATE_NAMES = ("hidden",)

    def forward(self, characters: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Read characters; shapes as in :meth:`CharLSTM.forward`."""
        return self._run(characters, hidden)


def char_rnn(
    *,
    characters: int = 65,
    cell: Cell = "lstm",
    hidden: int = 256,
    layers: int = 1,
    embedding: int = 64,
    dropout: float = 0.3,
) -> CharLSTM | CharGRU:
    """Build a character-level language model.

    Parameters
    ----------
    characters : int
        Size of the vocabulary.
    cell : "lstm" or "gru"
    hidden, layers : int
        Features of a layer, and how many layers there are.
    embedding : int
        Numbers that stand for a character.
    dropout : float
        Share of each layer's outputs dropped in training.

    Raises
    ------
    UsageError
        A count below 1, or a dropout outside 0..1.

    Examples
    --------
    >>> model = char_rnn(characters=65, hidden=256)
    >>> sum(p.numel() for p in model.parameters())
    350593
    """
    check_counts(
        "char-rnn", characters=characters, hidden=hidden, layers=layers, embedding=embedding
    )
    check_dropout("char-rnn", dropout)
    sizes = {
        "characters": characters,
        "hidden": hidden,
        "layers": layers,
        "embedding": embedding,
    }
    if cell == "lstm":
        return CharLSTM("lstm", dropout=dropout, **sizes)
    return CharGRU("gru", dropout=dropout, **sizes)
