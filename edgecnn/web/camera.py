"""A browser's own camera: its pictures come over a web socket, one JPEG a message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

__all__ = ["CAMERA", "MOST_BYTES", "camera_route"]

#: Where the pictures go; the guard must let it be a web socket.
CAMERA = "/camera"
#: Of one picture; the server itself cuts off who sends more.
MOST_BYTES = 2 * 1024 * 1024
#: Pictures a second, on average and at once.
_MOST_FPS = 60.0
#: A browser that sends nothing for so long makes room for another.
_SILENCE_S = 10.0

#: Close codes of the protocol: this kind of data, a rule was broken, try again later.
_NO_TEXT, _RULE, _LATER = 1003, 1008, 1013


def camera_route(offer: Callable[[bytes], None]) -> WebSocketRoute:
    """Return the route that takes pictures; of one browser at a time.

    Each picture is answered with ``"next"``: a browser that waits for it sends no more than the
    connection carries, and its pictures are never old.

    Parameters
    ----------
    offer : callable
        Gets each picture, on the server's thread: it must not wait.
    """
    busy = False

    async def take(socket: WebSocket) -> None:
        nonlocal busy
        await socket.accept()
        if busy:
            await socket.close(_LATER, "another browser's camera is in use")
            return
        busy = True
        try:
            await _take_all(socket, offer)
        finally:
            busy = False

    return WebSocketRoute(CAMERA, take)


async def _take_all(socket: WebSocket, offer: Callable[[bytes], None]) -> None:
    allowance = _Allowance(_MOST_FPS)
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), _SILENCE_S)
        except TimeoutError:
            await socket.close(_RULE, "no picture came")
            return
        if message["type"] != "websocket.receive":
            return
        picture = message.get("bytes")
        if picture is None:
            await socket.close(_NO_TEXT, "a picture is sent as binary data")
            return
        if not allowance.take():
            await socket.close(_RULE, "too many pictures a second")
            return
        offer(picture)
        await socket.send_text("next")


class _Allowance:
    """So many things a second, and as many at once: a bucket of tokens."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._last = time.monotonic()

    def take(self) -> bool:
        """Take one; False when there is none left."""
        now = time.monotonic()
        self._left = min(self._rate, self._left + (now - self._last) * self._rate)
        self._last = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
