"""The protocol that cameras, files, streams and drawn tests share."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from edgecnn.runtime.frame import Frame

__all__ = ["Reopens", "Source"]


class Source(Protocol):
    """Something that gives frames, one at a time, to one thread.

    Attributes
    ----------
    description : str
        For people and logs, for example ``"camera 0 (640x480 MJPG, 30 fps)"``; may grow more
        precise in :meth:`open`. Credentials never appear in it.
    live : bool
        True: frames come whether anyone is ready or not, and only the newest matters; a slow
        model skips the rest. False: every frame is processed and the source waits, which holds for
        files, and for signals, whose samples must all be seen (they may still come at their own
        pace).
    fps : float or None
        Frames per second as the source states it, None when it does not.
    """

    @property
    def description(self) -> str:
        """Say what it is, without credentials."""
        ...

    @property
    def live(self) -> bool:
        """Tell whether only the newest frame matters."""
        ...

    @property
    def fps(self) -> float | None:
        """State the nominal frame rate."""
        ...

    def open(self) -> None:
        """Get ready to read.

        Raises
        ------
        SourceError, MissingFileError, DataError
            It is not there, or gives no frames.
        """
        ...

    def read(self) -> Frame | None:
        """Wait for the next frame; None at the end.

        A frame that cannot be decoded comes as one with a ``fault``; the ones after it follow.

        Raises
        ------
        SourceError
            A live source stopped giving frames, or a file ends before it should.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; harmless when repeated, and without an :meth:`open` before."""
        ...


@runtime_checkable
class Reopens(Protocol):
    """What a source has besides if it opens itself again after it was lost.

    Attributes
    ----------
    reopening : bool
        It is lost just now, and will say itself when it gives up: that no frame comes is no stall.
    """

    reopening: bool

    def interrupt(self) -> None:
        """End a wait for the source to come back; called from another thread."""
        ...
