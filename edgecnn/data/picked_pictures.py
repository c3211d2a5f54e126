"""Some of a dataset's pictures, as a dataset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.pictures import PictureDataset
from edgecnn.metadata import InputSpec
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["PickedPictures"]


class PickedPictures:
    """Shows only some of a dataset's pictures; their numbers count from 0.

    Parameters
    ----------
    pictures : PictureDataset
    indices : ndarray of int
        Which of them.
    """

    def __init__(self, pictures: PictureDataset, indices: NDArray[np.integer]) -> None:
        self.info = pictures.info
        self.targets = None if pictures.targets is None else pictures.targets[indices]
        self.groups = None if pictures.groups is None else pictures.groups[indices]
        self._pictures, self._indices = pictures, indices

    def __len__(self) -> int:
        return len(self._indices)

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Preprocess examples by a model's own metadata."""
        chosen = self._indices if indices is None else self._indices[indices]
        return self._pictures.inputs(spec, chosen)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return a picture as 8-bit BGR, shape ``(H, W, 3)``."""
        return self._pictures.picture(int(self._indices[index]))

    def name_of(self, index: int) -> str:
        """Return what a person knows it by."""
        return self._pictures.name_of(int(self._indices[index]))
