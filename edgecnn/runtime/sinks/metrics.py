"""Metrics and health at an address of their own, without the page."""

from __future__ import annotations

from collections.abc import Callable

from edgecnn.runtime.answer import Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.monitor import Monitor
from edgecnn.web.address import Address
from edgecnn.web.server import WebServer, require_web
from edgecnn.web.tls import Tls

__all__ = ["MetricsServer"]


class MetricsServer(Sink):
    """Serves ``/metrics``, ``/healthz`` and ``/readyz``.

    Parameters
    ----------
    address : Address
    monitor : Monitor
        Gets the answers itself.
    announce : callable
        Told the address when it is served.
    tls : Tls, optional
        See :class:`~edgecnn.web.server.WebServer`.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    """

    def __init__(
        self,
        address: Address,
        monitor: Monitor,
        announce: Callable[[str], None],
        *,
        tls: Tls | None = None,
    ) -> None:
        require_web()
        self._tls = tls
        self._address = address
        self._monitor = monitor
        self._announce = announce
        self._server: WebServer | None = None

    def open(self, stream: StreamInfo) -> None:
        """Start the server and say where."""
        from edgecnn.runtime.exposition import Exposition
        from edgecnn.web.health import PROBES, health_routes

        monitor = self._monitor
        routes = health_routes(Exposition(monitor).document, monitor.trouble, monitor.unready)
        self._server = WebServer(routes, self._address, public=PROBES, tls=self._tls)
        self._server.start()
        self._announce(self._server.url_of("metrics"))

    def close(self, summary: Summary | None) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.stop()
