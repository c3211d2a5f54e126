"""The frames of a saved session as a source, each with what was said about it then."""

from __future__ import annotations

import dataclasses
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.errors import DataError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.saved.frame_log import read_frame_log
from edgecnn.runtime.saved.manifest import Manifest
from edgecnn.runtime.saved.saving import FRAMES

__all__ = ["SavedFrames"]

_FIELDS = frozenset(field.name for field in dataclasses.fields(Frame)) - {"data"}


class SavedFrames:
    """Gives the frames of a session in the order in which they were answered.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
        Of that folder.

    Attributes
    ----------
    rows : deque of dict
        What was said about the frames read so far, oldest first; whoever compares takes them out.
    lost : int
        Answers that the session could not keep, so far.
    was_live : bool
        Whether their source was live then.
    summary : dict or None
        How the session ended; None until it was read, and for ever where it was killed.
    """

    live = False

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._path = folder / FRAMES
        self.description = f"{folder} ({manifest.source})"
        self.fps = manifest.fps
        self.was_live = manifest.live
        self.sampling_rate_hz = manifest.sampling_rate_hz
        self.rows: deque[dict[str, Any]] = deque()
        self.lost = 0
        self.summary: dict[str, Any] | None = None
        self._records: Iterator[tuple[dict[str, Any], bytes]] = iter(())

    def open(self) -> None:
        """Start at the first frame."""
        self._records = read_frame_log(self._path)

    def read(self) -> Frame | None:
        """Return the next frame; None after the last that is whole.

        Raises
        ------
        DataError
            The log is damaged.
        """
        for record, data in self._records:
            if "summary" in record:
                self.summary = record["summary"]
                continue
            self.rows.append(record)
            if "frame" in record:
                self.lost += record["lost"]
                return _restored(record["frame"], data, self._path)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._records = iter(())


def _restored(facts: dict[str, Any], data: bytes, path: Path) -> Frame:
    try:
        raw = zlib.decompress(data) if facts["codec"] == "zlib" else data
        array = np.frombuffer(raw, dtype=facts["dtype"]).reshape(facts["shape"])
        return Frame(data=array, **{name: facts[name] for name in _FIELDS & facts.keys()})
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: a frame in it cannot be read: {error}") from error
