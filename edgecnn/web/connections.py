"""Connections that ask for nothing are closed, so that they keep nobody else out."""

from __future__ import annotations

import asyncio

from h11 import LocalProtocolError, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Busy", "Connection"]

#: How long a connection may stay without a whole request. Browsers open some in advance.
_IDLE_S = 10.0
#: Connections at a time, the idle ones too. Well below the 1024 files a process may have open.
_MOST_CONNECTIONS = 128
#: Requests being answered at a time; an open page is two of them.
_MOST_REQUESTS = 64


class Connection(H11Protocol):
    """One connection, closed when no request is under way for a while.

    uvicorn itself waits for ever for the first request of a connection, and for the rest of one
    that was begun; its own limit of concurrency counts such connections as if they were requests.
    """

    #: Since when nothing is asked for, on the event loop's clock; None while a request is answered.
    idle_since: float | None = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take up a connection; past the limit the one that has been idle longest makes room."""
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        self._watch = self.loop.call_later(_IDLE_S, self._look)
        if len(self.connections) > _MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Go through what the client sent; only a whole request ends the wait for one."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.idle_since = None

    def handle_websocket_upgrade(self, event: Request) -> None:
        """Leave the connection to a web socket, which closes it itself when nothing comes."""
        if self._watch is not None:
            self._watch.cancel()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, which may be here already."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a client in the middle of an answer is cut off instead."""
        try:
            super().send_400_response(msg)
        except LocalProtocolError:
            self.transport.abort()

    def _look(self) -> None:
        left = _IDLE_S
        if self.idle_since is not None:
            left -= self.loop.time() - self.idle_since
        if left <= 0:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(left, self._look)

    def _make_room(self) -> None:
        """Cut off the connection that has been idle longest: this one, if all others are busy."""
        since = {
            each: each.idle_since
            for each in self.connections
            if isinstance(each, Connection) and each.idle_since is not None
        }
        min(since, key=lambda each: since[each]).transport.abort()


class Busy:
    """An ASGI application that answers so many requests of another at a time, and no more.

    Parameters
    ----------
    application : ASGI application
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._answering = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say that there are too many."""
        if self._answering >= _MOST_REQUESTS:
            refusal = PlainTextResponse(
                "too many viewers at the same time", 503, headers={"Retry-After": "5"}
            )
            await refusal(scope, receive, send)
            return
        self._answering += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._answering -= 1
