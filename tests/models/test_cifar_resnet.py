from __future__ import annotations

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models.cifar_resnet import resnet9


def test_widths_and_depth() -> None:
    model = resnet9(classes=5, channels=1, widths=[8, 16, 24, 32])
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 9
    assert model(torch.zeros(2, 1, 48, 64)).shape == (2, 5)


@pytest.mark.parametrize("widths", [[8, 16, 24], [8, 16, 24, 0]])
def test_bad_widths(widths: list[int]) -> None:
    with pytest.raises(UsageError, match="widths"):
        resnet9(widths=widths)
