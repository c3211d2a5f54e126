"""The small YOLO; what all detectors must do is in test_detectors.py."""

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models import create_model


def test_its_file_is_small_enough_to_bundle():
    assert 4 * 469_023 < 2_000_000


def test_any_size_of_picture_will_do():
    model = create_model("yolo-small", widths=[8, 8, 8, 8], depths=[1, 1]).eval()
    assert model(torch.zeros(1, 3, 32, 80)).shape == (1, 2, 5, 15)


def test_fresh_it_finds_nothing():
    torch.manual_seed(0)
    model = create_model("yolo-small").eval()
    cells = torch.sigmoid(model(torch.randn(2, 3, 160, 160)))
    assert cells[..., 4].max() < 0.2


def test_wrong_widths_are_named():
    with pytest.raises(UsageError, match=r"widths=\[8, 8\]"):
        create_model("yolo-small", widths=[8, 8])
