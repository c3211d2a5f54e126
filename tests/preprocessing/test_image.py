"""Pictures to tensors: sizes against a float64 reference, geometry, colours, layouts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn.errors import ImageError
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.image import (
    as_bgr,
    fit_image,
    image_batch,
    image_tensor,
    resize_area,
)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def area_weights(source: int, target: int) -> NDArray[np.float64]:
    """Share that each source pixel has in each target pixel, shape ``(target, source)``."""
    edges = np.arange(target + 1) * (source / target)
    left, right = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)
    overlap = np.minimum(right, pixel + 1) - np.maximum(left, pixel)
    return np.clip(overlap, 0, None) / (source / target)


def bilinear_weights(source: int, target: int) -> NDArray[np.float64]:
    """Weights of linear interpolation between pixel centres, ends repeated."""
    centre = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    return np.clip(1 - np.abs(centre[:, None] - np.arange(source)), 0, None)


def reference(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    """Resize in float64: areas where an axis shrinks, bilinear where it grows."""
    rows, columns = (
        area_weights(source, target) if target < source else bilinear_weights(source, target)
        for source, target in zip(image.shape[:2], (height, width), strict=True)
    )
    narrowed = np.tensordot(image.astype(np.float64), columns, axes=(1, 1))
    # Axes now: rows, (channels,) columns.
    return np.moveaxis(np.tensordot(rows, narrowed, axes=(1, 0)), -1, 1)


def test_whole_blocks_average_exactly() -> None:
    image = noise(480, 640, 3)
    blocks = image.reshape(48, 10, 64, 10, 3).astype(np.float64).mean(axis=(1, 3))
    np.testing.assert_allclose(resize_area(image, 48, 64), blocks, atol=0.501)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((480, 640), (28, 28)),
        ((480, 640), (224, 224)),
        ((1080, 1920), (96, 96)),
        ((33, 57), (32, 32)),
        ((30, 30), (29, 7)),
    ],
)
def test_downscaling_is_within_one_level_of_the_area_average(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    image = noise(*source)
    ours = resize_area(image, *target)
    assert np.abs(ours - reference(image, *target)).max() <= 1.0


def test_plain_bilinear_downscaling_is_off_by_tens_of_levels() -> None:
    """Why the contract says area: this is what a camera frame would suffer otherwise."""
    image = noise(480, 640)
    plain = cv2.resize(image, (224, 224), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    error = np.abs(plain - reference(image, 224, 224))
    assert error.mean() > 20
    assert np.abs(resize_area(image, 224, 224) - reference(image, 224, 224)).mean() < 0.5


@pytest.mark.parametrize("target", [(56, 84), (29, 30), (100, 28)])
def test_upscaling_is_bilinear(target: tuple[int, int]) -> None:
    image = noise(28, 28)
    assert np.abs(resize_area(image, *target) - reference(image, *target)).max() <= 1.0


@pytest.mark.parametrize("target", [(24, 200), (200, 24)])
def test_each_axis_has_its_own_rule(target: tuple[int, int]) -> None:
    """OpenCV's INTER_AREA alone repeats pixels on an axis that grows."""
    image = noise(100, 100)
    # Two roundings: after the shrinking and after the growing.
    assert np.abs(resize_area(image, *target) - reference(image, *target)).max() <= 1.5
    plain = cv2.resize(image, target[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(plain - reference(image, *target)).max() > 10


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40),
    st.sampled_from([(), (3,)]),
)  # fmt: skip
@settings(max_examples=60)
def test_any_size_to_any_size(
    height: int, width: int, new_height: int, new_width: int, channels: tuple[int, ...]
) -> None:
    image = noise(height, width, *channels)
    resized = resize_area(image, new_height, new_width)
    assert resized.shape == (new_height, new_width, *channels)
    assert np.abs(resized - reference(image, new_height, new_width)).max() <= 1.5


def test_same_size_is_untouched() -> None:
    image = noise(28, 28)
    assert resize_area(image, 28, 28) is image


def test_flat_stays_flat() -> None:
    for value in (0, 1, 127, 254, 255):
        image = np.full((333, 517), value, np.uint8)
        for size in ((28, 28), (28, 600), (400, 600)):
            assert (resize_area(image, *size) == value).all()


SPEC_RGB = {"colour": "rgb", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def marked(height: int, width: int) -> NDArray[np.uint8]:
    """A picture whose rows and columns can be read off its pixels: (column, row, 0)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.arange(width)
    picture[..., 1] = np.arange(height)[:, None]
    return picture


def test_crop_without_shorter_side_covers_the_tensor() -> None:
    spec = ImageInput(height=50, width=50, colour="bgr", mean=(0,) * 3, std=(1,) * 3)
    cut = fit_image(marked(100, 200), spec)
    # The centre 100 x 100, halved: pixels average columns 50 and 51, rows 0 and 1, ...
    assert cut[0, 0, :2].tolist() == [50, 0] or cut[0, 0, :2].tolist() == [51, 1]
    assert cut[-1, -1, :2].tolist() in ([148, 98], [149, 99])


def test_crop_with_shorter_side_is_the_usual_centre_crop() -> None:
    """Shorter side to 256, centre 224: against resizing the whole picture in float64."""
    image = cv2.GaussianBlur(noise(480, 640, 3), (0, 0), 4)
    spec = ImageInput(height=224, width=224, shorter_side=256, **SPEC_RGB)
    ours = fit_image(image, spec).astype(np.float64)
    whole = reference(image[..., ::-1], 256, round(640 * 256 / 480))
    top, left = (256 - 224) // 2, (whole.shape[1] - 224) // 2
    usual = whole[top : top + 224, left : left + 224]
    # The cut is made in the source's pixels, so it may lie up to half a pixel beside.
    assert np.abs(ours - usual).mean() < 2
    shifted = whole[top + 3 : top + 227, left : left + 224]
    assert np.abs(ours - shifted).mean() > np.abs(ours - usual).mean() * 1.5


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (101, 999), (28, 28)])
def test_crop_keeps_the_aspect_ratio_and_the_centre(height: int, width: int) -> None:
    """A disc in the centre stays a disc in the centre."""
    image = np.zeros((height, width, 3), np.uint8)
    radius = min(height, width) // 4
    cv2.circle(image, (width // 2, height // 2), radius, (255, 255, 255), -1)
    cut = fit_image(image, ImageInput(height=56, width=56, colour="gray")) > 127
    rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
    assert abs(len(rows) - len(columns)) <= 1
    assert abs(len(rows) - 28) <= 2
    assert abs(rows.mean() - 27.5) <= 1
    assert abs(columns.mean() - 27.5) <= 1


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (10, 1000), (416, 416)])
def test_letterbox_fits_the_whole_picture(height: int, width: int) -> None:
    spec = ImageInput(
        height=416, width=416, colour="bgr", resize="letterbox", pad_value=114,
        mean=(0,) * 3, std=(1,) * 3,
    )  # fmt: skip
    picture = np.full((height, width, 3), 7, np.uint8)
    boxed = fit_image(picture, spec)
    assert boxed.shape == (416, 416, 3)
    inside = (boxed == 7).all(axis=2)
    assert ((boxed == 114).all(axis=2) | inside).all()
    scale = min(416 / height, 416 / width)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (len(rows), len(columns)) == (round(height * scale), round(width * scale))
    assert rows[0] == (416 - len(rows)) // 2
    assert columns[0] == (416 - len(columns)) // 2


def test_stretch_ignores_the_aspect_ratio() -> None:
    image = noise(100, 300, 3)
    spec = ImageInput(
        height=20, width=20, colour="bgr", resize="stretch", mean=(0,) * 3, std=(1,) * 3
    )
    assert np.abs(fit_image(image, spec) - reference(image, 20, 20)).max() <= 1.0


def test_grey_is_bt601_luma() -> None:
    pixels = noise(8, 8, 3)
    blue, green, red = np.moveaxis(pixels.astype(np.float64), 2, 0)
    luma = 0.114 * blue + 0.587 * green + 0.299 * red
    grey = fit_image(pixels, ImageInput(height=8, width=8, colour="gray"))
    assert np.abs(grey - luma).max() <= 1.0


def test_colour_order_and_normalisation() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[...] = (10, 20, 30)  # blue, green, red
    rgb = image_tensor(picture, ImageInput(height=2, width=2, **SPEC_RGB))
    expected = [(30 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225]
    np.testing.assert_allclose(rgb[:, 0, 0], expected, rtol=1e-5)
    raw = ImageInput(height=2, width=2, colour="bgr", scale=1.0, mean=(0,) * 3, std=(1,) * 3)
    assert image_tensor(picture, raw)[:, 1, 1].tolist() == [10, 20, 30]


@pytest.mark.parametrize(("mean", "std"), [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_one_value_stands_for_all_channels(mean: int, std: int) -> None:
    image = noise(6, 6, 3)
    spec = ImageInput(height=6, width=6, colour="rgb", mean=(0.4,) * mean, std=(0.2,) * std)
    formula = (image[..., ::-1].astype(np.float32) * np.float32(spec.scale) - np.float32(0.4)) / (
        np.float32(0.2)
    )
    np.testing.assert_array_equal(image_tensor(image, spec), formula.transpose(2, 0, 1))


def test_layouts_hold_the_same_numbers() -> None:
    image = noise(9, 11, 3)
    nchw = image_tensor(image, ImageInput(height=4, width=5, **SPEC_RGB))
    nhwc = image_tensor(image, ImageInput(height=4, width=5, layout="NHWC", **SPEC_RGB))
    assert nchw.shape == (3, 4, 5)
    assert nhwc.shape == (4, 5, 3)
    np.testing.assert_array_equal(nchw.transpose(1, 2, 0), nhwc)
    assert nchw.dtype == np.float32
    assert nchw.flags.c_contiguous


def test_batch_stacks_and_may_be_empty() -> None:
    spec = ImageInput(height=4, width=4, colour="gray")
    images = [noise(9, 9, seed=seed) for seed in range(3)]
    batch = image_batch(images, spec)
    assert batch.shape == (3, 1, 4, 4)
    for row, image in zip(batch, images, strict=True):
        np.testing.assert_array_equal(row, image_tensor(image, spec))
    assert image_batch([], spec).shape == (0, 1, 4, 4)


def test_sixteen_bits_round() -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], np.uint16)
    expected = np.rint(values[0] / 257)
    assert as_bgr(values)[0, :, 0].tolist() == expected.tolist()


def test_alpha_is_dropped_over_black() -> None:
    pixel = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 50, 128]]], np.uint8)
    assert as_bgr(pixel)[0].tolist() == [[0, 0, 0], [200, 100, 50], [100, 50, 25]]


def test_sixteen_bit_alpha() -> None:
    pixel = np.array([[[65535, 0, 32896, 32896]]], np.uint16)
    assert as_bgr(pixel)[0, 0].tolist() == [128, 0, 64]


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_is_repeated(shape: tuple[int, ...]) -> None:
    image = noise(*shape)
    bgr = as_bgr(image)
    assert bgr.shape == (4, 5, 3)
    for channel in range(3):
        np.testing.assert_array_equal(bgr[..., channel], image.reshape(4, 5))


def test_masks_are_black_and_white() -> None:
    assert as_bgr(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]


def test_views_and_strides_do_not_matter() -> None:
    image = noise(40, 60, 3)
    spec = ImageInput(height=7, width=7, **SPEC_RGB)
    flipped = image[::-1, ::-1]
    np.testing.assert_array_equal(image_tensor(flipped, spec), image_tensor(flipped.copy(), spec))


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 5), np.uint8), np.zeros(5, np.uint8), np.zeros((2, 2, 2), np.uint8),
     np.zeros((2, 2, 5), np.uint8), np.zeros((2, 2, 3, 1), np.uint8),
     np.zeros((2, 2)), np.zeros((2, 2), np.int32)],
    ids=lambda array: f"{array.dtype}{array.shape}",
)  # fmt: skip
def test_what_is_no_picture_is_refused(array: NDArray[np.generic]) -> None:
    with pytest.raises(ImageError):
        as_bgr(array)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("colour", ["gray", "rgb", "bgr"])
def test_none_leaves_every_picture_its_size(colour: str, layout: str) -> None:
    spec = ImageInput(height=480, width=640, colour=colour, layout=layout, resize="none", scale=1.0)  # type: ignore[arg-type]
    for height, width in ((3, 5), (70, 40)):
        image = noise(height, width, 3)
        tensor = image_tensor(image, spec)
        if layout == "NCHW":
            tensor = tensor.transpose(1, 2, 0)
        wanted = {
            "gray": cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None],
            "rgb": image[..., ::-1],
            "bgr": image,
        }[colour]
        np.testing.assert_array_equal(tensor, wanted)


def test_pictures_of_different_sizes_are_no_batch() -> None:
    spec = ImageInput(height=8, width=8, colour="gray", resize="none")
    assert image_batch([noise(5, 6), noise(5, 6)], spec).shape == (2, 1, 5, 6)
    with pytest.raises(ImageError, match="different sizes"):
        image_batch([noise(5, 6), noise(6, 5)], spec)
