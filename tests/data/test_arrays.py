from __future__ import annotations

import hashlib

import numpy as np

from edgecnn.data.arrays import PictureArray, combined_sha256
from edgecnn.data.dataset import DatasetInfo
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.image import image_tensor


def test_inputs_are_the_devices_own_preprocessing() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
    info = DatasetInfo("x", "all", ("a",), "", "", "")
    spec = ImageInput(height=16, width=16, colour="rgb", mean=(0.5,) * 3, std=(0.2,) * 3)
    tensors = PictureArray(info, pictures, None).inputs(spec, np.array([2, 0]))
    np.testing.assert_array_equal(tensors["input"][0], image_tensor(pictures[2], spec))
    np.testing.assert_array_equal(tensors["input"][1], image_tensor(pictures[0], spec))


def test_combined_hash_depends_on_order() -> None:
    assert combined_sha256(["a", "b"]) == hashlib.sha256(b"ab").hexdigest()
    assert combined_sha256(["a", "b"]) != combined_sha256(["b", "a"])
