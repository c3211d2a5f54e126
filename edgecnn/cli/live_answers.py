"""The options of ``edgecnn live`` that say when a frame gets a label."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

__all__ = ["answer_options"]

_GATES = ("shape", "stale", "corrupt", "black", "frozen", "outlier")


def answer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as two parameters, ``answering`` and ``promises``."""

    @wraps(function)
    def collected(
        *,
        without: tuple[str, ...],
        frozen_s: float,
        stale_s: float,
        min_score: float | None,
        smooth: str,
        drift: bool,
        drift_frames: int,
        explain: float | None,
        slos: tuple[str, ...],
        **others: Any,
    ) -> Any:
        from edgecnn.runtime.answering import Answering
        from edgecnn.runtime.slo import parse_slo

        answering = Answering(
            without=without,
            frozen_s=frozen_s,
            stale_s=stale_s,
            min_score=min_score,
            smooth=smooth,
            drift=drift,
            drift_frames=drift_frames,
            explain=explain or 0.0,
        )
        promises = tuple(map(parse_slo, slos))
        return function(answering=answering, promises=promises, **others)

    seconds = click.FloatRange(min=0, min_open=True)
    options = (
        click.option(
            "--min-score",
            type=click.FloatRange(0, 1),
            help="Below it the answer is unknown [default: the contract's].",
        ),
        click.option(
            "--smooth",
            default="",
            metavar="HOW",
            help="Steady labels: exponential=0.5s, or majority=9 (frames).",
        ),
        click.option(
            "--frozen",
            "frozen_s",
            type=seconds,
            default=5.0,
            metavar="SECONDS",
            help="A camera's picture unchanged for so long is unknown [5].",
        ),
        click.option(
            "--stale",
            "stale_s",
            type=seconds,
            default=2.0,
            metavar="SECONDS",
            help="A camera's frame older than this is unknown [2].",
        ),
        click.option(
            "--no-gate",
            "without",
            multiple=True,
            type=click.Choice(_GATES),
            help="Answer such frames all the same. Repeatable.",
        ),
        click.option(
            "--drift/--no-drift",
            default=True,
            help="Compare with what the file was calibrated with.",
        ),
        click.option(
            "--drift-window",
            "drift_frames",
            type=click.IntRange(32, 100_000),
            default=240,
            metavar="FRAMES",
            help="Newest frames that are compared, four a second [240].",
        ),
        click.option(
            "--explain",
            is_flag=False,
            flag_value=0.2,
            type=click.FloatRange(0, 1, min_open=True),
            metavar="[SHARE]",
            help="Draw where the evidence lies, for this share of the time [0.2].",
        ),
        click.option(
            "--slo",
            "slos",
            multiple=True,
            metavar="PROMISE",
            help="p50=, p95= or p99=60ms, 'fps>=25': exit code 1 when missed. Repeatable.",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
