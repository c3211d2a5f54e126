"""What accuracy costs in time: every form that was tried, as JSON and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from edgecnn.errors import MissingPackageError
from edgecnn.files import atomic_path, write_bytes

__all__ = ["Point", "draw_frontier", "pareto", "write_frontier"]

_QUIET, _LINE, _CHOSEN = "#8a8f98", "#1f5fa8", "#b3261e"


class Point(Struct, frozen=True, kw_only=True):
    """A form that was measured.

    Attributes
    ----------
    kept_fp32 : tuple of str
        Layers that it leaves in FP32.
    bias_corrected : bool
    drop : float or None
        Points (percent) of the metric; of text, nats per character. None without labels.
    agreement : float
        Share of same answers, 0..1.
    latency_ms : float
        Median, batch 1.
    speedup : float
        FP32 ÷ this, measured in turns.
    fits : bool
        Whether it is within the budget.
    chosen : bool
    """

    kept_fp32: tuple[str, ...]
    bias_corrected: bool
    drop: float | None
    agreement: float
    latency_ms: float
    speedup: float
    fits: bool
    chosen: bool = False


def loss_of(point: Point) -> float:
    """Return what is to be small: the drop, or without labels the percent of other answers."""
    return 100 * (1 - point.agreement) if point.drop is None else point.drop


def pareto(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points that no other beats in both loss and speed, the fastest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (-one.speedup, loss_of(one))):
        if not kept or loss_of(point) < loss_of(kept[-1]):
            kept.append(point)
    return tuple(kept)


def write_frontier(
    path: Path, points: Sequence[Point], *, title: str, unit: str, limit: float
) -> tuple[str, ...]:
    """Write ``path`` (PNG), and the same as JSON beside it.

    Parameters
    ----------
    title : str
        Which model, on what data.
    unit : str
        Of the loss.
    limit : float
        The budget, in that unit.

    Returns
    -------
    tuple of str
        What could not be done: the picture, where matplotlib is not installed.
    """
    document = {
        "title": title,
        "unit": unit,
        "limit": limit,
        "points": points,
        "frontier": [points.index(point) for point in pareto(points)],
    }
    write_bytes(path.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(document)))
    try:
        draw_frontier(path, points, title=title, unit=unit, limit=limit)
    except MissingPackageError as error:
        return (f"{path} is not drawn: {error.message}; {error.hint}",)
    return ()


def draw_frontier(
    path: Path, points: Sequence[Point], *, title: str, unit: str, limit: float
) -> None:
    """Draw loss against latency.

    Raises
    ------
    MissingPackageError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError(
            "matplotlib is not installed", hint="pip install 'edgecnn[train]'"
        ) from error

    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    best = pareto(points)
    axes.axhline(limit, color=_QUIET, linestyle="--", linewidth=1)
    axes.annotate(
        f"budget: {limit:g} {unit}",
        (1, limit),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        color=_QUIET,
    )
    axes.step(
        [point.latency_ms for point in best],
        [loss_of(point) for point in best],
        where="post",
        color=_LINE,
        linewidth=1,
        alpha=0.6,
    )
    for point in points:
        axes.plot(
            point.latency_ms,
            loss_of(point),
            marker="D" if point.chosen else "o",
            markersize=9 if point.chosen else 6,
            color=_CHOSEN if point.chosen else _LINE if point in best else _QUIET,
        )
        count = len(point.kept_fp32)
        text = "all 8-bit" if not count else f"{count} in FP32"
        axes.annotate(
            text + (", bias corrected" if point.bias_corrected else ""),
            (point.latency_ms, loss_of(point)),
            xytext=(7, 5),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlabel("latency, ms (median, batch 1)")
    axes.set_ylabel(f"loss against FP32, {unit}")
    axes.set_title(title, fontsize=10)
    axes.margins(x=0.18, y=0.15)
    axes.grid(alpha=0.25)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
