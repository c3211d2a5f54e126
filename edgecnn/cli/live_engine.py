"""The options of ``edgecnn live`` that say how the engine runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

__all__ = ["EngineOptions", "engine_options"]


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What was asked of the engine.

    Attributes
    ----------
    save_session : Path or None
        Folder to keep the session in.
    """

    save_session: Path | None = None


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``engine``."""

    @wraps(function)
    def collected(*, save_session: Path | None, **others: Any) -> Any:
        return function(engine=EngineOptions(save_session=save_session), **others)

    options = (
        click.option(
            "--save-session",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            help="Keep every answered frame, lossless, for `edgecnn replay`.",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
