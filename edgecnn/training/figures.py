"""Pictures of a training: its curves and its confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecnn.files import atomic_path
from edgecnn.metadata import Accuracy
from edgecnn.training.fit_state import EpochResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_confusion", "draw_curves", "save_figure"]

# Two hues that differ in lightness too, for the colour-blind and for grey print.
_TRAIN, _VALIDATION, _QUIET = "#8a8f98", "#1f5fa8", "#5b6068"


def draw_curves(history: Sequence[EpochResult], path: Path, *, title: str) -> None:
    """Draw loss, quality (accuracy or what else the task measures) and rate over epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [result.epoch for result in history]
    quality_name, learnt, validated = _quality(history)
    names = ["loss", quality_name, "learning rate"] if quality_name else ["loss", "learning rate"]
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = dict(zip(names, figure.subplots(1, len(names)), strict=True))

    def plot(name: str, values: Sequence[float], colour: str, label: str = "") -> None:
        # A line through a single point cannot be seen.
        marker = "o" if len(values) == 1 else None
        panels[name].plot(epochs, values, color=colour, label=label, marker=marker)

    plot("loss", [r.train_loss for r in history], _TRAIN, "training, as drawn")
    if history[0].validation_loss is not None:
        plot("loss", [r.validation_loss or 0.0 for r in history], _VALIDATION, "validation")
    if learnt:
        plot(quality_name, learnt, _TRAIN)
    if validated:
        plot(quality_name, validated, _VALIDATION)
        panels[quality_name].annotate(
            f"{validated[-1]:.2f} %",
            (epochs[-1], validated[-1]),
            # Behind the curve's end, where no line can run through it.
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            color=_VALIDATION,
        )
    if quality_name:
        # The first epochs climb from chance; the rest of the curve is what one wants to read.
        settled = len(history) // 10
        lowest = min(learnt[settled:] + validated[settled:])
        panels[quality_name].set_ylim(bottom=max(0.0, lowest - 3))
    plot("learning rate", [r.rate for r in history], _QUIET)
    panels["learning rate"].set_ylim(bottom=0)
    panels["loss"].legend(frameon=False)
    for name, axes in panels.items():
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _plain(axes)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    save_figure(figure, path)


def _quality(history: Sequence[EpochResult]) -> tuple[str, list[float], list[float]]:
    """Return what the task measures besides the loss, in per cent: name, training, validation."""
    learnt = [100 * r.train_accuracy for r in history if r.train_accuracy is not None]
    right = [100 * r.validation_accuracy for r in history if r.validation_accuracy is not None]
    if learnt or right:
        return "accuracy, %", learnt, right
    found = [100 * r.validation_map for r in history if r.validation_map is not None]
    return ("mAP@0.5, %", [], found) if found else ("", [], [])


def draw_confusion(accuracy: Accuracy, labels: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix into a PNG: counts, shaded by their share of the true class."""
    from matplotlib.figure import Figure

    counts = np.asarray(accuracy.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.6, 0.56 * len(labels) + 1.6)
    figure = Figure(figsize=(side + 0.5, side), layout="constrained")
    axes = figure.subplots()
    # The square root lets rare confusions show beside the diagonal.
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.4 else "black",
            )
    axes.set_xticks(range(len(labels)), labels, rotation=45 if max(map(len, labels)) > 3 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    low, high = accuracy.interval_95
    axes.set_title(
        f"{accuracy.dataset}:{accuracy.split}  {accuracy.metric} {accuracy.value:.4f}\n"
        f"95 % interval {low:.4f} to {high:.4f}, n = {accuracy.n:,}",
        loc="left",
        fontsize=10,
    )
    save_figure(figure, path)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without a date: equal figures, equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": "edgecnn"})
