"""The options of ``edgecnn live`` that say when a frame gets a label."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

__all__ = ["answer_options"]

_GATES = ("shape", "stale", "corrupt", "black", "frozen")


def answer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``answering``."""

    @wraps(function)
    def collected(
        *,
        without: tuple[str, ...],
        frozen_s: float,
        stale_s: float,
        min_score: float | None,
        **others: Any,
    ) -> Any:
        from edgecnn.runtime.answering import Answering

        answering = Answering(
            without=without, frozen_s=frozen_s, stale_s=stale_s, min_score=min_score
        )
        return function(answering=answering, **others)

    seconds = click.FloatRange(min=0, min_open=True)
    options = (
        click.option(
            "--min-score",
            type=click.FloatRange(0, 1),
            help="Below it the answer is unknown [default: the contract's].",
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
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
