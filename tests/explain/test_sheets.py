"""Sheets are drawn as said: what is where, in which colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.explain.activations import Activation
from edgecnn.explain.kernel_sheet import kernel_sheet
from edgecnn.explain.layer_sheets import all_maps, overview
from edgecnn.explain.palette import AGAINST, FOR, diverging, overlaid, sequential
from edgecnn.explain.sheet import WIDTH, Sheet, enlarged

PALEST = diverging(np.zeros((1, 1)))[0, 0]


def read(png: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape[1:] == (WIDTH, 3)
    # There is a margin all around.
    border = np.concatenate([picture[:8].ravel(), picture[-8:].ravel(), picture[:, :8].ravel()])
    assert (border == 255).all()
    return picture.astype(np.uint8)


def count(picture: NDArray[np.uint8], colour: NDArray[np.uint8] | tuple[int, ...]) -> int:
    return int((picture == np.array(colour, np.uint8)).all(axis=2).sum())


def test_palettes() -> None:
    assert diverging(np.array([[-5.0, 5.0]]))[0].tolist() == [list(AGAINST), list(FOR)]
    bright = sequential(np.array([[0.0, 0.5, 1.0, 9.0]]))[0].sum(axis=1)
    assert bright[0] < bright[1] < bright[2] == bright[3]


def test_overlay_shows_picture_where_there_is_no_evidence() -> None:
    picture = np.full((4, 6, 3), 100, np.uint8)
    values = np.zeros((4, 6))
    values[0, 0], values[0, 1] = 1, -1
    drawn = overlaid(picture, values).astype(int)
    assert (drawn[2:] == 130).all()
    assert drawn[0, 0, 2] > drawn[0, 0, 0] + 60
    assert drawn[0, 1, 0] > drawn[0, 1, 2] + 60


def test_maps_grow_as_squares_and_shrink_to_means() -> None:
    values = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert enlarged(values, 4, 6)[:2, :3].tolist() == [[0, 0, 0]] * 2
    assert enlarged(np.repeat(values, 50, axis=0), 2, 2).tolist() == values.tolist()
    assert enlarged(np.array([[1.0, 3.0]]), 3, 1).tolist() == [[2.0]] * 3


def test_paper_grows() -> None:
    sheet = Sheet("a title")
    sheet.text("far below", 60, 5000)
    picture = read(sheet.png())
    assert 5000 < len(picture) < 5200


def test_text_is_cut_to_its_room() -> None:
    sheet = Sheet("", width=WIDTH)
    sheet.text("a very long name of something " * 9, 100, 200, room=300)
    drawn = np.flatnonzero((read(sheet.png()) < 128).any(axis=(0, 2)))
    assert drawn.min() >= 100
    assert drawn.max() <= 402


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_colour_kernels_have_their_colours(colour: str) -> None:
    weights = np.zeros((1, 3, 3, 3), np.float32)
    weights[0, 0] = 1.0  # the first channel
    picture = read(kernel_sheet(weights, "", colour=colour))  # type: ignore[arg-type]
    first = (128, 128, 255) if colour == "rgb" else (255, 128, 128)
    assert count(picture, first) > 5000


def test_kernels_with_numbers_signs_and_signals() -> None:
    weights = np.array([[[[-1, 0, 1]]]], np.float32)
    picture = read(kernel_sheet(weights, "", colour="gray"))
    assert count(picture, AGAINST) > 500
    assert count(picture, FOR) > 500
    assert count(picture, PALEST) > 500
    read(kernel_sheet(np.ones((16, 2, 9), np.float32), "", colour=None))
    read(kernel_sheet(np.zeros((300, 5, 7, 7), np.float32), "", colour="gray"))


@pytest.mark.parametrize(
    "shape",
    [(6, 28, 28), (1, 1, 1), (500, 7, 7), (3, 2, 40), (32, 300), (1, 5), (1000,), (3,), (1,)],
)
@pytest.mark.parametrize("signed", [False, True])
def test_every_shape_of_layer_is_drawn(shape: tuple[int, ...], signed: bool) -> None:
    values = np.random.default_rng(0).random(shape).astype(np.float32) - 0.5 * signed
    layer = Activation(1, "conv 3×3", values)
    labels = ("a", "b", "c") if shape == (3,) else ()
    whole = read(all_maps(layer, "net", labels))
    assert (whole < 200).any()
    read(overview("net", "", np.zeros((90, 90, 3), np.uint8), [layer], labels))


@pytest.mark.parametrize("values", [np.zeros((4, 5, 5)), np.full((4, 5, 5), -1e30)])
def test_layers_without_any_difference(values: NDArray[np.float64]) -> None:
    layer = Activation(1, "dead", values.astype(np.float32))
    assert layer.extent > 0
    read(all_maps(layer, ""))


def test_many_layers_are_shown_by_some_of_them() -> None:
    layers = [Activation(i + 1, "conv", np.ones((2, 3, 3), np.float32)) for i in range(60)]
    few = read(overview("", "", np.zeros((9, 9, 3), np.uint8), layers))
    assert len(few) < 20 * 120 + 400


def test_one_outlier_does_not_make_all_else_dark() -> None:
    values = np.ones((1, 100, 100), np.float32)
    values[0, 0, 0] = 1e6
    assert Activation(1, "", values).extent == 1
