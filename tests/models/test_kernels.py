"""Kernels as networks: the worked examples of a lecture, and OpenCV's filter2D."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn.errors import UsageError
from edgecnn.models.kernels import KERNELS, image_kernel, parse_kernel

#: What OpenCV calls the borders; ``none`` is any of them with the edge cut off.
OPENCV_BORDER = {
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "zero": cv2.BORDER_CONSTANT,
}

#: A binary picture of 5 by 5 and one of 6 by 6 with an edge down the middle.
FIVE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
SIX = [[10, 10, 10, 0, 0, 0]] * 6
OTHER_SIX = [
    [3, 0, 1, 2, 7, 4],
    [1, 5, 8, 9, 3, 1],
    [2, 7, 2, 5, 1, 3],
    [0, 1, 3, 1, 7, 8],
    [4, 2, 1, 6, 2, 8],
    [2, 4, 5, 2, 3, 9],
]
DIAGONAL = "1 0 1; 0 1 0; 1 0 1"
VERTICAL = "1 0 -1; 1 0 -1; 1 0 -1"


def slide(values: object, kernel: str, *, border: str = "none", stride: int = 1) -> list[object]:
    """Run one channel through a kernel's network."""
    picture = torch.tensor(values, dtype=torch.float32)
    picture = picture.reshape(1, 1, *(picture.shape if picture.ndim == 2 else (1, -1)))
    network = image_kernel(kernel=kernel, channels=1, border=border, stride=stride)
    with torch.no_grad():
        result: list[object] = network(picture)[0, 0].int().tolist()
    return result


def test_one_dimension() -> None:
    assert slide([0, 0, 0, 0, 1, 2, 3, 3], "-1 1") == [[0, 0, 0, 1, 1, 1, 0]]


def test_five_by_five_valid() -> None:
    assert slide(FIVE, DIAGONAL) == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_five_by_five_same() -> None:
    padded = slide(FIVE, DIAGONAL, border="zero")
    assert padded == [
        [2, 2, 3, 1, 1],
        [1, 4, 3, 4, 1],
        [1, 2, 4, 3, 3],
        [1, 2, 3, 4, 1],
        [0, 2, 2, 1, 1],
    ]
    assert [row[1:4] for row in padded[1:4]] == slide(FIVE, DIAGONAL)  # type: ignore[index]


def test_five_by_five_stride() -> None:
    assert slide(FIVE, DIAGONAL, stride=2) == [[4, 4], [2, 4]]
    assert slide(FIVE, DIAGONAL, border="zero", stride=2) == [[2, 3, 1], [1, 4, 3], [0, 2, 1]]


def test_six_by_six_edge() -> None:
    assert slide(SIX, VERTICAL) == [[0, 30, 30, 0]] * 4
    assert slide([row[::-1] for row in SIX], VERTICAL) == [[0, -30, -30, 0]] * 4


def test_six_by_six_valid() -> None:
    assert slide(OTHER_SIX, VERTICAL) == [
        [-5, -4, 0, 8],
        [-10, -2, 2, 3],
        [0, -2, -4, -7],
        [-3, -2, -3, -16],
    ]


def test_six_by_six_same_keeps_the_size() -> None:
    padded = np.array(slide(OTHER_SIX, VERTICAL, border="zero"))
    assert padded.shape == (6, 6)
    assert padded[1:5, 1:5].tolist() == slide(OTHER_SIX, VERTICAL)
    # Beyond the corner are zeros: 0 + 0 + 0 - (0 + 0 + 5).
    assert padded[0, 0] == -5


@pytest.mark.parametrize("border", ["zero", "none"])
@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(7, 20), st.integers(7, 20)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.integers(1, 4),
)
def test_output_size(
    border: str, size: tuple[int, int], kernel: tuple[int, int], stride: int
) -> None:
    """The lecture's rule, O = 1 + (padding + I - K) / S, with padding K - 1 for `same`."""
    text = ";".join(" ".join(["1"] * kernel[1]) for _ in range(kernel[0]))
    network = image_kernel(kernel=text, channels=1, border=border, stride=stride)
    shape = network(torch.zeros(1, 1, *size)).shape[2:]
    for found, side, wide in zip(shape, size, kernel, strict=True):
        padding = wide - 1 if border == "zero" else 0
        assert found == 1 + (padding + side - wide) // stride


def filtered_by_opencv(
    picture: NDArray[np.uint8], matrix: NDArray[np.float32], border: str, offset: float
) -> NDArray[np.uint8]:
    if border == "none":
        height, width = matrix.shape
        whole = cv2.filter2D(picture, -1, matrix, delta=offset)
        bottom = picture.shape[0] - (height - 1 - height // 2)
        right = picture.shape[1] - (width - 1 - width // 2)
        return whole[height // 2 : bottom, width // 2 : right].astype(np.uint8)
    flag = OPENCV_BORDER[border]
    return cv2.filter2D(picture, -1, matrix, delta=offset, borderType=flag).astype(np.uint8)


@pytest.mark.parametrize("border", ["reflect", "replicate", "zero", "none"])
@pytest.mark.parametrize(
    "text",
    [
        *KERNELS,
        "-1 1",
        "1; -1",
        "0.25 0.25; 0.25 0.25",
        "1 2 3 4; 5 6 7 8",
        "1/3 -2/3 1/3 1; 0 0 0 0",
    ],
)
def test_equal_to_filter2d(text: str, border: str) -> None:
    """Within a grey level, borders and kernels of even size included."""
    kernel = parse_kernel(text)
    matrix = np.array(kernel.matrix, np.float32)
    picture = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    network = image_kernel(kernel=text, border=border)
    with torch.no_grad():
        tensor = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
        levels = network(tensor)[0].permute(1, 2, 0).numpy() + kernel.offset
    ours = np.clip(np.rint(levels), 0, 255)
    theirs = filtered_by_opencv(picture, matrix, border, kernel.offset)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs.astype(np.float32)).max() <= 1
    # And a border is one: another gives another picture.
    if border == "zero" and text == "box-blur":
        assert np.abs(ours - cv2.filter2D(picture, -1, matrix)).max() > 1


@pytest.mark.parametrize("name", KERNELS)
def test_sum_of_weights_is_one_or_zero(name: str) -> None:
    """Brightness is kept, or plain areas become nothing (shown as the offset)."""
    total = float(np.sum(KERNELS[name].matrix))
    zero = name in ("laplacian", "edges", "sobel-x", "sobel-y")
    assert total == pytest.approx(0.0 if zero else 1.0, abs=1e-12)
    assert KERNELS[name].name == name


def test_parameters_and_meta_device() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in image_kernel(kernel="unsharp").parameters()) == 75


def test_gradient_reaches_the_weights() -> None:
    """A kernel can be where training starts from."""
    network = image_kernel(kernel="identity", channels=1)
    network(torch.ones(1, 1, 4, 4)).sum().backward()
    assert network.weight.grad is not None
    assert network.weight.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharpn", "no kernel named 'sharpn'"),
        ("", "no kernel named ''"),
        ("1 2; 3", "row 2 of the kernel has 1 numbers, row 1 has 2"),
        ("1 2;; 3 4", "row 2 of the kernel has 0 numbers"),
        ("1 x; 3 4", "row 1 of the kernel: 'x' is no number"),
        ("1 1/0", "row 1 of the kernel: '1/0' is no number"),
        ("1 nan", "row 1 of the kernel: 'nan' is no number"),
        ("1 1e999", "row 1 of the kernel: '1e999' is no number"),
        ("1 1e39", "row 1 of the kernel: 1e39 is too large"),
        (" ".join(["1"] * 16), "a kernel of 1 by 16"),
    ],
)
def test_kernels_that_are_none(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        image_kernel(kernel=text)
    assert message in caught.value.message


def test_matrix_as_people_write_it() -> None:
    expected = ((0.0, -1.0), (0.5, 0.25))
    for text in ("0 -1; 1/2 1/4", "0,-1;0.5,.25", " 0, -1 ;\n 5e-1 2/8 ; "):
        assert parse_kernel(text).matrix == expected


@pytest.mark.parametrize("arguments", [{"border": "wrap"}, {"channels": 0}, {"stride": 0}], ids=str)
def test_arguments_that_do_not_hold(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        image_kernel(**arguments)  # type: ignore[arg-type]
