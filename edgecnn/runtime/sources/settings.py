"""How sources are opened, and which of their frames are answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgecnn.errors import UsageError

__all__ = ["Backend", "Policy", "SourceSettings"]

Backend = Literal["auto", "v4l2", "gstreamer"]
Policy = Literal["auto", "newest", "every"]


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """What may be asked of any source.

    Attributes
    ----------
    open_s, read_s : float
        Seconds after which a camera or stream that does not open, or gives nothing more, has
        failed.
    give_up_s : float
        A camera or stream that was lost is opened again and again for so many seconds; 0: never,
        ``inf``: for ever.
    policy : "auto", "newest" or "every"
        Which frames a slow model gets: the newest, so that it is never late, or every one. The
        default is what suits the source: newest of cameras and streams, every of files.
    stride : int
        Answer one of so many frames.
    max_fps : float, optional
        Answer at most so many frames a second.
    backend : "auto", "v4l2" or "gstreamer"
        Which part of OpenCV reads cameras of this machine; the default is Video4Linux.
    may_run_pipelines : bool
        Whether a source may be a GStreamer pipeline. Those are programs, which only the person at
        the command line may bring.
    """

    open_s: float = 8.0
    read_s: float = 5.0
    give_up_s: float = 300.0
    policy: Policy = "auto"
    stride: int = 1
    max_fps: float | None = None
    backend: Backend = "auto"
    may_run_pipelines: bool = False

    def check_whole(self) -> None:
        """Refuse to leave anything out: of a signal.

        Raises
        ------
        UsageError
            Some of it would be left out.
        """
        if self.policy == "newest" or self.stride > 1 or self.max_fps is not None:
            raise UsageError(
                "an ECG is read whole: --policy newest, --stride and --max-fps are for pictures"
            )
