"""What machines ask a running program: its metrics, whether it is well, whether it is ready."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["PROBES", "health_routes"]

#: Answered without a token, as whoever restarts a container asks: they tell no more than a reason.
PROBES = ("/healthz", "/readyz")


def health_routes(
    metrics: Callable[[str], tuple[bytes, str]],
    trouble: Callable[[], str],
    unready: Callable[[], str],
) -> list[Route]:
    """Return routes for ``/metrics``, ``/healthz`` and ``/readyz``.

    Parameters
    ----------
    metrics : callable
        Gets the header ``Accept``, returns a document and its content type.
    trouble, unready : callable
        Return why it is not well, or not ready; an empty text where it is.
    """

    async def serve_metrics(request: Request) -> Response:
        document, kind = await run_in_threadpool(metrics, request.headers.get("accept", ""))
        return Response(document, headers={"Content-Type": kind})

    async def serve_health(request: Request) -> Response:
        return _verdict(trouble())

    async def serve_readiness(request: Request) -> Response:
        return _verdict(unready())

    return [
        Route("/metrics", serve_metrics),
        Route("/healthz", serve_health),
        Route("/readyz", serve_readiness),
    ]


def _verdict(reason: str) -> Response:
    return PlainTextResponse(f"{reason or 'ok'}\n", 503 if reason else 200)
