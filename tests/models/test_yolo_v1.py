"""YOLO v1 against its paper; what all detectors must do is in test_detectors.py."""

import pytest
import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models import create_model


def test_the_layers_are_the_papers():
    with torch.device("meta"):
        model = create_model("yolo-v1")
    kinds = [type(module) for module in model.modules()]
    assert kinds.count(nn.Conv2d) == 24
    assert kinds.count(nn.Linear) == 2
    assert kinds.count(nn.MaxPool2d) == 4
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [m.stride[0] for m in convolutions].count(2) == 2
    assert [(m.kernel_size[0], m.out_channels) for m in convolutions[-4:]] == [(3, 1024)] * 4


def test_a_size_that_is_no_multiple_of_a_cell_is_named():
    with pytest.raises(UsageError, match="size=100×100"):
        create_model("yolo-v1", size=100)
