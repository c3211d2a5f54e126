"""The options of ``edgecnn live`` that say how sources are opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

__all__ = ["source_options"]


class _Seconds(click.FloatRange):
    """A number, of which there is one that is in every range: nan."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Refuse it."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return float(seconds)


_SECONDS = _Seconds(min=0.1, max=3600)


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``settings``."""

    @wraps(function)
    def collected(
        *, open_timeout: float, read_timeout: float, give_up: float, **others: Any
    ) -> Any:
        from edgecnn.runtime.sources.settings import SourceSettings

        settings = SourceSettings(open_s=open_timeout, read_s=read_timeout, give_up_s=give_up)
        return function(settings=settings, **others)

    options = (
        click.option(
            "--open-timeout",
            type=_SECONDS,
            default=8.0,
            show_default=True,
            metavar="S",
            help="A stream that does not open in S seconds fails.",
        ),
        click.option(
            "--read-timeout",
            type=_SECONDS,
            default=5.0,
            show_default=True,
            metavar="S",
            help="A source that gives nothing for S seconds is lost.",
        ),
        click.option(
            "--give-up",
            type=_Seconds(min=0),
            default=300.0,
            show_default=True,
            metavar="S",
            help="Open a lost one again for S seconds; inf: for ever.",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
