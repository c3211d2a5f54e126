"""What a network was shown and gave, for those who look over its shoulder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Result

__all__ = ["After", "Seen"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One run of a network.

    Attributes
    ----------
    frame : Frame
    inputs : mapping of str to ndarray
        Preprocessed, a batch of one.
    output : ndarray of float32
        As the network gave it, a batch of one.
    """

    frame: Frame
    inputs: Tensors
    output: NDArray[np.float32]


class After(Protocol):
    """Looks at what a network was shown and gave, and may change what is said about it."""

    def look(self, seen: Seen, result: Result) -> Result:
        """Return the answer, changed or not; called for each frame that was answered, in order."""
        ...
