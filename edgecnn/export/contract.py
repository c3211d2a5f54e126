"""The contract of a network that brings none, from options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import msgspec

from edgecnn.errors import MetadataError, MissingFileError, UsageError
from edgecnn.metadata import ImageInput, ModelMetadata

__all__ = ["image_contract", "read_labels"]


def image_contract(
    name: str,
    labels: tuple[str, ...],
    shape: Sequence[int],
    *,
    colour: str | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    resize: str = "crop",
) -> ModelMetadata:
    """Put together the contract of a picture classifier.

    Parameters
    ----------
    name : str
    labels : tuple of str
        In the order of the network's outputs.
    shape : sequence of int
        ``(C, H, W)`` of one input.
    colour : "gray", "rgb" or "bgr", optional
        The default goes by the number of channels: grey for 1, RGB for 3.
    mean, std : sequence of float
        Of pixels scaled to 0..1, one value or one per channel; the default is 0 and 1.
    resize : "crop", "stretch" or "letterbox"

    Raises
    ------
    UsageError
        Values that do not fit each other.

    Examples
    --------
    >>> image_contract("t", ("cat", "dog"), (3, 32, 32), mean=(0.5,)).input.mean
    (0.5, 0.5, 0.5)
    """
    if len(shape) != 3 or min(shape) < 1 or shape[0] not in (1, 3):
        raise UsageError(
            f"not the shape of a picture: {','.join(map(str, shape))}",
            hint="give channels, height, width: 1,28,28 or 3,224,224",
        )
    channels, height, width = shape
    try:
        spec = ImageInput(
            height=height,
            width=width,
            colour=cast(Literal["gray", "rgb", "bgr"], colour or ("gray", "rgb")[channels == 3]),
            resize=cast(Literal["stretch", "crop", "letterbox"], resize),
            mean=_per_channel(mean, channels, 0.0),
            std=_per_channel(std, channels, 1.0),
        )
        if spec.channels != channels:
            raise ValueError(f"{channels} channels, but colour {spec.colour}")
        contract = ModelMetadata(name=name, task="classify", labels=labels, input=spec)
        # Checks the types too, which the constructor does not.
        return msgspec.convert(msgspec.to_builtins(contract), ModelMetadata)
    except ValueError as error:
        raise UsageError(f"the contract does not hold: {error}") from error


def read_labels(text: str) -> tuple[str, ...]:
    """Read labels from a file with one per line, or from a comma-separated list.

    Examples
    --------
    >>> read_labels("cat, dog")
    ('cat', 'dog')
    """
    path = Path(text)
    if path.suffix == ".txt" or path.is_file():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise MissingFileError(f"no such file of labels: {path}") from error
        except (UnicodeDecodeError, OSError) as error:
            raise MetadataError(f"{path} is not a readable file of labels: {error}") from error
    else:
        lines = text.split(",")
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise MetadataError(f"no labels in {text!r}", hint="give a file, or a list: cat,dog")
    return labels


def _per_channel(values: Sequence[float], channels: int, default: float) -> tuple[float, ...]:
    if not values:
        return (default,) * channels
    return tuple(values) * channels if len(values) == 1 else tuple(values)
