"""Picture files: one, a folder of them, or a glob."""

from __future__ import annotations

import glob
import time
from pathlib import Path

from edgecnn.errors import DataError, MissingFileError
from edgecnn.preprocessing.picture import PICTURE_SUFFIXES, list_pictures, read_picture
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import NO_PICTURE

__all__ = ["Folder", "expand_pictures"]

_WILD = frozenset("*?[")


def expand_pictures(text: str) -> list[Path]:
    """Return the pictures that a file name, folder or glob stands for, sorted.

    A file that exists is taken by its name, also with wild characters in it.

    Raises
    ------
    MissingFileError
        Nothing there by that name.
    ImageError
        A folder without pictures.
    """
    path = Path(text)
    if path.is_dir():
        return list_pictures(path)
    if path.exists() or not _WILD.intersection(text):
        return [path]
    # Path.glob takes no absolute pattern.
    found = sorted(Path(name) for name in glob.glob(text, recursive=True))  # noqa: PTH207
    files = [file for file in found if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()]
    if not files:
        raise MissingFileError(
            f"no pictures match {text}", hint=f"looked for {', '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return files


class Folder:
    """Every picture of a folder (and the folders in it) or glob, sorted by path.

    Parameters
    ----------
    text : str
        A picture file, a folder, or a glob such as ``photos/*.jpg``.
    """

    live = False
    fps: float | None = None

    def __init__(self, text: str) -> None:
        self._text = text
        self.description = text
        self._files: list[Path] = []
        self._count = 0

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text names pictures."""
        path = Path(text)
        if path.suffix.lower() in PICTURE_SUFFIXES or path.is_dir() or text.endswith("/"):
            return True
        return bool(_WILD.intersection(text)) and not path.exists()

    def open(self) -> None:
        """List the pictures."""
        self._files = expand_pictures(self._text)
        if len(self._files) == 1 and not self._files[0].exists():
            raise MissingFileError(f"no such source: {self._text}")
        self._count = 0
        plural = "" if len(self._files) == 1 else "s"
        self.description = f"{self._text} ({len(self._files)} picture{plural})"

    def read(self) -> Frame | None:
        """Decode the next picture; one that cannot be read comes as a fault."""
        if self._count >= len(self._files):
            return None
        path, number = self._files[self._count], self._count
        self._count += 1
        data, fault = NO_PICTURE, ""
        try:
            data = read_picture(path)
        except (DataError, MissingFileError) as error:
            fault = error.message
        return Frame(self._text, number, time.monotonic_ns(), data, name=str(path), fault=fault)

    def close(self) -> None:
        """Forget the list."""
        self._files = []
