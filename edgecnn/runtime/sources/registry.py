"""The kinds of sources, and which one a text means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import UsageError
from edgecnn.runtime.redact import redact
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.camera import Camera
from edgecnn.runtime.sources.folder import Folder
from edgecnn.runtime.sources.stream import Stream
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.video import Video

__all__ = ["SOURCES", "SourceKind", "open_source"]


@dataclass(frozen=True)
class SourceKind:
    """One kind of source: when a text means it, and how it is made.

    Attributes
    ----------
    name : str
    example : str
        A text that means it.
    matches : callable
    make : callable
        Makes the source, not yet opened.
    """

    name: str
    example: str
    matches: Callable[[str], bool]
    make: Callable[[str], Source]


#: In the order of asking; the last takes what is left.
SOURCES: tuple[SourceKind, ...] = (
    SourceKind("test camera", "test:digits", TestCamera.matches, TestCamera),
    SourceKind("camera", "0", Camera.matches, Camera),
    SourceKind("stream", "rtsp://camera.local/live", Stream.matches, Stream),
    SourceKind("pictures", "photos/", Folder.matches, Folder),
    SourceKind("video", "walk.mp4", lambda _: True, lambda text: Video(Path(text))),
)

_PREFIX = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def open_source(text: str) -> Source:
    """Return the source that a text means, ready for :meth:`Source.open`.

    Parameters
    ----------
    text : str
        ``0`` or ``/dev/video0``; ``rtsp://...``, ``http://...``; a picture, folder or glob; a video
        file; ``test:digits``. Cameras and test cameras take options: ``test:digits?fps=60&seed=1``.

    Raises
    ------
    UsageError
        It means no known kind, or has an option that its kind does not know.

    Examples
    --------
    >>> open_source("test:digits?seed=3").live
    True
    """
    if not text.strip():
        raise UsageError("the source is empty", hint=_kinds())
    for kind in SOURCES[:-1]:
        if kind.matches(text):
            return kind.make(text)
    if _PREFIX.match(text) and not Path(text).exists():
        raise UsageError(f"unknown kind of source: {redact(text)}", hint=_kinds())
    return SOURCES[-1].make(text)


def _kinds() -> str:
    return "; ".join(f"{kind.name}: {kind.example}" for kind in SOURCES)
