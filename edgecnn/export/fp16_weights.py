"""What happens to a weight's numbers in FP16."""

from __future__ import annotations

import numpy as np
import onnx
from msgspec import Struct
from onnx import numpy_helper

__all__ = ["HALF_LARGEST", "WeightLoss", "to_half", "weight_loss"]

#: The largest finite number of IEEE 754 binary16.
HALF_LARGEST = 65504.0

#: Rounding to 11 bits changes a channel by 2^-11 of its size at most. What changes it by four
#: times as much has lost digits below FP16's smallest normal number, 6.1e-5.
_MOST_CHANGE = 2.0**-9


class WeightLoss(Struct, frozen=True, kw_only=True):
    """What a weight loses in FP16.

    Attributes
    ----------
    overflows : float or None
        The largest number, if it does not fit.
    flushed : int
        Numbers that become 0.
    change : float
        The largest change of a channel, as a share of the channel's size.
    """

    overflows: float | None
    flushed: int
    change: float

    @property
    def reason(self) -> str | None:
        """Why the weight cannot be in FP16; None if it can."""
        if self.overflows is not None:
            return f"reaches {self.overflows:.4g}, beyond FP16's {HALF_LARGEST:.0f}"
        if self.change > _MOST_CHANGE:
            return (
                f"too small for FP16: a channel changes by {100 * self.change:.3g} % of its size, "
                f"{self.flushed:,} numbers become 0"
            )
        return None


def weight_loss(tensor: onnx.TensorProto) -> WeightLoss:
    """Compare a float32 weight with itself in FP16, channel by channel of its first axis.

    Examples
    --------
    >>> weight_loss(numpy_helper.from_array(np.array([[1, 1e-9], [1, 2]], np.float32))).flushed
    1
    """
    values = numpy_helper.to_array(tensor).astype(np.float64)
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max(initial=0.0))
    with np.errstate(over="ignore"):
        half = values.astype(np.float16).astype(np.float64)
    # What rounds to infinity does not fit: 65,520 and more.
    overflows = bool((np.isinf(half) & np.isfinite(values)).any())
    flushed = int(np.count_nonzero((half == 0) & (values != 0)))
    # A vector holds one number per channel, and belongs together; NaN and infinity stay as they
    # are.
    rows = values.reshape(len(values), -1) if values.ndim > 1 and values.size else values.ravel()
    halves = half.reshape(rows.shape)
    same = ~(np.isfinite(rows) & np.isfinite(halves))
    size = np.sqrt(np.where(same, 0.0, rows**2).sum(axis=-1))
    change = np.sqrt(np.where(same, 0.0, (rows - halves) ** 2).sum(axis=-1))
    share = float((change / np.where(size > 0, size, 1.0)).max(initial=0.0))
    return WeightLoss(overflows=largest if overflows else None, flushed=flushed, change=share)


def to_half(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Return a float32 tensor in FP16, each number rounded to the nearest."""
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        made: onnx.TensorProto = numpy_helper.from_array(values.astype(np.float16), tensor.name)
    return made
