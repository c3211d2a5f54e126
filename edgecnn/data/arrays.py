"""Pictures that are all in memory, as one array."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError
from edgecnn.metadata import ImageInput, InputSpec, reads
from edgecnn.preprocessing.image import as_bgr, image_batch

__all__ = ["PictureArray", "combined_sha256", "require_image_spec"]


class PictureArray:
    """A dataset of equally sized pictures.

    Parameters
    ----------
    info : DatasetInfo
    pictures : ndarray of uint8, shape (N, H, W) or (N, H, W, C)
        Grey, or colours in OpenCV's order (BGR, BGRA).
    targets : ndarray of int64, shape (N,), or None
    """

    groups: NDArray[np.str_] | None = None

    def __init__(
        self,
        info: DatasetInfo,
        pictures: NDArray[np.uint8],
        targets: NDArray[np.int64] | None,
    ) -> None:
        self.info = info
        self.pictures = pictures
        self.targets = targets

    def __len__(self) -> int:
        return len(self.pictures)

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Preprocess pictures; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        image = require_image_spec(spec, self.info)
        chosen = np.arange(len(self)) if indices is None else indices
        pictures = (self.pictures[index] for index in chosen)
        return {image.name: image_batch(pictures, image, count=len(chosen))}

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one picture; see :meth:`edgecnn.data.pictures.PictureDataset.picture`."""
        return as_bgr(self.pictures[index])

    def name_of(self, index: int) -> str:
        """Return a picture's number."""
        return f"picture {index}"


def require_image_spec(spec: InputSpec, info: DatasetInfo) -> ImageInput:
    """Return the spec if it is one of pictures.

    Raises
    ------
    DataError
        The model reads something else.
    """
    if not isinstance(spec, ImageInput):
        raise DataError(
            f"{info.name}:{info.split} holds pictures, but the model reads {reads(spec)}",
            hint="`edgecnn datasets` lists the others",
        )
    return spec


def combined_sha256(hashes: Iterable[str]) -> str:
    """Hash hashes: of several files, in the order of their names.

    Examples
    --------
    >>> combined_sha256(["ab", "cd"])[:8]
    '88d4266f'
    """
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
