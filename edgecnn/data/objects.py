"""What is to be found in a picture, and datasets that know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.metadata import ImageInput

__all__ = ["ObjectDataset", "Objects"]


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects in one picture.

    Attributes
    ----------
    boxes : ndarray of float32, shape (n, 4)
        ``x0, y0, x1, y1`` in pixels; the right and lower edge lie outside, so that ``x1 - x0`` is
        the width.
    labels : ndarray of int64, shape (n,)
        Indices into the dataset's labels.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@runtime_checkable
class ObjectDataset(Dataset, Protocol):
    """A dataset whose pictures hold any number of objects.

    Attributes
    ----------
    endless : bool
        Whether numbers beyond the length are further examples, drawn as they are asked for.
    """

    endless: bool

    @property
    def validation(self) -> ObjectDataset | None:
        """The examples that go with these to choose by, where they are not to be split off."""
        ...

    def examples(
        self, spec: ImageInput, numbers: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], list[Objects]]:
        """Return pictures with what they hold.

        Returns
        -------
        tensors : ndarray of float32, shape (n, *spec.shape)
        objects : list of Objects
            In pixels of the tensor.
        """
        ...
