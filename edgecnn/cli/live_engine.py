"""The options of ``edgecnn live`` that say how the engine runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgecnn.errors import EdgeCNNError

__all__ = ["EngineOptions", "engine_options", "leave", "require_option"]


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What was asked of the engine.

    Attributes
    ----------
    save_session : Path or None
        Folder to keep the session in.

    stage_s, restarts, within_s : float, int, float
        When a stage hangs, and how often one may be replaced.
    require : bool
        Whether every node must run on the provider.
    cuda_graph : bool
        Whether CUDA records the network's kernels and replays them.
    """

    save_session: Path | None = None
    stage_s: float = 10.0
    restarts: int = 5
    within_s: float = 600.0
    require: bool = False
    cuda_graph: bool = False


def leave(error: EdgeCNNError) -> None:
    """End the process with an error that the main thread, which hangs, cannot raise."""
    # By the system's call: buffers and their locks may be what hangs.
    text = f"error: {error.message}\n" + (f" hint: {error.hint}\n" if error.hint else "")
    os.write(2, text.encode())
    os._exit(error.exit_code)


def _restarts(_: click.Context, parameter: click.Parameter, text: str) -> tuple[int, float]:
    number, slash, seconds = text.partition("/")
    try:
        found = int(number), float(seconds if slash else 600)
    except ValueError:
        found = -1, 0.0
    if found[0] < 0 or not 0 < found[1] < float("inf"):
        raise click.BadParameter(f"{text} is not N/SECONDS, as in 5/600")
    return found


def require_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--require-provider`` (parameter ``require``)."""
    return click.option(
        "--require-provider",
        "require",
        is_flag=True,
        help="Fail unless every node runs on the provider.",
    )(function)


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``engine``."""

    @wraps(function)
    def collected(
        *,
        save_session: Path | None,
        stage_s: float,
        restarts: tuple[int, float],
        require: bool,
        cuda_graph: bool,
        **others: Any,
    ) -> Any:
        engine = EngineOptions(
            save_session=save_session,
            stage_s=stage_s,
            restarts=restarts[0],
            within_s=restarts[1],
            require=require,
            cuda_graph=cuda_graph,
        )
        return function(engine=engine, **others)

    options = (
        require_option,
        click.option(
            "--cuda-graph",
            is_flag=True,
            help="Record the network's kernels once and replay them; CUDA only.",
        ),
        click.option(
            "--save-session",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            help="Keep every answered frame, lossless, for `edgecnn replay`.",
        ),
        click.option(
            "--stage-timeout",
            "stage_s",
            default=10.0,
            show_default=True,
            metavar="SECONDS",
            type=click.FloatRange(min=0.1),
            help="A call of the model or of an output that takes longer hangs.",
        ),
        click.option(
            "--restarts",
            default="5/600",
            show_default=True,
            metavar="N/SECONDS",
            callback=_restarts,
            help="Replace what hangs so often within so long, then end with exit code 1.",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
