"""The page of a running training: its curves, its controls, what its layers do.

Whoever trains publishes; clients look on at their own speed, and what they ask to change is handed
on to whoever trains. This module knows nothing of networks: figures come as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from edgecnn.web.address import Address
from edgecnn.web.assets import page_routes
from edgecnn.web.control import CONTROL, control_route
from edgecnn.web.feed import Feed
from edgecnn.web.server import WebServer

__all__ = ["TrainPage"]

#: Between two messages to a client.
_FIGURES_S = 0.2

Row = Sequence[float | None]


class TrainPage:
    """Shows one training to any number of browsers, and takes their requests.

    Parameters
    ----------
    address : Address
    control : callable
        Gets a request of the page as plain data, on a thread of its own. It raises
        :class:`~edgecnn.errors.UsageError`, whose message the page shows, where it is refused.
    token : str, optional
        See :class:`~edgecnn.web.server.WebServer`.
    """

    def __init__(
        self,
        address: Address,
        control: Callable[[Mapping[str, object]], None],
        *,
        token: str | None = None,
    ) -> None:
        self._feed = Feed(_FIGURES_S)
        self._status: Mapping[str, Any] = {}
        self._about: Mapping[str, Any] = {}
        self._snapshot = b"{}"
        # Replaced as a whole, so that no reader sees half of a change.
        self._curve: tuple[int, list[Row]] = (0, [])
        self._server = WebServer(
            [
                *page_routes("train.html", ("live.css", "train.css", "train.js", "chart.js")),
                Route("/about.json", self._facts),
                Route("/snapshot.json", self._pictures),
                Route("/figures", self._figures),
                control_route(control),
            ],
            address,
            token=token,
            controls=(CONTROL,),
        )

    @property
    def url(self) -> str:
        """The address to open."""
        return self._server.url

    @property
    def watched(self) -> bool:
        """Tell whether anyone looks on: only then are pictures worth making."""
        return self._feed.readers > 0

    def start(self) -> None:
        """Start to serve."""
        self._server.start()

    def describe(self, about: Mapping[str, Any]) -> None:
        """Set what the page shows once; it is read again when ``status["about"]`` changes."""
        self._about = dict(about)

    def draw(self, row: Row) -> None:
        """Add a point to the curves."""
        self._curve[1].append(row)

    def redraw(self, rows: Sequence[Row]) -> None:
        """Replace the curves, by coarser ones for example."""
        self._curve = (self._curve[0] + 1, list(rows))

    def show(self, snapshot: Mapping[str, Any]) -> None:
        """Set the pictures; they are read when ``status["snapshot"]`` changes."""
        self._snapshot = _encoded(snapshot)

    def publish(self, status: Mapping[str, Any]) -> None:
        """Show new figures, with the points of the curves; never waits for a client."""
        self._status = dict(status)
        self._feed.version += 1
        self._server.call(self._feed.wake)

    def end(self, status: Mapping[str, Any]) -> None:
        """Show the last figures, let every client have them, and stop serving."""
        self.publish(status)
        self._feed.ended = True
        self._server.call(self._feed.wake)
        self._server.stop()

    async def _facts(self, request: Request) -> Response:
        return JSONResponse(self._about)

    async def _pictures(self, request: Request) -> Response:
        return Response(self._snapshot, media_type="application/json")

    async def _figures(self, request: Request) -> Response:
        drawn, has = -1, 0

        def message() -> bytes:
            """Tell what is new since the last message to this client."""
            nonlocal drawn, has
            redrawn, rows = self._curve
            since = has if redrawn == drawn else 0
            drawn, has = redrawn, len(rows)
            return _encoded({"status": self._status, "from": since, "rows": rows[since:has]})

        return StreamingResponse(self._feed.events(message), media_type="text/event-stream")


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
