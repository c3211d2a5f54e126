"""The sink that keeps a session: every answered frame, lossless, with what was said about it."""

from __future__ import annotations

import dataclasses
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.saved.frame_log import FrameLogWriter
from edgecnn.runtime.saved.manifest import MANIFEST, Manifest
from edgecnn.runtime.saved.result_rows import result_row
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sources.base import Source

__all__ = ["FRAMES", "SaveSession"]

#: Name of the log within a session's folder.
FRAMES = "frames.log"
#: A frame that is older than this when its turn comes is stored as it is: compressing takes time.
_BEHIND_S = 0.1
#: Of a frame: its pixels go beside the facts, and what was made of them is made again.
_NOT_STORED = ("data", "ahead")


class SaveSession(Sink):
    """Writes one session into a folder of its own.

    Parameters
    ----------
    folder : Path
        Made; it must hold no session yet.
    manifest : Manifest
        From :func:`~edgecnn.runtime.saved.manifest.describe_run`.
    source : Source, optional
        Asked for its sampling rate once it is open.

    Attributes
    ----------
    written, bytes : int
        Answers that were written, and the size of the log.
    """

    def __init__(self, folder: Path, manifest: Manifest, source: Source | None = None) -> None:
        self.folder = folder
        self.written = self.bytes = 0
        self._manifest = manifest
        self._source = source
        self._log: FrameLogWriter | None = None
        self._frame: Frame | None = None
        self._answered = 0
        self._live = False

    def open(self, stream: StreamInfo) -> None:
        """Make the folder and describe the session in it.

        Raises
        ------
        UsageError
            There is a session in it already.
        EdgeCNNError
            It cannot be written to.
        """
        self._live = stream.live
        manifest = msgspec.structs.replace(
            self._manifest,
            source=stream.source,
            live=stream.live,
            fps=stream.fps,
            sampling_rate_hz=getattr(self._source, "sampling_rate_hz", None),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            if any((self.folder / name).exists() for name in (MANIFEST, FRAMES)):
                raise UsageError(
                    f"{self.folder} holds a session already",
                    hint="name another folder: a session is not added to",
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            self._log = FrameLogWriter(self.folder / FRAMES)
            manifest.write(self.folder)
        except OSError as error:
            raise self._failure(error) from error

    def write(self, answer: Answer) -> None:
        """Keep one answer with its frame."""
        if self._log is None:
            return
        done = answer.ledger.processed + answer.ledger.failed
        record: dict[str, Any] = {
            "result": result_row(answer.result),
            "latency_ms": answer.latency_ms,
            "ledger": dataclasses.asdict(answer.ledger),
        }
        data = b""
        if answer.frame is not self._frame:
            # A full queue loses answers, and the ledger tells how many.
            record["lost"] = max(0, done - self._answered - 1)
            record["frame"], data = _stored(answer.frame, compress=not self._is_behind(answer))
        self._frame, self._answered = answer.frame, done
        try:
            self._log.write(record, data)
        except OSError as error:
            raise self._failure(error) from error
        self.written += 1
        self.bytes += len(data)

    def close(self, summary: Summary | None) -> None:
        """Write how it ended."""
        if self._log is None:
            return
        try:
            if summary is not None:
                self._log.write({"summary": dataclasses.asdict(summary)})
        except OSError as error:
            raise self._failure(error) from error
        finally:
            self._log.close()
            self._log = None

    def _is_behind(self, answer: Answer) -> bool:
        age_s = (time.monotonic_ns() - answer.frame.captured_ns) / 1e9
        return self._live and age_s - answer.latency_ms / 1e3 > _BEHIND_S

    def _failure(self, error: OSError) -> EdgeCNNError:
        return EdgeCNNError(
            f"cannot save the session to {self.folder}: {error.strerror or error}",
            hint="is the folder writable, and is there room on the disk?",
        )


def _stored(frame: Frame, *, compress: bool) -> tuple[dict[str, Any], bytes]:
    """Return a frame's facts as plain data, and its pixels or samples as bytes."""
    array = np.ascontiguousarray(frame.data)
    facts = {
        field.name: getattr(frame, field.name)
        for field in dataclasses.fields(frame)
        if field.name not in _NOT_STORED
    }
    facts |= {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "codec": "zlib" if compress else "raw",
    }
    raw = array.data.cast("B") if array.size else b""
    # Level 1: on pictures twice as fast as PNG's quickest, and not larger by much.
    return facts, zlib.compress(raw, 1) if compress else bytes(raw)
