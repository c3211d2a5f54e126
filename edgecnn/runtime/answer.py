"""One answered frame on its way to the sinks."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.mosaic import Mosaic
from edgecnn.runtime.overlay import Reading, draw_overlay
from edgecnn.runtime.processor import Result

__all__ = ["Answer", "Summary"]

_JPEG_QUALITY = 85


class Answer:
    """One frame with its result and the stream's figures at that moment.

    The annotated picture is drawn when the first sink asks for it and encoded when the first one
    asks for that; the others get the same. Both may be asked for on any thread.

    Parameters
    ----------
    frame : Frame
    result : Result
    latency_ms : float
        From the capture of the frame to its result.
    ledger : LedgerCounts
    fps : float
        Answers per second, of late.
    provider : str
    total : LedgerCounts, optional
        The ledger of all sources, if there are several: ``ledger`` is the frame's source's then.
    mosaic : Mosaic, optional
        Shows the pictures of several sources side by side.
    """

    def __init__(
        self,
        frame: Frame,
        result: Result,
        *,
        latency_ms: float,
        ledger: LedgerCounts,
        fps: float,
        provider: str,
        total: LedgerCounts | None = None,
        mosaic: Mosaic | None = None,
    ) -> None:
        self.total = total
        self._mosaic = mosaic
        self.frame = frame
        self.result = result
        self.latency_ms = latency_ms
        self.ledger = ledger
        self.fps = fps
        self.provider = provider
        self._lock = threading.Lock()
        self._picture: NDArray[np.uint8] | None = None
        self._jpeg: bytes | None = None

    def picture(self) -> NDArray[np.uint8]:
        """Return the annotated picture, shape ``(H, W, 3)``, uint8 BGR; not to be changed."""
        with self._lock:
            return self._drawn()

    def jpeg(self) -> bytes:
        """Return the annotated picture as a JPEG."""
        with self._lock:
            if self._jpeg is None:
                _, encoded = cv2.imencode(
                    ".jpg", self._drawn(), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
                )
                self._jpeg = encoded.tobytes()
            return self._jpeg

    def row(self) -> dict[str, Any]:
        """Return the frame's JSON line as plain data."""
        frame, result = self.frame, self.result
        row: dict[str, Any] = dict(result.fields)
        row |= {
            "source": frame.source,
            "frame": frame.number,
            "captured_ns": frame.captured_ns,
            "latency_ms": round(self.latency_ms, 3),
            "state": result.state,
            "reason": result.reason,
            "label": result.label or None,
            "score": round(result.score, 6) if result.label else None,
            "top": [[label, round(score, 6)] for label, score in result.top],
            "ledger": dataclasses.asdict(self.ledger),
        }
        if self.total is not None:
            row["ledger_total"] = dataclasses.asdict(self.total)
        if frame.name:
            row["name"] = frame.name
        if frame.truth is not None:
            row["truth"] = frame.truth
        if result.cause:
            row["cause"] = result.cause
        if result.stages_ms:
            stages = {"wait": max(0, frame.turn_ns - frame.captured_ns) / 1e6, **result.stages_ms}
            row["stages_ms"] = {name: round(ms, 3) for name, ms in stages.items()}
        return row

    def _drawn(self) -> NDArray[np.uint8]:
        if self._picture is None:
            result = self.result
            base = self._own_picture() if result.draw is None else result.draw()
            reading = Reading(
                label="" if result.draws_labels else result.label,
                score=result.score,
                top=() if result.draws_labels else result.top,
                unknown=result.state == "unknown",
                reason=result.reason,
                footer=f"{self.fps:.1f} fps   {self.latency_ms:.1f} ms   {self.provider}"
                + _drift(result),
                corner=f"#{self.frame.number}",
            )
            self._picture = draw_overlay(base, reading)
            if self._mosaic is not None:
                self._picture = self._mosaic.show(self.frame.source, self._picture)
        return self._picture

    def _own_picture(self) -> NDArray[np.uint8]:
        """Return the frame's picture; a chunk of a signal is none."""
        data: NDArray[np.uint8] = self.frame.data
        return data if data.ndim == 3 else np.empty((0, 0, 3), dtype=np.uint8)


def _drift(result: Result) -> str:
    """Return what the footer says about drift: nothing where all is well."""
    drift = result.fields.get("drift")
    state = drift.get("state") if isinstance(drift, Mapping) else "ok"
    return "" if state == "ok" else f"   drift: {state}"


@dataclass(frozen=True)
class Summary:
    """What a stream came to: the last JSON line.

    Attributes
    ----------
    captured, processed, dropped, failed, pending : int
        The ledger; nothing is pending any more.
    duplicates : int
        Frames of a live source that were equal to the one before, whatever became of them.
    fps : float
        Answers per second from the first answer to the last.
    latency_ms : dict
        ``p50``, ``p95``, ``p99`` from capture to result.
    provider, nodes_on_provider : str
        Where the model ran, and the proof.
    source : str
    seconds : float
        From the first capture to the last answer.
    ended : str
        Why: ``"end of source"``, ``"interrupted"``, ``"frames"``, ``"window closed"``, or the
        error's message.
    sinks : dict
        Name of each sink with a queue, to the answers that it lost because the queue was full.
    stalls : dict
        How often a stage hung: ``capture``, ``process``, a sink's name.
    restarts : int
        How often one that hung was replaced.
    skipped : int
        How many of the dropped frames were to be left out (``--stride``, ``--max-fps``).
    stages_ms : dict
        ``p50``, ``p95``, ``p99`` of each stage: ``wait``, ``prepare``, ``infer``, ``decode``,
        ``sinks``.
    unknown : dict
        Answers without a label, by cause; those of failed frames among them.
    drift : dict or None
        How it was at the end, and the ``worst`` state that it was in.
    sources : dict
        Of several sources, each one's ledger, by its name.
    """

    captured: int
    processed: int
    dropped: int
    failed: int
    pending: int
    duplicates: int
    fps: float
    latency_ms: dict[str, float]
    provider: str
    nodes_on_provider: str
    source: str
    seconds: float
    ended: str
    sinks: dict[str, int] = field(default_factory=dict)
    stalls: dict[str, int] = field(default_factory=dict)
    restarts: int = 0
    skipped: int = 0
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    drift: dict[str, Any] | None = None
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
