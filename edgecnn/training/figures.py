"""Pictures of a training: its curves and its confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgecnn.files import atomic_path
from edgecnn.metadata import Accuracy
from edgecnn.training.loop import EpochResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_confusion", "draw_curves"]

# Two hues that differ in lightness too, for the colour-blind and for grey print.
_TRAIN, _VALIDATION, _QUIET = "#8a8f98", "#1f5fa8", "#5b6068"


def draw_curves(history: Sequence[EpochResult], path: Path, *, title: str) -> None:
    """Draw loss, accuracy and learning rate over epochs into a PNG."""
    from matplotlib.figure import Figure

    epochs = [result.epoch for result in history]
    validated = history[0].validation_loss is not None
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    loss, accuracy, rate = figure.subplots(1, 3)
    loss.plot(epochs, [r.train_loss for r in history], color=_TRAIN, label="training, augmented")
    accuracy.plot(epochs, [100 * r.train_accuracy for r in history], color=_TRAIN)
    if validated:
        values = [r.validation_loss or 0.0 for r in history]
        loss.plot(epochs, values, color=_VALIDATION, label="validation")
        shares = [100 * (r.validation_accuracy or 0.0) for r in history]
        accuracy.plot(epochs, shares, color=_VALIDATION)
        accuracy.annotate(
            f"{shares[-1]:.2f} %",
            (epochs[-1], shares[-1]),
            xytext=(-4, -14),
            textcoords="offset points",
            ha="right",
            color=_VALIDATION,
        )
    # The first epochs climb from chance; the rest of the curve is what one wants to read.
    settled = history[len(history) // 10 :]
    lowest = min(min(r.train_accuracy, r.validation_accuracy or 1.0) for r in settled)
    accuracy.set_ylim(bottom=max(0.0, 100 * lowest - 3))
    rate.plot(epochs, [r.rate for r in history], color=_QUIET)
    loss.legend(frameon=False)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy, %"), (rate, "learning rate")):
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        _plain(axes)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    _save(figure, path)


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
    _save(figure, path)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": "edgecnn"})
