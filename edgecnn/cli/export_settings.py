"""The options of ``edgecnn export`` for how a network becomes a file, and what it is held to."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import click

from edgecnn.cli.export_contract import names
from edgecnn.cli.grouped import grouped
from edgecnn.export.tolerance import ATOL, RTOL

__all__ = ["Settings", "settings_options"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What was asked for."""

    weights: Path | None
    opset: int | None
    dynamic: tuple[str, ...]
    outputs: tuple[str, ...]
    verify_with: tuple[str, ...]
    atol: float
    rtol: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.atol) and math.isfinite(self.rtol)):
            raise click.UsageError("--atol and --rtol are numbers, not infinite ones")

    @property
    def anew(self) -> bool:
        """Whether any of them asks for another graph, or another check of it, than a file has."""
        asked = any((self.weights, self.opset, self.dynamic, self.outputs))
        return asked or (self.atol, self.rtol) != (ATOL, RTOL)


def _names(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    return names(text)


#: Adds the options to a command, which gets them as one parameter ``settings``.
settings_options = grouped(
    Settings,
    "settings",
    (
        click.option(
            "--opset",
            type=click.IntRange(13, 23),
            help="Operator set; below 18 by a verified conversion  [default: 20; an .onnx file's "
            "own]",
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path, dir_okay=False),
            help="For module:factory: .safetensors, or .pt with a state dictionary.",
        ),
        click.option(
            "--dynamic",
            metavar="AXES",
            callback=_names,
            help="Further free axes: time, height,width; batch of an .onnx file with a fixed one.",
        ),
        click.option(
            "--outputs",
            metavar="NAMES",
            callback=_names,
            help="Of all that the network returns, if the contract has fewer.",
        ),
        click.option(
            "--verify-with",
            "--parity",
            "verify_with",
            metavar="DATA",
            multiple=True,
            help="Dataset, folder, or files (one each) to compare file and source on.",
        ),
        click.option(
            "--atol",
            type=click.FloatRange(min=0),
            default=ATOL,
            show_default=True,
            help="Largest difference from a reference of 0.",
        ),
        click.option(
            "--rtol",
            type=click.FloatRange(min=0),
            default=RTOL,
            show_default=True,
            help="What it grows by per unit of the reference.",
        ),
    ),
)
