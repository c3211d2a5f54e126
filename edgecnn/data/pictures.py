"""Datasets whose examples are pictures that can be looked at one by one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset

__all__ = ["PictureDataset"]


@runtime_checkable
class PictureDataset(Dataset, Protocol):
    """A dataset of pictures as they are, before any model's preprocessing."""

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return a picture as 8-bit BGR, shape ``(H, W, 3)``.

        Raises
        ------
        ImageError
            It cannot be read.
        """
        ...

    def name_of(self, index: int) -> str:
        """Return what a person knows it by: a path, or a number."""
        ...
