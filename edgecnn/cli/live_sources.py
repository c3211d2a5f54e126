"""The options of ``edgecnn live`` that say how sources are opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgecnn.runtime.sources.settings import Backend, Policy

__all__ = ["source_options"]


class _Number(click.FloatRange):
    """A number, of which there is one that is in every range: nan."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Refuse it."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number", param, ctx)
        return float(number)


_SECONDS = _Number(min=0.1, max=3600)


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``settings``."""

    @wraps(function)
    def collected(
        *,
        open_timeout: float,
        read_timeout: float,
        give_up: float,
        policy: Policy,
        stride: int,
        max_fps: float | None,
        backend: Backend,
        **others: Any,
    ) -> Any:
        from edgecnn.runtime.sources.settings import SourceSettings

        settings = SourceSettings(
            open_s=open_timeout,
            read_s=read_timeout,
            give_up_s=give_up,
            policy=policy,
            stride=stride,
            max_fps=max_fps,
            backend=backend,
            may_run_pipelines=True,
        )
        return function(settings=settings, **others)

    options = (
        click.option(
            "--policy",
            type=click.Choice(["auto", "newest", "every"]),
            default="auto",
            show_default=True,
            help="Frames that a slow model gets: newest of cameras, every of files.",
        ),
        click.option(
            "--stride",
            type=click.IntRange(min=1, max=1_000_000),
            default=1,
            metavar="N",
            help="Answer one frame of N.",
        ),
        click.option(
            "--max-fps",
            type=_Number(min=0.001, max=10_000),
            metavar="F",
            help="Answer at most F frames a second.",
        ),
        click.option(
            "--backend",
            type=click.Choice(["auto", "v4l2", "gstreamer"]),
            default="auto",
            show_default=True,
            help="What of OpenCV reads cameras: auto is v4l2.",
        ),
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
            type=_Number(min=0),
            default=300.0,
            show_default=True,
            metavar="S",
            help="Open a lost one again for S seconds; inf: for ever.",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
