"""Where a frame came from, as far as what is made of it depends on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.naming import distinct_names
from edgecnn.runtime.sources.screen import Screen

__all__ = ["Origin", "Origins"]


@dataclass(frozen=True)
class Origin:
    """What matters of a frame's source.

    Attributes
    ----------
    live : bool
        A file may show the same for as long as it likes, and never grows old.
    fps : float or None
        What rate it states: a file's own time is told by its frames' numbers.
    drawn : bool
        It shows what a program draws: standing still and blank parts are usual.
    """

    live: bool
    fps: float | None = None
    drawn: bool = False


class Origins:
    """Tells the origin of each frame of a stream, by its source's name; once they are open.

    Parameters
    ----------
    sources : sequence of Source
        All of the stream.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._by_name: dict[str, Source] = {}

    def __call__(self, frame: Frame) -> Origin:
        """Return where a frame came from."""
        source = self._sources[0]
        if len(self._sources) > 1:
            if not self._by_name:
                names = distinct_names(each.description for each in self._sources)
                self._by_name = dict(zip(names, self._sources, strict=True))
            source = self._by_name[frame.source]
        return Origin(source.live, source.fps, isinstance(source, Screen))
