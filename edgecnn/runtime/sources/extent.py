"""How many pictures a video file should give, by what its container says of itself.

A decoder ends at the end of what is there, and takes a file that was cut off for one that is
over. The containers tell the two apart: MP4 and Matroska list their pictures one by one, and state
the size of their parts, which a cut leaves beyond the end of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn.runtime.sources.matroska_extent import matroska_pictures
from edgecnn.runtime.sources.mp4_extent import mp4_pictures

__all__ = ["Extent", "read_extent"]


@dataclass(frozen=True)
class Extent:
    """What a container says.

    Attributes
    ----------
    pictures : int or None
        How many it lists; None where it does not tell, or lists some that are not to be shown.
    cut : bool
        A part of it with pictures reaches beyond the end of the file.
    """

    pictures: int | None
    cut: bool


def read_extent(path: Path) -> Extent | None:
    """Read the extent of a video file; None for a container that this does not know.

    Matroska (WebM), MP4 (MOV) and, as to whether it is cut, AVI. Pictures are not decoded, and
    little more than the heads of the parts is read.

    Raises
    ------
    OSError
    """
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        size = path.stat().st_size
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _extent(matroska_pictures(file, size))
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            return _extent(mp4_pictures(file, size))
        if head[:4] == b"RIFF" and head[8:] == b"AVI " and _length(head) > size:
            return Extent(None, cut=True)
    return None


def _extent(found: tuple[int | None, bool] | None) -> Extent | None:
    return None if found is None else Extent(found[0], cut=found[1])


def _length(riff: bytes) -> int:
    return 8 + int.from_bytes(riff[4:8], "little")
