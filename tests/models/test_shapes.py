from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from edgecnn.errors import ShapeError
from edgecnn.models.shapes import checked_shapes, output_length, output_size, shape_behind

count = st.integers(1, 8)


@given(length=st.integers(1, 60), kernel=count, stride=count, padding=count, dilation=count)
@settings(max_examples=300, deadline=None)
def test_convolutions_have_the_predicted_length(
    length: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    predicted = output_length(length, kernel, stride=stride, padding=padding, dilation=dilation)
    layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation, device="meta")
    x = torch.zeros(1, 1, length, device="meta")
    if predicted < 1:
        with pytest.raises(RuntimeError):
            layer(x)
    else:
        assert layer(x).shape[2] == predicted


@given(st.integers(1, 60), count, count, st.integers(0, 4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_poolings_have_the_predicted_length(
    length: int, kernel: int, stride: int, padding: int, ceil: bool
) -> None:
    assume(padding <= kernel // 2)
    predicted = output_length(length, kernel, stride=stride, padding=padding, ceil=ceil)
    layer = nn.MaxPool1d(kernel, stride, padding, ceil_mode=ceil)
    x = torch.zeros(1, 1, length, device="meta")
    if predicted < 1:
        with pytest.raises(RuntimeError):
            layer(x)
    else:
        assert layer(x).shape[2] == predicted


def test_an_input_that_is_too_small() -> None:
    with pytest.raises(ShapeError, match=r"^conv 5 gives -2x-2: input too small$") as error:
        output_size((2, 2), 5, layer="conv")
    assert error.value.hint == "it gets 2x2"
    with pytest.raises(ShapeError, match=r"^pool 3x2 gives 0x4: input too small$"):
        output_size((1, 8), (3, 2), stride=2, layer="pool")


def test_shapes_behind_layers_of_one_and_two_axes() -> None:
    signal = [nn.ConstantPad1d((2, 3), 0.0), nn.Conv1d(1, 4, 6), nn.ReLU(), nn.MaxPool1d(2, 3)]
    assert shape_behind(signal, (1, 20)) == (4, 7)
    assert shape_behind([nn.Conv2d(3, 8, 3, padding="same")], (3, 5, 9)) == (8, 5, 9)
    with pytest.raises(ShapeError, match="conv takes 1 channels, not 2"):
        shape_behind(signal, (2, 20))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 4, 4), r"^1\.0: pool 3 gives 0x0: input too small$"),
        ((2, 9, 9), r"^0: conv takes 3 channels, not 2$"),
        ((3, 20, 20), r"^3: fc takes 4 values, not 144$"),
    ],
)
def test_the_layer_is_named(shape: tuple[int, ...], message: str) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Sequential(nn.MaxPool2d(3)), nn.Flatten(), nn.Linear(4, 2)
    )
    with pytest.raises(ShapeError, match=message), checked_shapes(net):
        net(torch.zeros(1, *shape))
    # Outside, the network is as it was.
    assert not net[0]._forward_pre_hooks
    with checked_shapes(net):
        assert net(torch.zeros(1, 3, 5, 5)).shape == (1, 2)
