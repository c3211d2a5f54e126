"""The page of a running stream: its picture, its figures, its model.

The pipeline publishes; clients look on at their own speed. Every client gets the newest picture
there is when it is ready for one: a slow one sees fewer, and nobody waits for it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from edgecnn.web.address import Address
from edgecnn.web.assets import page_routes
from edgecnn.web.camera import CAMERA, camera_route
from edgecnn.web.control import CONTROL, control_route
from edgecnn.web.feed import HEARTBEAT_S, Feed
from edgecnn.web.server import WebServer
from edgecnn.web.tls import Tls

__all__ = ["LivePage"]

_BOUNDARY = "edgecnn-frame"
#: Ends a part and begins the next. Browsers show a picture when the part after it begins, so that
#: follows at once; its length cannot be told then.
_NEXT_PART = f"\r\n--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
_LAST_PART = f"\r\n--{_BOUNDARY}--\r\n".encode()
#: Figures change faster than anyone reads.
_FIGURES_S = 0.1
#: Points of the past: a minute of them, at four a second, of four sources.
_PAST = 960
_PARTS = (
    *("live.css", "live.js", "live_past.js", "live_controls.js", "live_camera.js"),
    "live_heart.js",
)


@dataclass
class _Latest:
    """What was published last, and how many pictures were."""

    jpeg: bytes = b""
    pictures: int = 0
    status: bytes = b"{}"


class LivePage:
    """Shows one stream to any number of browsers.

    Parameters
    ----------
    address : Address
    about : mapping
        Plain data that the page shows once: ``source``, ``sources`` (several names),
        ``model``, ``card``, ``colours`` (of labels); with ``camera``, what a browser's camera is
        asked for: ``size``, ``fps``.
    token, tls : str and Tls, optional
        See :class:`~edgecnn.web.server.WebServer`.
    control : callable, optional
        Takes what the page's buttons ask for; see :func:`~edgecnn.web.control.control_route`.
    camera : callable, optional
        Takes the pictures of a browser's camera; see :func:`~edgecnn.web.camera.camera_route`.
    routes : sequence of starlette routes
        What is served beside the page.
    public : collection of str
        Those of them that are shown without the token.
    """

    def __init__(
        self,
        address: Address,
        about: Mapping[str, Any],
        *,
        token: str | None = None,
        tls: Tls | None = None,
        control: Callable[[Mapping[str, object]], Mapping[str, object] | None] | None = None,
        camera: Callable[[bytes], None] | None = None,
        routes: Sequence[BaseRoute] = (),
        public: Collection[str] = (),
    ) -> None:
        self._about = dict(about) | {"controls": control is not None}
        self._past: deque[Sequence[object]] = deque(maxlen=_PAST)
        self._latest = _Latest()
        self._feed = Feed(_FIGURES_S)
        self._watching = 0
        self._server = WebServer(
            [
                *page_routes("live.html", _PARTS),
                Route("/about.json", self._facts),
                Route("/picture.mjpeg", self._pictures),
                Route("/figures", self._figures),
                Route("/past.json", self._before),
                *([] if control is None else [control_route(control)]),
                *([] if camera is None else [camera_route(camera)]),
                *routes,
            ],
            address,
            token=token,
            public=public,
            controls=() if control is None else (CONTROL,),
            sockets=() if camera is None else (CAMERA,),
            tls=tls,
        )

    @property
    def url(self) -> str:
        """The address to open."""
        return self._server.url

    @property
    def watched(self) -> bool:
        """Tell whether anyone looks at the picture: only then is one worth encoding."""
        return self._watching > 0

    def start(self) -> None:
        """Start to serve."""
        self._server.start()

    def remember(self, sample: Sequence[object]) -> None:
        """Keep a point of what a page draws over time, for those that are opened later."""
        self._past.append(sample)

    def publish(self, status: Mapping[str, Any], jpeg: bytes | None = None) -> None:
        """Show new figures, and a new picture if there is one; never waits for a client."""
        self._latest.status = json.dumps(status, ensure_ascii=False).encode()
        if jpeg is not None:
            self._latest.jpeg = jpeg
            self._latest.pictures += 1
        self._feed.version += 1
        self._server.call(self._feed.wake)

    def end(self, status: Mapping[str, Any], jpeg: bytes | None = None) -> None:
        """Show the last figures, let every client have them, and stop serving."""
        # In this order: whoever sees the end has the last figures to show.
        self.publish(status, jpeg)
        self._feed.ended = True
        self._server.call(self._feed.wake)
        self._server.stop()

    async def _facts(self, request: Request) -> Response:
        return JSONResponse(self._about)

    async def _before(self, request: Request) -> Response:
        return JSONResponse(list(self._past))

    async def _pictures(self, request: Request) -> Response:
        return StreamingResponse(
            self._multipart(), media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        )

    async def _multipart(self) -> AsyncIterator[bytes]:
        self._watching += 1
        seen = -1
        try:
            yield _NEXT_PART
            while True:
                latest = self._latest
                ended = self._feed.ended
                if latest.jpeg and latest.pictures != seen:
                    seen = latest.pictures
                    yield latest.jpeg + _NEXT_PART
                elif ended:
                    # The part that was begun must hold something.
                    yield latest.jpeg + _LAST_PART
                    return
                else:
                    await self._feed.wait(HEARTBEAT_S)
        finally:
            self._watching -= 1

    async def _figures(self, request: Request) -> Response:
        events = self._feed.events(lambda: self._latest.status)
        return StreamingResponse(events, media_type="text/event-stream")
