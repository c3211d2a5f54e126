"""What systemd is told of a stream that it started: ready, alive, stopping.

The protocol is ``sd_notify(3)``: lines of text in datagrams to the socket that ``NOTIFY_SOCKET``
names.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["Systemd"]

#: Of the time after which systemd takes the process for dead; twice as often as it asks for.
_SHARE = 0.25


class Systemd(Sink):
    """Tells systemd how the stream is.

    A sign of life is given when a frame was answered: a stream that stands still gives none,
    however well its threads are. One is also given while it is known that no frame can come: while
    the source is being opened again, which has a limit of its own, and while it is paused.

    Parameters
    ----------
    address : str
        Of the socket: a path, or a name after an ``@``.
    watchdog_s : float or None
        systemd's ``WatchdogSec``.
    """

    def __init__(self, address: str, watchdog_s: float | None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._every_s = None if watchdog_s is None else _SHARE * watchdog_s
        self._due = 0.0
        self._socket: socket.socket | None = None
        self._stream: StreamInfo | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Systemd | None:
        """Return a sink if systemd started this process and waits to be told; else None."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        usec = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = usec.isdigit() and int(usec) > 0 and meant
        return cls(address, int(usec) / 1e6 if watched else None)

    def open(self, stream: StreamInfo) -> None:
        """Say that it is ready: source and all other outputs are open."""
        self._stream = stream
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._tell("READY=1", f"STATUS={stream.model} on {stream.source}")

    def write(self, answer: Answer) -> None:
        """Say that it is alive, if it is time."""
        if self._is_due():
            counts = answer.ledger
            what = f"{answer.fps:.1f} fps, {counts.processed} answered, {counts.dropped} dropped"
            failed = f", {counts.failed} failed" if counts.failed else ""
            self._tell("WATCHDOG=1", f"STATUS={what}{failed}")

    def idle(self) -> None:
        """Say so as well while it waits and is meant to."""
        stream = self._stream
        if stream is None or not (stream.controls.paused or stream.reopening()):
            return
        if self._is_due():
            why = "paused" if stream.controls.paused else "the source is being opened again"
            self._tell("WATCHDOG=1", f"STATUS={why}")

    def close(self, summary: Summary | None) -> None:
        """Say that it is stopping, before the others are closed."""
        if self._socket is None:
            return
        self._tell("STOPPING=1", *([] if summary is None else [f"STATUS={summary.ended}"]))
        self._socket.close()
        self._socket = None

    def _is_due(self) -> bool:
        now = time.monotonic()
        if self._every_s is None or now < self._due:
            return False
        self._due = now + self._every_s
        return True

    def _tell(self, *lines: str) -> None:
        if self._socket is not None:
            # A socket that is full must not hold up the stream; if systemd hears nothing, it acts.
            with contextlib.suppress(OSError):
                text = "\n".join(line.replace("\n", " ") for line in lines)
                self._socket.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)
