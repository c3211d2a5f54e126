"""What a network reads: named arrays whose first axis is the example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tensors"]

#: Floats for pictures and signals, whole numbers for text.
Tensors = Mapping[str, NDArray[np.float32 | np.int64]]
