"""Two kernels whose pictures are compared pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.data.folder import open_folder
from edgecnn.evaluation.compare_pictures import compare_picture_makers
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    models = []
    for name, text in (("same", "0 0 0; 0 1 0; 0 0 0"), ("half", "0 0 0; 0 0.5 0; 0 0 0")):
        assert run(["kernel", text, "-o", str(folder / f"{name}.onnx")]) == 0
        models.append(load_model(folder / f"{name}.onnx", provider="cpu", check=False))
    return models


@pytest.fixture
def photos(tmp_path):
    """Sizes of their own; half of 40 is 20 off, half of 2 is 1 off."""
    for name, level, size in (("a", 40, (20, 30)), ("b", 2, (50, 10)), ("c", 100, (16, 16))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((*size, 3), level, np.uint8))
    return open_folder(tmp_path)


def test_grey_levels_by_hand(kernels, photos):
    found = compare_picture_makers(*kernels, photos)
    pixels = np.array([600, 500, 256])
    assert found.agreement == pytest.approx(500 / pixels.sum())
    assert found.outputs.max_abs == 50
    assert found.outputs.mean_abs == pytest.approx((pixels @ [20, 1, 50]) / pixels.sum())
    assert [one.index for one in found.worst] == [2, 0, 1]
    assert found.worst[0].second == "50.00 levels off on average, 50 at most"
    assert found.first is None


def test_the_same_kernel(kernels, photos):
    found = compare_picture_makers(kernels[0], kernels[0], photos, limit=2)
    assert (found.agreement, found.n, found.worst) == (1, 2, ())
    assert found.outputs.sqnr_db is None
