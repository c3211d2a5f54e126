"""The page in the browser, fed from the pipeline."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.monitor import Monitor
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.web.address import Address
from edgecnn.web.server import require_web
from edgecnn.web.tls import Tls

if TYPE_CHECKING:
    from edgecnn.web.live_page import LivePage

__all__ = ["WebPage"]

#: Pictures a second that a browser is sent at most.
_MOST_FPS = 30.0
#: Between two points of what the page draws over time.
_POINT_S = 0.25
#: Between two updates of figures alone.
_FIGURES_S = 0.05
#: How often the ledger is shown while no answer comes.
_IDLE_S = 0.5


class WebPage(Sink):
    """Publishes the annotated picture and the figures.

    Parameters
    ----------
    address : Address
    announce : callable
        Told the address to open, when there is something to see.
    token, tls : str and Tls, optional
        See :class:`~edgecnn.web.server.WebServer`.
    monitor : Monitor, optional
        What ``/metrics``, ``/healthz`` and ``/readyz`` tell; it gets the answers itself.
    camera : BrowserCamera, optional
        The stream's source, if it is the camera of whoever opens the page.
    colours : mapping of str to str, optional
        Colour of each label; see :class:`~edgecnn.runtime.outputs.Outputs`.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    """

    def __init__(
        self,
        address: Address,
        announce: Callable[[str], None],
        *,
        token: str | None = None,
        monitor: Monitor | None = None,
        tls: Tls | None = None,
        camera: BrowserCamera | None = None,
        colours: Mapping[str, str] | None = None,
    ) -> None:
        require_web()
        self._monitor = monitor or Monitor()
        self._tls = tls
        self._address = address
        self._announce = announce
        self._token = token
        self._camera = camera
        self._colours = dict(colours or {})
        self._page: LivePage | None = None
        self._stream: StreamInfo | None = None
        self._last: Answer | None = None
        self._last_shown = 0.0
        self._opened = self._last_told = self._last_answer = time.monotonic()
        # Of several sources, each one's newest answer and when it came; when it was drawn last.
        self._newest: dict[str, tuple[Answer, float]] = {}
        self._points: dict[str, float] = {}
        self._paused = False

    def open(self, stream: StreamInfo) -> None:
        """Start the server and say where."""
        from edgecnn.runtime.exposition import Exposition
        from edgecnn.web.health import PROBES, health_routes
        from edgecnn.web.live_page import LivePage

        self._stream = stream
        about = {
            "source": stream.source,
            "model": stream.model,
            "card": dict(stream.card),
            "colours": self._colours,
            "sources": list(stream.sources),
        }
        if self._camera is not None:
            about["camera"] = self._camera.wishes
        monitor = self._monitor
        self._page = LivePage(
            self._address,
            about,
            token=self._token,
            tls=self._tls,
            control=self._control,
            camera=None if self._camera is None else self._camera.offer,
            routes=health_routes(Exposition(monitor).document, monitor.trouble, monitor.unready),
            public=PROBES,
        )
        self._page.start()
        self._announce(self._page.url)

    def write(self, answer: Answer) -> None:
        """Show an answer; the picture is drawn and encoded only while someone looks."""
        if self._page is None:
            return
        jpeg = None
        now = time.monotonic()
        due = now - self._last_shown >= 0.9 / _MOST_FPS
        if (self._page.watched and due) or self._last is None:
            jpeg = answer.jpeg()
            self._last_shown = now
        self._last, self._last_answer = answer, now
        source = answer.frame.source
        self._newest[source] = (answer, now)
        if now - self._points.get(source, 0.0) >= _POINT_S:
            result = answer.result
            at = round(now - self._opened, 2)
            self._page.remember((at, result.label, result.state, answer.latency_ms, source))
            self._points[source] = now
        # Figures change faster than anyone reads; the last of a burst are shown by `idle`.
        if jpeg is not None or now - self._last_told >= _FIGURES_S:
            self._page.publish(self._status(), jpeg)
            self._last_told = now

    def idle(self) -> None:
        """Show the ledger, and what a key has switched, also while no answer comes."""
        if self._page is None or self._stream is None:
            return
        changed = self._paused != self._stream.controls.paused
        if changed or time.monotonic() - self._last_told > _IDLE_S:
            self._last_told = time.monotonic()
            self._page.publish(self._status())

    def close(self, summary: Summary | None) -> None:
        """Show how it ended, and stop serving."""
        if self._page is None:
            return
        status = self._status()
        if summary is not None:
            status["summary"] = dataclasses.asdict(summary)
        self._page.end(status, None if self._last is None else self._last.jpeg())

    def _status(self) -> dict[str, Any]:
        assert self._stream is not None
        answer, now = self._last, time.monotonic()
        status: dict[str, Any] = {}
        if answer is not None:
            status = answer.row() | {"fps": round(answer.fps, 1), "provider": answer.provider}
        self._paused = self._stream.controls.paused
        return status | {
            "paused": self._paused,
            "t": round(self._last_answer - self._opened, 2),
            "silence_s": round(now - self._last_answer, 1),
            "ledger": dataclasses.asdict(self._stream.counts()),
            "answers": [self._brief(each, when) for each, when in self._in_order()],
            "lost": {name: n for name, n in self._stream.lost().items() if n and name != "page"},
        }

    def _in_order(self) -> list[tuple[Answer, float]]:
        """Return each source's newest answer, as the sources are named in the picture."""
        assert self._stream is not None
        newest, names = dict(self._newest), list(self._stream.sources)
        return [newest[name] for name in names if name in newest] or list(newest.values())

    def _brief(self, answer: Answer, when: float) -> dict[str, Any]:
        result = answer.result
        return {
            "source": answer.frame.source,
            "t": round(when - self._opened, 2),
            "label": result.label,
            "score": round(result.score, 4),
            "state": result.state,
            "reason": result.reason,
            "latency_ms": answer.latency_ms,
        }

    def _control(self, wish: Mapping[str, object]) -> Mapping[str, object]:
        """Do what a button of the page asks for."""
        assert self._stream is not None
        assert self._page is not None
        controls = self._stream.controls
        match wish:
            case {"pause": bool(paused)} if len(wish) == 1:
                controls.paused = paused
                self._page.publish(self._status())
                return {"paused": paused}
            case {"snapshot": True} if len(wish) == 1:
                if controls.snapshot is None:
                    raise EdgeCNNError("nothing keeps snapshots here")
                return {"saved": Path(controls.snapshot()).name}
        raise UsageError("the page can pause and keep a snapshot, and nothing else")
