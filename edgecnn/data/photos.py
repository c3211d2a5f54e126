"""Photos as grounds to draw on: whatever lies in the data folder, dealt into three parts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.locate import cache_root
from edgecnn.errors import ImageError
from edgecnn.preprocessing.image import resize_area
from edgecnn.preprocessing.picture import list_pictures, read_picture

__all__ = ["PHOTO_FOLDERS", "PhotoPile", "find_photos"]

#: Folders below ``EDGECNN_DATA`` or the user's cache that are looked for photos.
PHOTO_FOLDERS = ("imagenet-samples", "captions/images", "photos")

#: What each of ten photos, in the order of their names, is for.
_DEALT = {"train": (0, 1, 2, 3, 4, 6, 7, 8), "validation": (5,), "test": (9,)}
#: Photos are kept with their shorter side of at most so many pixels.
_SHORTER_SIDE = 288


class PhotoPile(Sequence[NDArray[np.uint8]]):
    """Photos by number, read when first asked for and then kept, made smaller.

    Parameters
    ----------
    paths : sequence of Path
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:  # type: ignore[override]
        if number not in self._kept:
            photo = read_picture(self.paths[number])
            shrink = min(1.0, _SHORTER_SIDE / min(photo.shape[:2]))
            height, width = (max(1, round(side * shrink)) for side in photo.shape[:2])
            self._kept[number] = resize_area(photo, height, width)
        return self._kept[number]


def find_photos(split: str, *, root: Path | None = None) -> tuple[Path, ...]:
    """Return the photos of one part: 8 of 10 train, 1 validates, 1 tests.

    Parameters
    ----------
    split : "train", "validation" or "test"
    root : Path, optional
        A folder with one of :data:`PHOTO_FOLDERS` in it; the default is ``EDGECNN_DATA``, else the
        user's cache.

    Returns
    -------
    tuple of Path
        Empty where there are none.
    """
    named = os.environ.get("EDGECNN_DATA")
    base = root or (Path(named) if named else cache_root())
    chosen: list[Path] = []
    for name in PHOTO_FOLDERS:
        try:
            found = list_pictures(base / name) if (base / name).is_dir() else []
        except ImageError:
            found = []
        chosen += [path for number, path in enumerate(found) if number % 10 in _DEALT[split]]
    return tuple(chosen)
