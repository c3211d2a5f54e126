"""Picture files to pixels, by one stated rule for orientation, alpha, grey and 16 bits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ImageError, MissingFileError
from edgecnn.preprocessing.image import as_bgr

__all__ = ["PICTURE_SUFFIXES", "decode_picture", "list_pictures", "read_picture"]

#: File name endings that a folder is searched for, in lower case.
PICTURE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)

_ORIENTATION_TAG = 0x0112
_FLIPS_AND_TURNS = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p.swapaxes(0, 1)[:, ::-1],
    7: lambda p: p.swapaxes(0, 1)[::-1, ::-1],
    8: lambda p: p.swapaxes(0, 1)[::-1],
}


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file as 8-bit BGR, shape ``(H, W, 3)``.

    EXIF orientation is applied; alpha, grey and 16 bits follow
    :func:`~edgecnn.preprocessing.image.as_bgr`.

    Raises
    ------
    MissingFileError
        No such file.
    ImageError
        Not a picture, or cut short.
    """
    try:
        if path.exists() and not path.is_file():
            raise ImageError(f"{path} is not a file", hint="name a picture, or a folder of them")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingFileError(f"no such file: {path}") from error
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from error
    return decode_picture(content, str(path))


def decode_picture(content: bytes, source: str = "picture") -> NDArray[np.uint8]:
    """Decode a picture held in memory; see :func:`read_picture`."""
    hint = "expected a JPEG, PNG, BMP, TIFF, WebP or PNM picture"
    if not content:
        raise ImageError(f"{source} is empty", hint=hint)
    try:
        pixels, kinds, chunks = cv2.imdecodeWithMetadata(
            np.frombuffer(content, dtype=np.uint8), flags=cv2.IMREAD_UNCHANGED
        )
    except cv2.error as error:
        raise ImageError(f"{source} is not a readable picture", hint=hint) from error
    if pixels is None or pixels.size == 0:  # type: ignore[redundant-expr]
        raise ImageError(f"{source} is not a readable picture", hint=hint)
    if content[:2] == b"\xff\xd8" and not _has_jpeg_end(content):
        raise ImageError(f"{source} is cut short", hint="copy the file again")
    bgr = as_bgr(pixels)
    for kind, chunk in zip(np.ravel(kinds), chunks, strict=False):
        if kind == cv2.IMAGE_METADATA_EXIF:
            turn = _FLIPS_AND_TURNS.get(_orientation(bytes(np.ravel(chunk))))
            if turn is not None:
                return np.ascontiguousarray(turn(bgr))
    return bgr


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures below a folder, sorted; raises when there are none."""
    if not folder.is_dir():
        raise MissingFileError(f"no such folder: {folder}")
    found = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()
    )
    if not found:
        raise ImageError(
            f"no pictures in {folder}", hint=f"looked for {', '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return found


def _has_jpeg_end(content: bytes) -> bool:
    """Look for the end marker behind a JPEG's headers; more may follow it, such as a video."""
    at = 2
    # Each header is a marker and a length that counts itself; a thumbnail lies inside one.
    while content[at : at + 2] != b"\xff\xda":
        if at + 4 > len(content) or content[at] != 0xFF:
            return False
        at += 1 if content[at + 1] == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return content.find(b"\xff\xd9", at) >= 0


def _orientation(exif: bytes) -> int:
    """Read tag 0x0112 of a TIFF header's first directory; 1 (upright) when it is not there."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)  # type: ignore[arg-type]

    start = number(4, 4)
    for entry in range(number(start, 2)):
        at = start + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION_TAG:
            return number(at + 8, 2)
    return 1
