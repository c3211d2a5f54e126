"""What people may change while a stream runs: by the window's keys, by the page's buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Controls"]


@dataclass(eq=False)
class Controls:
    """The switches of one running stream; may be read and set on any thread.

    Attributes
    ----------
    paused : bool
        While it is set no frame is answered: those of a live source are given up as newer ones
        come, a file waits.
    explain : bool
        Whether pictures are drawn with what explains their answer; asked for each frame.
    can_explain : bool
        Whether anything heeds ``explain``; set by what does.
    recording : bool
        Whether a recording runs; set by what records.
    snapshot : callable or None
        Keeps the newest frame with its answer, and returns where; None where nothing can. Raises
        :class:`~edgecnn.errors.EdgeCNNError` where it fails.
    record : callable or None
        Starts a recording, or ends the one that runs, and returns what it did in a few words.
        Raises :class:`~edgecnn.errors.EdgeCNNError` where it fails.
    """

    paused: bool = False
    explain: bool = False
    can_explain: bool = False
    recording: bool = False
    snapshot: Callable[[], str] | None = None
    record: Callable[[], str] | None = None
