"""Pictures of a search: trials across their values, and what mattered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.training.figures import save_figure
from edgecnn.training.search.record import (
    Question,
    SearchRecord,
    Trial,
    best_trial,
    ranked,
    shown,
)
from edgecnn.training.search.space import Axis, Grid, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_importance", "draw_parallel"]

_BEST, _QUIET, _STOPPED = "#c2410c", "#5b6068", "#d5d8dd"


@dataclass(frozen=True)
class _Scale:
    """An upright axis: where a value is on it (0 bottom, 1 top), and what is written beside it."""

    name: str
    place: Callable[[Value], float]
    ticks: Sequence[tuple[float, str]]


def draw_parallel(record: SearchRecord, path: Path) -> None:
    """Draw every trial as a line across the searched values to its score: up is better.

    The better, the darker; the best one is orange, and trials without a score are pale.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    question = record.question
    best = best_trial(record)
    # The best one last, on top. By rank, since one bad trial would make all others look alike.
    scored = [t for t in ranked(record.trials, question.direction)[::-1] if t.score is not None]
    scales = [_scale(axis) for axis in question.axes]
    scales.append(_score_scale(question, [trial.score or 0.0 for trial in scored]))
    figure = Figure(figsize=(max(6.0, 2.1 * len(scales) + 1.4), 4.6), layout="constrained")
    axes = figure.subplots()
    for trial in record.trials:
        if trial.score is None:
            _line(axes, scales[:-1], trial, question, colour=_STOPPED, width=1.0, order=1)
    shades = colormaps["Blues"]
    for rank, trial in enumerate(scored, start=1):
        if trial is not best:
            shade = shades(0.25 + 0.7 * rank / len(scored))
            _line(axes, scales, trial, question, colour=shade, width=1.4, order=2)
    if best is not None:
        _line(axes, scales, best, question, colour=_BEST, width=2.6, order=3)
    for number, scale in enumerate(scales):
        _draw_scale(axes, number, scale)
    axes.set_xlim(-0.55, len(scales) - 0.75)
    axes.set_ylim(-0.06, 1.04)
    axes.set_xticks(range(len(scales)), [scale.name.replace(".", ".\n") for scale in scales])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=9)
    axes.set_yticks([])
    told = "up and darker is better, orange is the best"
    if len(scored) < len(record.trials):
        told += "; pale trials have no score"
    axes.set_xlabel(told, loc="left", fontsize=9, color=_QUIET)
    axes.spines[:].set_visible(False)
    figure.suptitle(
        f"{question.recipe.name}: {_counted(record)}", x=0.01, ha="left", fontweight="bold"
    )
    save_figure(figure, path)


def draw_importance(importance: Mapping[str, float], record: SearchRecord, path: Path) -> None:
    """Draw how much each key decides whether a trial is among the better third."""
    from matplotlib.figure import Figure

    keys = list(importance)[::-1]
    figure = Figure(figsize=(7.5, 1.5 + 0.45 * len(keys)), layout="constrained")
    axes = figure.subplots()
    shares = [100 * importance[key] for key in keys]
    bars = axes.barh(keys, shares, color="#1f5fa8", height=0.62)
    axes.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=4, color=_QUIET)
    axes.set_xlim(0, 1.12 * max(shares))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(
        f"what decides over the better third of {len(record.trials)} trials "
        f"(PED-ANOVA, {record.question.metric})",
        loc="left",
        fontsize=10,
    )
    figure.suptitle(record.question.recipe.name, x=0.01, ha="left", fontweight="bold")
    save_figure(figure, path)


def _line(
    axes: Axes,
    scales: Sequence[_Scale],
    trial: Trial,
    question: Question,
    *,
    colour: object,
    width: float,
    order: int,
) -> None:
    values = [trial.values[axis.key] for axis in question.axes]
    if trial.score is not None:
        values.append(trial.score)
    heights = [scale.place(value) for scale, value in zip(scales, values, strict=True)]
    # A single axis of a trial without a score would be no line.
    marker = "o" if len(heights) == 1 else None
    axes.plot(heights, color=colour, linewidth=width, zorder=order, marker=marker, markersize=4)


def _draw_scale(axes: Axes, number: int, scale: _Scale) -> None:
    axes.axvline(number, 0.06 / 1.1, 1.06 / 1.1, color=_QUIET, linewidth=1, zorder=4)
    for height, text in scale.ticks:
        axes.plot([number - 0.025, number], [height, height], color=_QUIET, linewidth=1, zorder=4)
        axes.text(
            number - 0.05,
            height,
            text,
            ha="right",
            va="center",
            fontsize=8,
            zorder=5,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
        )


def _scale(axis: Axis) -> _Scale:
    if not isinstance(axis, Grid):
        return _numbers(axis.key, float(axis.low), float(axis.high), log=axis.log)
    steps = max(1, len(axis.values) - 1)
    heights = {shown(v): n / steps for n, v in enumerate(axis.values)}
    if len(heights) == 1:
        heights = dict.fromkeys(heights, 0.5)
    return _Scale(
        axis.key,
        lambda value: heights[shown(value)],
        [(height, text if len(text) < 19 else text[:17] + "…") for text, height in heights.items()],
    )


def _score_scale(question: Question, scores: Sequence[float]) -> _Scale:
    """Return an axis with the best score on top."""
    low, high = min(scores), max(scores)
    worst, best = (high, low) if question.direction == "minimize" else (low, high)
    log = low > 0 and high > 10 * low
    return _numbers(question.metric, worst, best, log=log)


def _numbers(name: str, bottom: float, top: float, *, log: bool) -> _Scale:
    if bottom == top:
        return _Scale(name, lambda _: 0.5, [(0.5, f"{top:.4g}")])
    bend: Callable[[float], float] = math.log if log else float
    unbend: Callable[[float], float] = math.exp if log else float
    ends = bend(bottom), bend(top)

    def place(value: Value) -> float:
        assert isinstance(value, int | float)
        return (bend(value) - ends[0]) / (ends[1] - ends[0])

    marks = [unbend(ends[0] + n / 4 * (ends[1] - ends[0])) for n in range(5)]
    decades = _decades(min(bottom, top), max(bottom, top)) if log else []
    if len(decades) > 1:
        # The ends stay; a decade that would be written over one of them goes.
        inner = [decade for decade in decades if 0.06 < place(decade) < 0.94]
        marks = [bottom, *inner, top]
    return _Scale(name, place, [(place(mark), f"{mark:.3g}") for mark in marks])


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, (last - first) // 6)
    return [10.0**power for power in range(first, last + 1, step)]


def _counted(record: SearchRecord) -> str:
    outcomes = [trial.outcome for trial in record.trials]
    parts = [f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(sorted(outcomes))]
    trials = f"{len(outcomes)} trials"
    return trials if set(outcomes) == {"finished"} else f"{trials} ({', '.join(parts)})"
