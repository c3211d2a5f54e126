"""Small pictures of tensors, looked at pixel by pixel."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgecnn.metadata import ImageInput
from edgecnn.training.page.sheets import colour_maps, input_picture, keep_maps, weight_sheet

RED, BLUE = (43, 39, 193), (178, 98, 33)


def pixels(uri: str) -> NDArray[np.uint8]:
    kind, _, text = uri.partition(";base64,")
    assert kind == "data:image/png"
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return np.asarray(decoded, dtype=np.uint8)


def test_maps_lie_side_by_side_with_gaps_between() -> None:
    output = torch.zeros(2, 10, 4, 6)
    output[1, 9, 2, 3] = 5.0
    maps = keep_maps(output)
    assert maps is not None
    assert (maps.form, maps.shape, maps.low, maps.high) == ("tiles", (10, 4, 6), 0.0, 5.0)
    first, second = (pixels(uri) for uri in colour_maps(maps))
    # Eight in a row, one pixel apart.
    assert first.shape == second.shape == (2 * 5 - 1, 8 * 7 - 1, 4)
    assert second[5 + 2, 7 + 3].tolist() != second[0, 0].tolist()
    changed = (first != second).any(axis=2)
    assert changed.sum() == 1
    assert first[4, :, 3].max() == 0
    assert first[5:, 14:, 3].max() == 0


def test_large_maps_are_made_small_and_many_are_cut() -> None:
    maps = keep_maps(torch.rand(3, 100, 224, 150))
    assert maps is not None
    assert maps.values.shape == (3, 16, 32, 32)
    assert maps.shown == "16 of 100 maps"
    assert maps.shape == (100, 224, 150)


@pytest.mark.parametrize(
    ("shape", "form", "drawn"),
    [
        ((2, 10), "strip", (1, 10)),
        ((2, 120), "strip", (5, 27)),
        ((2, 64, 1, 1), "strip", (4, 20)),
        ((2, 5, 1), "strip", (1, 5)),
        ((2, 8, 300), "heat", (8, 128)),
        ((2, 64, 50), "heat", (32, 50)),
        ((2, 1, 3, 3), "tiles", (3, 3)),
    ],
)
def test_forms(shape: tuple[int, ...], form: str, drawn: tuple[int, int]) -> None:
    maps = keep_maps(torch.rand(shape))
    assert maps is not None
    assert maps.form == form
    assert {pixels(uri).shape[:2] for uri in colour_maps(maps)} == {drawn}


def test_recurrent_layers_have_time_to_the_right() -> None:
    maps = keep_maps(torch.rand(2, 40, 7), time_first=True)
    assert maps is not None
    assert maps.shape == (7, 40)


@pytest.mark.parametrize("output", [torch.zeros(3), torch.zeros(2, 0), torch.zeros(2, 3).long()])
def test_what_has_no_picture(output: torch.Tensor) -> None:
    assert keep_maps(output) is None


def test_signs_are_colours_and_zero_is_pale() -> None:
    maps = keep_maps(torch.tensor([[-1.0, 0.0, 1.0]]))
    assert maps is not None
    (strip,) = (pixels(uri) for uri in colour_maps(maps))
    assert strip[0, 0, :3].tolist() == list(BLUE)
    assert strip[0, 1, :3].min() > 240
    assert strip[0, 2, :3].tolist() == list(RED)


def test_values_that_are_no_numbers_are_drawn_as_nothing() -> None:
    broken = torch.tensor([[float("nan"), float("inf"), -float("inf"), 1.0]])
    maps = keep_maps(broken)
    assert maps is not None
    colour_maps(maps)
    weight_sheet(broken)
    weight_sheet(broken.reshape(1, 1, 2, 2))


def test_kernels_of_grey_pictures() -> None:
    kernels = torch.zeros(6, 1, 5, 5)
    kernels[2, 0, 1, 4] = -0.3
    form, shown, picture = weight_sheet(kernels)
    sheet = pixels(picture)
    assert (form, shown, sheet.shape) == ("tiles", "", (5, 6 * 6 - 1, 4))
    assert sheet[1, 2 * 6 + 4, :3].tolist() == list(BLUE)
    assert sheet[0, 0, :3].min() > 240


def test_kernels_of_coloured_pictures_are_coloured() -> None:
    kernels = torch.zeros(20, 3, 3, 3)
    kernels[0, 0, 0, 0] = 1.0
    kernels[1, 2, 1, 1] = -1.0
    _, shown, picture = weight_sheet(kernels)
    sheet = pixels(picture)
    assert shown == "16 of 20 kernels"
    # Red is the first of a network's channels and the last of a picture's.
    assert sheet[0, 0, :3].tolist() == [128, 128, 255]
    assert sheet[1, 4 + 1, :3].tolist() == [0, 128, 128]


def test_kernels_of_maps_are_a_table() -> None:
    form, shown, picture = weight_sheet(torch.rand(64, 32, 3, 3))
    assert (form, shown) == ("tiles", "8 × 8 of 64 × 32 kernels")
    assert pixels(picture).shape[:2] == (8 * 4 - 1, 8 * 4 - 1)
    assert weight_sheet(torch.rand(4, 6, 3, 3))[1] == ""


@pytest.mark.parametrize(
    ("shape", "shown", "drawn"),
    [
        ((10, 84), "", (10, 84)),
        ((120, 400), "32 × 128 of 120 × 400", (32, 128)),
        ((16, 8, 1, 1), "", (16, 8)),
        ((16, 2, 9), "", (16, 18)),
    ],
)
def test_matrices(shape: tuple[int, ...], shown: str, drawn: tuple[int, int]) -> None:
    form, told, picture = weight_sheet(torch.randn(shape))
    assert (form, told, pixels(picture).shape[:2]) == ("heat", shown, drawn)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("colour", ["gray", "rgb", "bgr"])
def test_preprocessing_is_undone(layout: str, colour: str) -> None:
    from edgecnn.preprocessing.image import image_tensor

    spec = ImageInput(
        height=8, width=12, colour=colour, layout=layout, mean=(0.3,), std=(0.2,), resize="stretch"
    )  # type: ignore[arg-type]
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    shown = pixels(input_picture(image_tensor(picture, spec), spec))
    wanted = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if colour == "gray" else picture
    assert np.abs(shown.astype(int) - wanted).max() <= 1


def test_a_large_input_is_made_small() -> None:
    spec = ImageInput(height=224, width=448, colour="rgb")
    assert pixels(input_picture(np.zeros((3, 224, 448), np.float32), spec)).shape == (56, 112, 3)
