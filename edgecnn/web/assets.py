"""The files that pages are made of."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["page_routes"]

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def page_routes(page: str, parts: Sequence[str]) -> list[Route]:
    """Return routes that serve a page at ``/`` and its parts by their names.

    Parameters
    ----------
    page : str
        An HTML file in the folder ``static``.
    parts : sequence of str
        Style sheets and scripts beside it.
    """
    return [_route("/", page), *(_route(f"/{name}", name) for name in parts)]


def _route(path: str, name: str) -> Route:
    kind = _TYPES[name[name.rindex(".") :]]

    async def serve(request: Request) -> Response:
        return Response((files("edgecnn.web") / "static" / name).read_bytes(), media_type=kind)

    return Route(path, serve)
