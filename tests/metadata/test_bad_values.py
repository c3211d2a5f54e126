from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from edgecnn.metadata import describe_bad_value


class Camera(Struct, kw_only=True, tag="camera", tag_field="kind"):
    colour: Literal["red", "blue"] = "red"
    height: Annotated[int, Meta(ge=1)] | None = None
    mean: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.mean) > 3:
            raise ValueError("too many means")


class Radio(Struct, kw_only=True, tag="radio", tag_field="kind"):
    colour: Literal["FM", "AM"]
    on: bool = False


class Machine(Struct, kw_only=True):
    name: str
    reads: Camera | Radio
    knobs: dict[str, int] = {}


def camera(**values: Any) -> dict[str, Any]:
    return {"name": "x", "reads": {"kind": "camera", **values}}


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        (camera(colour="FM"), "reads.colour cannot be 'FM'", "there are: blue, red"),
        (camera(height=0), "reads.height is 0: expected a whole number >= 1", None),
        (camera(height="x"), "reads.height is 'x': expected a whole number", None),
        (camera(mean=[1, "x"]), "reads.mean is 'x': expected a number", None),
        (camera(mean=3), "reads.mean is 3: expected a list", None),
        (camera(mean=[1, 2, 3, 4]), "reads: too many means", None),
        (camera(kind="tv"), "reads.kind cannot be 'tv'", "there are: camera, radio"),
        ({"name": "x", "reads": {}}, "reads.kind is missing", "there are: camera, radio"),
        ({"name": "x", "reads": {"kind": "radio"}}, "reads.colour is missing", "AM, FM"),
        (camera() | {"knobs": {"a": "b"}}, "knobs: expected a whole number", None),
        (camera() | {"name": 3}, "name is 3: expected a text", None),
        ({"name": "x"}, "reads is missing", None),
        (3, "expected a table", None),
    ],
)
def test_the_place_and_what_can_stand_there_are_told(
    raw: Any, message: str, hint: str | None
) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, Machine)
    told = describe_bad_value(caught.value, raw, Machine)
    assert told[0] == message
    assert told[1] is None if hint is None else hint in str(told[1])
