"""How a picture becomes a network's input."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Positive, PositiveFloat

__all__ = ["ImageInput"]


class ImageInput(Struct, frozen=True, kw_only=True, tag="image", tag_field="kind"):
    """How a picture becomes the network's input tensor.

    The steps, in order: to the colour order, resize by ``resize``, times ``scale``, minus
    ``mean``, divided by ``std``, to the layout. Downscaling averages areas, upscaling is bilinear
    (see :mod:`edgecnn.preprocessing.image`).

    Attributes
    ----------
    height, width : int
        Size of the tensor in pixels. With ``resize = "none"`` any other will do as well, and this
        is the size that the file was compared with PyTorch at and that benchmarks take.
    colour : "gray", "rgb" or "bgr"
        Channel order of the tensor; grey is ITU-R BT.601 luma.
    resize : "stretch", "crop", "letterbox" or "none"
        ``stretch`` ignores the aspect ratio; ``crop`` scales the shorter side to ``shorter_side``
        and cuts the centre; ``letterbox`` fits the whole picture and pads with ``pad_value``;
        ``none`` leaves every picture its own size, which takes a graph whose height and width are
        free.
    shorter_side : int, optional
        For ``crop``: length in pixels that the shorter side is scaled to before the cut
        (default: just covers the tensor).
    align : "centre" or "top-left"
        For ``letterbox``: where the picture lies in the tensor.
    scale, mean, std
        ``(pixel * scale - mean) / std`` with pixels of 0..255; one value per channel, or one for
        all.
    embedded : bool
        The graph itself does all of this: its input is a batch of frames of any size, uint8 BGR,
        shape ``(N, H, W, 3)``.
    """

    name: str = "input"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    height: Positive
    width: Positive
    colour: Literal["gray", "rgb", "bgr"]
    resize: Literal["stretch", "crop", "letterbox", "none"] = "crop"
    shorter_side: Positive | None = None
    interpolation: Literal["area"] = "area"
    pad_value: Annotated[int, Meta(ge=0, le=255)] = 0
    align: Literal["centre", "top-left"] = "centre"
    scale: PositiveFloat = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[PositiveFloat, ...] = (1.0,)
    embedded: bool = False

    def __post_init__(self) -> None:
        """Refuse values that are no numbers, or do not fit each other."""
        for what, values in (("scale", (self.scale,)), ("mean", self.mean), ("std", self.std)):
            if not all(map(math.isfinite, values)):
                raise ValueError(f"{what} is not finite: {', '.join(map(str, values))}")
        for what, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(
                    f"{what} has {len(values)} values for {self.channels} channels ({self.colour})"
                )
        if self.shorter_side is not None and self.shorter_side < max(self.height, self.width):
            raise ValueError(f"shorter_side {self.shorter_side} does not cover the tensor")

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, 3 for colour."""
        return 1 if self.colour == "gray" else 3

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: self.shape}

    @property
    def free_axes(self) -> dict[str, dict[int, str]]:
        """Axes of each of the model's inputs that may have any length, by number, with a name.

        The batch axis, number 0, is free in every model and not listed.
        """
        if self.embedded:
            return {self.name: {1: "height", 2: "width"}}
        if self.resize != "none":
            return {}
        first = 2 if self.layout == "NCHW" else 1
        return {self.name: {first: "height", first + 1: "width"}}

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input without its batch axis, in the tensor's own layout.

        Where the graph itself prepares frames, that of a frame which needs no resizing.
        """
        if self.embedded:
            return (self.height, self.width, 3)
        if self.layout == "NCHW":
            return (self.channels, self.height, self.width)
        return (self.height, self.width, self.channels)
