"""The page of a running stream: its picture, its figures, its model.

The pipeline publishes; clients look on at their own speed. Every client gets the newest picture
there is when it is ready for one: a slow one sees fewer, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from edgecnn.web.address import Address
from edgecnn.web.server import WebServer

__all__ = ["LivePage"]

_BOUNDARY = "edgecnn-frame"
#: Ends a part and begins the next. Browsers show a picture when the part after it begins, so that
#: follows at once; its length cannot be told then.
_NEXT_PART = f"\r\n--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
_LAST_PART = f"\r\n--{_BOUNDARY}--\r\n".encode()
_STATIC = {
    "live.html": "text/html; charset=utf-8",
    "live.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
}
#: Figures change faster than anyone reads.
_FIGURES_S = 0.1
#: Tells proxies and clients that the stream lives.
_HEARTBEAT_S = 5.0


@dataclass
class _Latest:
    """What was published last, and how many times something was."""

    jpeg: bytes = b""
    pictures: int = 0
    status: bytes = b"{}"
    statuses: int = 0
    ended: bool = False


class LivePage:
    """Shows one stream to any number of browsers.

    Parameters
    ----------
    address : Address
    about : mapping
        Plain data that the page shows once: ``source``, ``model``, ``card``.
    token : str, optional
        See :class:`~edgecnn.web.server.WebServer`.
    """

    def __init__(
        self, address: Address, about: Mapping[str, Any], *, token: str | None = None
    ) -> None:
        self._about = dict(about)
        self._latest = _Latest()
        self._news = asyncio.Event()
        self._watching = 0
        self._server = WebServer(
            [
                Route("/", self._page),
                Route("/about.json", self._facts),
                Route("/picture.mjpeg", self._pictures),
                Route("/figures", self._figures),
                *(Route(f"/{name}", self._asset) for name in _STATIC if name != "live.html"),
            ],
            address,
            token=token,
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

    def publish(self, status: Mapping[str, Any], jpeg: bytes | None = None) -> None:
        """Show new figures, and a new picture if there is one; never waits for a client."""
        self._latest.status = json.dumps(status, ensure_ascii=False).encode()
        self._latest.statuses += 1
        if jpeg is not None:
            self._latest.jpeg = jpeg
            self._latest.pictures += 1
        self._server.call(self._wake)

    def end(self, status: Mapping[str, Any], jpeg: bytes | None = None) -> None:
        """Show the last figures, let every client have them, and stop serving."""
        # In this order: whoever sees the end has the last figures to show.
        self.publish(status, jpeg)
        self._latest.ended = True
        self._server.call(self._wake)
        self._server.stop()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return

    async def _page(self, request: Request) -> Response:
        return self._file("live.html")

    async def _asset(self, request: Request) -> Response:
        return self._file(str(request.scope["path"]).lstrip("/"))

    def _file(self, name: str) -> Response:
        content = (files("edgecnn.web") / "static" / name).read_bytes()
        return Response(content, media_type=_STATIC[name])

    async def _facts(self, request: Request) -> Response:
        return JSONResponse(self._about)

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
                ended = latest.ended
                if latest.jpeg and latest.pictures != seen:
                    seen = latest.pictures
                    yield latest.jpeg + _NEXT_PART
                elif ended:
                    # The part that was begun must hold something.
                    yield latest.jpeg + _LAST_PART
                    return
                else:
                    await self._wait(_HEARTBEAT_S)
        finally:
            self._watching -= 1

    async def _figures(self, request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        # A client that lost the connection asks again after a second.
        yield b"retry: 1000\n\n"
        seen = 0
        while True:
            latest = self._latest
            ended = latest.ended
            if latest.statuses != seen:
                seen = latest.statuses
                yield b"data: " + latest.status + b"\n\n"
            if ended:
                return
            before = self._latest.statuses
            await self._wait(_HEARTBEAT_S)
            if self._latest.statuses == before:
                yield b": still here\n\n"
            elif not self._latest.ended:
                await self._wait_for_end(_FIGURES_S)

    async def _wait_for_end(self, seconds: float) -> None:
        """Wait, but not beyond the end of the stream."""
        until = asyncio.get_running_loop().time() + seconds
        while not self._latest.ended:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return
            await self._wait(left)
