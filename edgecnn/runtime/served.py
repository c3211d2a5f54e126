"""The sinks of a live stream that others look at over the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgecnn.errors import UsageError
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sinks.monitor import Monitor
from edgecnn.runtime.sources.browser import BrowserCamera

if TYPE_CHECKING:
    from edgecnn.runtime.sources.base import Source
    from edgecnn.web.tls import Tls

__all__ = ["served_sinks"]


def served_sinks(
    outputs: Outputs, say: Callable[[str], None], source: Source | None = None
) -> list[Sink]:
    """Return the page and the metrics, as far as they are asked for.

    ``source`` is the stream's, for a page whose visitors' camera it is.

    Raises
    ------
    UsageError
        What should be an address is none, there is nothing to serve over TLS, or a browser's camera
        is the source and there is no page.
    EdgeCNNError
        The certificate cannot be used.
    """
    camera = source if isinstance(source, BrowserCamera) else None
    if camera is not None and outputs.web is None:
        raise UsageError("a browser's camera needs the page", hint="add --web")
    if outputs.web is None and outputs.metrics is None:
        if outputs.tls:
            raise UsageError("--tls is for what is served", hint="add --web or --metrics")
        return []
    # Here, so that a device without these packages runs everything else.
    from edgecnn.runtime.sinks.metrics import MetricsServer
    from edgecnn.runtime.sinks.web import WebPage
    from edgecnn.web.address import parse_address

    web = None if outputs.web is None else parse_address(outputs.web)
    metrics = None if outputs.metrics is None else parse_address(outputs.metrics)
    tls = _tls(outputs)

    def announce(what: str) -> Callable[[str], None]:
        def told(url: str) -> None:
            say(f"{what}: {url}")
            if tls is not None:
                say(f"  certificate {tls.about}, SHA-256 {tls.fingerprint}")

        return told

    monitor = Monitor() if camera is None else Monitor(lambda: camera.reopening)
    sinks: list[Sink] = [monitor]
    if metrics is not None:
        sinks.append(MetricsServer(metrics, monitor, announce("metrics"), tls=tls))
    if web is not None:
        page = WebPage(
            web,
            announce("page"),
            monitor=monitor,
            tls=tls,
            camera=camera,
            colours=outputs.colours,
        )
        sinks.append(Background(page, room=1, may_lose=True, name="page"))
    return sinks


def _tls(outputs: Outputs) -> Tls | None:
    if not outputs.tls:
        if outputs.tls_key is not None:
            raise UsageError("--tls-key without --tls", hint="--tls FILE names the certificate")
        return None
    from edgecnn.web.address import parse_address
    from edgecnn.web.tls import given_certificate, own_certificate

    if outputs.tls_certificate is not None:
        return given_certificate(outputs.tls_certificate, outputs.tls_key)
    if outputs.tls_key is not None:
        raise UsageError("a key without its certificate", hint="--tls FILE names the certificate")
    texts = [text for text in (outputs.web, outputs.metrics) if text is not None]
    return own_certificate([parse_address(text) for text in texts])
