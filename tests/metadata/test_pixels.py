"""What a file says of the pictures that it reads as they are, and of those that it makes."""

from __future__ import annotations

import pytest

from edgecnn.errors import MetadataError
from edgecnn.metadata import ImageInput, ModelMetadata, Output, Pixels, decode_metadata, encode

ANY = ImageInput(height=480, width=640, colour="bgr", resize="none", scale=1.0)
REPAINTS = ModelMetadata(
    name="sobel",
    task="image-to-image",
    input=ANY,
    output=Output(pixels=Pixels(colour="bgr", scale=0.25, offset=128.0)),
)


def test_round_trip() -> None:
    assert decode_metadata(encode(REPAINTS)) == REPAINTS


def test_channels() -> None:
    assert [Pixels(colour=colour).channels for colour in ("gray", "rgb", "bgr")] == [1, 3, 3]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layout", "axes"),
    [("NCHW", {2: "height", 3: "width"}), ("NHWC", {1: "height", 2: "width"})],
)
def test_pictures_as_they_are_take_free_axes(layout: str, axes: dict[int, str]) -> None:
    spec = ImageInput(height=4, width=5, colour="rgb", layout=layout, resize="none")  # type: ignore[arg-type]
    assert spec.free_axes == {"input": axes}
    assert ImageInput(height=4, width=5, colour="rgb").free_axes == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"scale":0.25', '"scale":0', "scale"),
        ('"scale":0.25', '"scale":-1', "scale"),
        ('"offset":128.0', '"offset":"128"', "offset"),
        ('"offset":128.0', '"offset":1e999', "out of range"),
        ('"colour":"bgr","scale":0.25', '"colour":"hsv","scale":0.25', "colour"),
    ],
)
def test_values_that_do_not_hold(old: str, new: str, message: str) -> None:
    text = encode(REPAINTS)
    assert old in text
    with pytest.raises(MetadataError, match=message):
        decode_metadata(text.replace(old, new))


@pytest.mark.parametrize("name", ["scale", "offset"])
def test_values_that_are_no_numbers(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not finite"):
        Pixels(colour="gray", **{name: float("inf")})
