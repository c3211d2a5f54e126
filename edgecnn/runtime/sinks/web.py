"""The page in the browser, fed from the pipeline."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.monitor import Monitor
from edgecnn.web.address import Address
from edgecnn.web.server import require_web
from edgecnn.web.tls import Tls

if TYPE_CHECKING:
    from starlette.routing import Route

    from edgecnn.web.live_page import LivePage

__all__ = ["WebPage"]

#: Pictures a second that a browser is sent at most.
_MOST_FPS = 30.0


class WebPage(Sink):
    """Publishes the annotated picture and the figures.

    Parameters
    ----------
    address : Address
    announce : callable
        Told the address to open, when there is something to see.
    token, tls : str and Tls, optional
        See :class:`~edgecnn.web.server.WebServer`.
    monitor : Monitor, optional
        What ``/metrics``, ``/healthz`` and ``/readyz`` tell; it gets the answers itself.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    """

    def __init__(
        self,
        address: Address,
        announce: Callable[[str], None],
        *,
        token: str | None = None,
        monitor: Monitor | None = None,
        tls: Tls | None = None,
    ) -> None:
        require_web()
        self._monitor = monitor
        self._tls = tls
        self._address = address
        self._announce = announce
        self._token = token
        self._page: LivePage | None = None
        self._last: Answer | None = None
        self._last_shown = 0.0

    def open(self, stream: StreamInfo) -> None:
        """Start the server and say where."""
        from edgecnn.runtime.exposition import Exposition
        from edgecnn.web.health import PROBES, health_routes
        from edgecnn.web.live_page import LivePage

        about = {"source": stream.source, "model": stream.model, "card": dict(stream.card)}
        routes: list[Route] = []
        if self._monitor is not None:
            exposition = Exposition(self._monitor)
            trouble, unready = self._monitor.trouble, self._monitor.unready
            routes = health_routes(exposition.document, trouble, unready)
        self._page = LivePage(
            self._address, about, token=self._token, tls=self._tls, routes=routes, public=PROBES
        )
        self._page.start()
        self._announce(self._page.url)

    def write(self, answer: Answer) -> None:
        """Show an answer; the picture is drawn and encoded only while someone looks."""
        if self._page is None:
            return
        jpeg = None
        now = time.monotonic()
        due = now - self._last_shown >= 0.9 / _MOST_FPS
        if (self._page.watched and due) or self._last is None:
            jpeg = answer.jpeg()
            self._last_shown = now
        self._last = answer
        self._page.publish(_status(answer), jpeg)

    def close(self, summary: Summary | None) -> None:
        """Show how it ended, and stop serving."""
        if self._page is None:
            return
        status = {} if self._last is None else _status(self._last)
        if summary is not None:
            status["summary"] = dataclasses.asdict(summary)
        self._page.end(status, None if self._last is None else self._last.jpeg())


def _status(answer: Answer) -> dict[str, object]:
    return answer.row() | {"fps": round(answer.fps, 1), "provider": answer.provider}
