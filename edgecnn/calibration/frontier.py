"""What accuracy costs in time: every form that was tried, as JSON and as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from edgecnn.calibration.forms import Rest
from edgecnn.errors import MissingPackageError, UsageError
from edgecnn.files import atomic_path, write_bytes

__all__ = ["Point", "draw_frontier", "frontier_path", "pareto", "write_frontier"]

_QUIET, _LINE, _CHOSEN = "#8a8f98", "#1f5fa8", "#b3261e"


class Point(Struct, frozen=True, kw_only=True):
    """A form that was measured.

    Attributes
    ----------
    rest : "8 bits", "4 bits" or "FP16"
        What all layers have but those that were kept.
    kept_fp32 : tuple of str
        Layers that it leaves in FP32.
    kept_int8 : tuple of str
        Layers whose weights it leaves in 8 bits, where all others have 4.
    bias_corrected : bool
    drop : float or None
        Points (percent) of the metric; of text, nats per character. None without labels.
    agreement : float
        Share of same answers, 0..1.
    latency_ms : float or None
        Median, batch 1; None where this machine cannot tell.
    speedup : float or None
        FP32 ÷ this, measured in turns.
    size_bytes : int
        Of the graph with its weights.
    fits : bool
        Whether it is within the budget.
    chosen : bool
    """

    kept_fp32: tuple[str, ...]
    bias_corrected: bool
    drop: float | None
    agreement: float
    latency_ms: float | None
    speedup: float | None
    fits: bool
    chosen: bool = False
    rest: Rest = "8 bits"
    kept_int8: tuple[str, ...] = ()
    size_bytes: int = 0

    @property
    def kept(self) -> tuple[str, ...]:
        """Layers that have more digits than the rest."""
        return self.kept_fp32 or self.kept_int8

    def text(self, of: int | None = None) -> str:
        """Say which form it is.

        Parameters
        ----------
        of : int, optional
            How many layers could have been kept.
        """
        if not self.kept:
            form = f"all in {self.rest}"
        else:
            among = "" if of is None else f" of {of}"
            one = len(self.kept) == 1 and of is None
            form = f"{len(self.kept)}{among} {'layer' if one else 'layers'} in "
            form += "FP32" if self.kept_fp32 else "8 bits"
        return form + (", biases corrected" if self.bias_corrected else "")


def frontier_path(path: str | os.PathLike[str] | None) -> Path | None:
    """Check where the picture is to go.

    Raises
    ------
    UsageError
        It is no PNG: the JSON beside it would take its place.
    """
    if path is None:
        return None
    picture = Path(path)
    if picture.suffix.lower() != ".png":
        raise UsageError(f"{picture} is no .png", hint="the same as .json is written beside it")
    return picture


def loss_of(point: Point) -> float:
    """Return what is to be small: the drop, or without labels the percent of other answers."""
    return 100 * (1 - point.agreement) if point.drop is None else point.drop


def is_timed(points: Sequence[Point]) -> bool:
    """Tell whether what forms cost is their time; otherwise it is their size."""
    return all(point.speedup is not None for point in points)


def pareto(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points that no other beats in both loss and cost, the cheapest first.

    The cost is the time, or where that is not known the size.
    """
    timed = is_timed(points)

    def cost(point: Point) -> float:
        return -point.speedup if timed and point.speedup is not None else point.size_bytes

    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (cost(one), loss_of(one))):
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
    """Draw loss against latency, or where nothing was timed against size.

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
    best, timed = pareto(points), is_timed(points)

    def cost(point: Point) -> float:
        return (
            point.latency_ms if timed and point.latency_ms is not None else point.size_bytes / 1e6
        )

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
        [cost(point) for point in best],
        [loss_of(point) for point in best],
        where="post",
        color=_LINE,
        linewidth=1,
        alpha=0.6,
    )
    for point in points:
        axes.plot(
            cost(point),
            loss_of(point),
            marker="D" if point.chosen else "o",
            markersize=9 if point.chosen else 6,
            color=_CHOSEN if point.chosen else _LINE if point in best else _QUIET,
        )
        axes.annotate(
            point.text(),
            (cost(point), loss_of(point)),
            xytext=(7, 5),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlabel(
        "latency, ms (median, batch 1)" if timed else "size, MB (latency: unmeasured here)"
    )
    axes.set_ylabel(f"loss against FP32, {unit}")
    axes.set_title(title, fontsize=10)
    axes.margins(x=0.18, y=0.15)
    axes.grid(alpha=0.25)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
