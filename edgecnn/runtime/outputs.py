"""What a live stream was asked to give out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Outputs"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where the answers go, besides stdout.

    Attributes
    ----------
    as_json : bool
        JSON Lines on stdout instead of text for people.
    on_change : bool
        On stdout, only the answers whose label is another one than before.
    window : bool
        Show a window, where there is a display; without one it is said why there is none.
    web : str, optional
        ``HOST:PORT`` to serve the page at.
    metrics : str, optional
        ``HOST:PORT`` to serve ``/metrics``, ``/healthz`` and ``/readyz`` at; the page has them too.
    tls : bool
        Serve the page and the metrics over HTTPS.
    tls_certificate, tls_key : Path, optional
        PEM files for that; without, the certificate is self-made. The key may be in the first file.
    record : Path, optional
        ``.mkv`` or ``.mp4`` to record the annotated pictures to.
    csv : Path, optional
        Table with a row for each frame; one that is there is continued.
    sinks : tuple of str
        Sinks of the user's own, as ``module:factory?option=value``.
    snapshots : Path
        Folder of what the window's keys and the page's button keep.
    colours : mapping of str to str
        Colour of each label on the page, as a style sheet writes it, in the labels' order.
    """

    as_json: bool = False
    on_change: bool = False
    window: bool = False
    web: str | None = None
    metrics: str | None = None
    tls: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    record: Path | None = None
    csv: Path | None = None
    sinks: tuple[str, ...] = ()
    snapshots: Path = Path("snapshots")
    colours: Mapping[str, str] = field(default_factory=dict)
