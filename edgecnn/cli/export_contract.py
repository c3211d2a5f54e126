"""The options of ``edgecnn export`` that describe a network which does not describe itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.grouped import grouped

if TYPE_CHECKING:
    from edgecnn.metadata import ModelMetadata

__all__ = ["Described", "contract_options", "model_name", "names", "refuse"]


@dataclasses.dataclass(frozen=True)
class Described:
    """What was said of the network, as it was given: by single options, or as a TOML file."""

    input_shape: str | None = None
    labels: str | None = None
    colour: str | None = None
    mean: str | None = None
    std: str | None = None
    resize: str | None = None
    metadata: Path | None = None

    @property
    def given(self) -> dict[str, object]:
        """The options by name."""
        return dataclasses.asdict(self)

    @property
    def single(self) -> dict[str, object]:
        """Those that say one thing each."""
        return {name: value for name, value in self.given.items() if name != "metadata"}

    def contract(self, source: str) -> ModelMetadata:
        """Return the contract that they make, or the one of the TOML file.

        Raises
        ------
        UsageError
            Both were given, or too little.
        """
        from edgecnn.export.contract import image_contract, read_labels
        from edgecnn.metadata import read_contract

        if self.metadata is not None:
            refuse("--metadata brings its own", **self.single)
            return read_contract(self.metadata)
        if self.input_shape is None or self.labels is None:
            raise click.UsageError(
                "a network without a contract needs --input-shape and --labels, or --metadata"
            )
        shape = _numbers(self.input_shape.replace("x", ","), "--input-shape", whole=True)
        return image_contract(
            model_name(source),
            read_labels(self.labels),
            [int(size) for size in shape],
            colour=self.colour,
            mean=_numbers(self.mean, "--mean"),
            std=_numbers(self.std, "--std"),
            resize=self.resize or "crop",
        )


#: Adds the options to a command, which gets them as one parameter ``described``.
contract_options = grouped(
    Described,
    "described",
    (
        click.option("--input-shape", metavar="C,H,W", help="Shape of one picture."),
        click.option(
            "--labels", metavar="FILE|LIST", help="A file with one per line, or cat,dog,..."
        ),
        click.option(
            "--colour", type=click.Choice(("gray", "rgb", "bgr")), help="Default by channels."
        ),
        click.option("--mean", metavar="M[,M,M]", help="Of pixels of 0..1; default 0."),
        click.option("--std", metavar="S[,S,S]", help="Of pixels of 0..1; default 1."),
        click.option(
            "--resize",
            type=click.Choice(("crop", "stretch", "letterbox")),
            help="How a picture of another shape is fitted  [default: crop]",
        ),
        click.option(
            "--metadata",
            type=click.Path(path_type=Path, dir_okay=False),
            help="The whole contract as a TOML file, instead of the options above.",
        ),
    ),
)


def model_name(source: str) -> str:
    """Return what a model is called unless its contract says: its module, or the file."""
    module, colon, _ = source.partition(":")
    return module.rpartition(".")[2] if colon and not Path(source).exists() else Path(source).stem


def names(text: str | None) -> tuple[str, ...]:
    """Split a list with commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def refuse(because: str, **options: object) -> None:
    """Refuse options that would have no effect: a wrong belief about the file is worse."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise click.UsageError(f"{because}: {', '.join(given)} not needed")


def _numbers(text: str | None, option: str, *, whole: bool = False) -> list[float]:
    if text is None:
        return []
    try:
        return [int(part) if whole else float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"not a list of numbers: {text}", param_hint=option) from error
