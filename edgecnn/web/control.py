"""What a page may change: a few words of JSON, sent to one path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edgecnn.errors import EdgeCNNError

__all__ = ["CONTROL", "control_route"]

#: Where the changes go; the guard must let it take a ``POST``.
CONTROL = "/control"
_MOST_BYTES = 1024
_BODY_S = 5.0


def control_route(
    control: Callable[[Mapping[str, object]], Mapping[str, object] | None],
) -> Route:
    """Return the route that takes changes.

    Parameters
    ----------
    control : callable
        Gets a request of the page as plain data, on a thread of its own, and may return plain data
        for it. It raises :class:`~edgecnn.errors.EdgeCNNError`, whose message the page shows, where
        it is refused.
    """
    # One change after the other, whoever sends them.
    turn = asyncio.Lock()

    async def change(request: Request) -> Response:
        try:
            async with asyncio.timeout(_BODY_S):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("the request did not come", 408)
        if body is None:
            return PlainTextResponse("a change is no longer than that", 413)
        try:
            wish = json.loads(body)
        except (ValueError, RecursionError):
            wish = None
        if not isinstance(wish, dict):
            return PlainTextResponse("a change is a JSON object", 400)
        try:
            async with turn:
                told = await run_in_threadpool(control, wish)
        except EdgeCNNError as error:
            return PlainTextResponse(error.message, 400)
        return Response(status_code=204) if told is None else JSONResponse(told)

    return Route(CONTROL, change, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """Read a short body; None for a long one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return body
