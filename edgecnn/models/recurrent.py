"""A recurrent layer that reads and returns its state, and is exported as one ONNX node.

LSTM: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735. GRU: Cho et al. 2014,
doi:10.3115/v1/D14-1179, with the reset gate after the product, as in cuDNN and PyTorch.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

__all__ = ["Cell", "RecurrentLayer"]

Cell = Literal["lstm", "gru"]

#: In which order ONNX has the gates that PyTorch has as i f g o, and as r z n.
_GATES: dict[str, tuple[int, ...]] = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
_ATTRIBUTES: dict[str, dict[str, Any]] = {"lstm": {}, "gru": {"linear_before_reset": 1}}
#: The operators' version of opset 14, which later opsets have kept.
_OPERATOR_VERSION = 14


class RecurrentLayer(nn.Module):
    """One LSTM or GRU layer over a sequence.

    Parameters
    ----------
    cell : "lstm" or "gru"
    inputs, hidden : int
        Features of the sequence, and of the state.
    """

    def __init__(self, cell: Cell, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = cell
        self.hidden = hidden
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.rnn = kind(inputs, hidden, batch_first=True)

    def forward(
        self, sequence: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Read a sequence.

        Parameters
        ----------
        sequence : tensor, shape (N, T, inputs)
        state : tuple of tensor, each of shape (N, hidden)
            Hidden state, and for an LSTM its cell state.

        Returns
        -------
        outputs : tensor, shape (N, T, hidden)
        state : tuple of tensor
            After the last step.
        """
        if torch.compiler.is_exporting():
            return self._exported(sequence, state)
        before = tuple(part[None] for part in state)
        outputs, after = self.rnn(sequence, before if self.cell == "lstm" else before[0])
        return outputs, tuple(part[0] for part in (after if self.cell == "lstm" else (after,)))

    def _exported(
        self, sequence: torch.Tensor, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Write the operator itself: traced, the loop over time would have a fixed length."""
        rows, steps = sequence.shape[0], sequence.shape[1]
        weights = {name: self._in_order(p)[None] for name, p in self.rnn.named_parameters()}
        last = (1, rows, self.hidden)
        results = torch.onnx.ops.symbolic_multi_out(
            self.cell.upper(),
            (
                sequence.transpose(0, 1),
                weights["weight_ih_l0"],
                weights["weight_hh_l0"],
                torch.cat([weights["bias_ih_l0"], weights["bias_hh_l0"]], dim=1),
                None,
                *(part[None] for part in state),
            ),
            _ATTRIBUTES[self.cell] | {"hidden_size": self.hidden},
            dtypes=(torch.float32,) * (1 + len(state)),
            shapes=((steps, 1, rows, self.hidden), *(last for _ in state)),
            version=_OPERATOR_VERSION,
        )
        return results[0][:, 0].transpose(0, 1), tuple(part[0] for part in results[1:])

    def _in_order(self, weights: torch.Tensor) -> torch.Tensor:
        """Put the rows of PyTorch's gates into the order of ONNX."""
        gates = weights.chunk(len(_GATES[self.cell]))
        return torch.cat([gates[number] for number in _GATES[self.cell]])
