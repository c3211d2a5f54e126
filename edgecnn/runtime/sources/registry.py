"""The kinds of sources, and which one a text means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import UsageError
from edgecnn.runtime.redact import redact
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.runtime.sources.camera import Camera
from edgecnn.runtime.sources.fault_camera import FaultCamera
from edgecnn.runtime.sources.folder import Folder
from edgecnn.runtime.sources.gstreamer import GStreamer
from edgecnn.runtime.sources.paced import Paced
from edgecnn.runtime.sources.reopening import Reopening
from edgecnn.runtime.sources.screen import Screen
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.stdin import Stdin
from edgecnn.runtime.sources.stream import Stream
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.video import Video

__all__ = ["SOURCES", "SourceKind", "open_all", "open_lasting", "open_source"]


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
    make: Callable[[str, SourceSettings], Source]


def _camera(text: str, settings: SourceSettings) -> Camera:
    return Camera(text, read_s=settings.read_s, backend=settings.backend)


def _stream(text: str, settings: SourceSettings) -> Stream:
    return Stream(text, open_s=settings.open_s, read_s=settings.read_s)


def _drill(text: str, settings: SourceSettings) -> FaultCamera:
    return FaultCamera(text, read_s=settings.read_s)


def _stdin(text: str, settings: SourceSettings) -> Stdin:
    return Stdin(text, live=settings.policy == "newest", read_s=settings.read_s)


def _pipeline(text: str, settings: SourceSettings) -> GStreamer:
    if not settings.may_run_pipelines:
        raise UsageError("a GStreamer pipeline is a program: only the command line may give one")
    return GStreamer(text)


#: In the order of asking; the last takes what is left.
SOURCES: tuple[SourceKind, ...] = (
    SourceKind("test camera", "test:digits", TestCamera.matches, lambda t, _: TestCamera(t)),
    SourceKind("fault drill", "fault:stall=5s,black", FaultCamera.matches, _drill),
    SourceKind("screen", "screen:", Screen.matches, lambda t, _: Screen(t)),
    SourceKind("pipe", "-", Stdin.matches, _stdin),
    SourceKind("GStreamer", "v4l2src ! videoconvert ! appsink", GStreamer.matches, _pipeline),
    SourceKind("browser", "browser:", BrowserCamera.matches, lambda t, _: BrowserCamera(t)),
    SourceKind("camera", "0", Camera.matches, _camera),
    SourceKind("stream", "rtsp://camera.local/live", Stream.matches, _stream),
    SourceKind("pictures", "photos/", Folder.matches, lambda t, _: Folder(t)),
    SourceKind("video", "walk.mp4", lambda _: True, lambda t, _: Video(Path(t))),
)

_PREFIX = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def open_source(text: str, settings: SourceSettings | None = None) -> Source:
    """Return the source that a text means, ready for :meth:`Source.open`.

    Parameters
    ----------
    text : str
        ``0`` or ``/dev/video0``; ``rtsp://...``, ``http://...``; a picture, folder or glob; a video
        file; ``screen:``; ``-`` (pictures from a pipe); ``test:digits``; ``fault:black``. Many take
        options: ``test:digits?fps=60&seed=1``.
    settings : SourceSettings, optional

    Raises
    ------
    UsageError
        It means no known kind, or has an option that its kind does not know.

    Examples
    --------
    >>> open_source("test:digits?seed=3").live
    True
    """
    settings = settings or SourceSettings()
    if not text.strip():
        raise UsageError("the source is empty", hint=_kinds())
    for kind in SOURCES[:-1]:
        if kind.matches(text):
            return kind.make(text, settings)
    if _PREFIX.match(text) and not Path(text).exists():
        raise UsageError(f"unknown kind of source: {redact(text)}", hint=_kinds())
    return SOURCES[-1].make(text, settings)


def open_lasting(
    text: str, settings: SourceSettings, say: Callable[[str], None] = lambda text: None
) -> Source:
    """Return the source that a text means, made to last.

    A camera or stream is opened again after it was lost. A file of which the newest frame is to be
    answered plays at its own speed.

    Parameters
    ----------
    text : str
    settings : SourceSettings
    say : callable
        Hears that a source was lost, and that it is back.

    Raises
    ------
    UsageError
        As :func:`open_source`.
    """
    source = open_source(text, settings)
    if isinstance(source, Camera | Stream | FaultCamera):
        return Reopening(source, give_up_s=settings.give_up_s, say=say, reachable=source.reachable)
    if isinstance(source, GStreamer):
        return Reopening(source, give_up_s=settings.give_up_s, say=say)
    return Paced(source) if settings.policy == "newest" and not source.live else source


def open_all(
    texts: Sequence[str], settings: SourceSettings, say: Callable[[str], None] = lambda text: None
) -> list[Source]:
    """Return the sources of one stream, each as :func:`open_lasting` makes it.

    Raises
    ------
    UsageError
        As :func:`open_source`; or there are several, and one of them can't be among others.
    """
    sources = [open_lasting(text, settings, say) for text in texts]
    if len(sources) > 1 and any(isinstance(each, BrowserCamera) for each in sources):
        raise UsageError("a browser's camera is a source by itself, not among several")
    if sum(isinstance(each, Stdin) for each in sources) > 1:
        raise UsageError("there is one standard input, and it is given twice")
    return sources


def _kinds() -> str:
    return "; ".join(f"{kind.name}: {kind.example}" for kind in SOURCES)
