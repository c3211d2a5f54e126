"""A folder that predicted pictures are saved in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError
from edgecnn.files import write_bytes

__all__ = ["PictureFolder"]


class PictureFolder:
    """Saves pictures as PNG under the names of their inputs, each under one of its own.

    Parameters
    ----------
    folder : Path
        Made when the first picture is saved.

    Examples
    --------
    >>> folder = PictureFolder(Path("out"))
    >>> [folder.place(Path("a.jpg")).as_posix() for _ in range(2)]
    ['out/a.png', 'out/a-2.png']
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[Path] = set()

    def place(self, name: Path) -> Path:
        """Return a path for an input of this name, relative to where it was listed."""
        first = path = self._folder / name.with_suffix(".png")
        number = 1
        while path in self._taken:
            number += 1
            path = first.with_stem(f"{first.stem}-{number}")
        self._taken.add(path)
        return path

    def save(self, picture: NDArray[np.uint8], name: Path, source: Path) -> Path:
        """Save one picture, shape ``(H, W, 3)`` BGR, whole or not at all; return where.

        Raises
        ------
        EdgeCNNError
            It would take the place of its own input, or the folder cannot be written to.
        """
        path = self.place(name)
        if path.resolve() == source.resolve():
            raise EdgeCNNError(
                f"{path} is the input itself: nothing saved", hint="save into another folder"
            )
        _, encoded = cv2.imencode(".png", picture)
        write_bytes(path, encoded.tobytes())
        return path
