"""Networks that are written down as text, and their two simplest cases.

The shape ``INPUT -> [(CONV -> RELU)*N -> POOL?]*M -> [FC -> RELU]*K -> FC`` is that of the
classic networks from LeNet to VGG; the notation is in :mod:`edgecnn.models.notation`. A linear
classifier is ``fc``, a multi-layer perceptron ``fc 128 -> relu -> fc``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import ShapeError
from edgecnn.models.checks import check_counts, check_dropout, picture_size
from edgecnn.models.notation import (
    Activation,
    Conv,
    Dense,
    Dropout,
    Layer,
    Norm,
    Pool,
    parse_layers,
)
from edgecnn.models.shapes import output_size

__all__ = ["ConvNet", "convnet", "layer_shapes", "linear", "mlp"]

#: Values of one picture behind a layer; beyond it, the text asks for more than a machine holds.
_LARGEST = 2**31


class ConvNet(nn.Module):
    """The layers of a text in their order, as :attr:`layers`."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.layers(input)
        return logits


def layer_shapes(
    layers: Sequence[Layer], shape: Sequence[int], *, classes: int
) -> list[tuple[int, ...]]:
    """Return the shape behind each layer by arithmetic alone.

    Parameters
    ----------
    layers : sequence of Layer
    shape : sequence of int
        Channels, height and width of the input.
    classes : int
        Width of the last layer.

    Returns
    -------
    list of tuple of int
        ``(channels, height, width)``, or ``(values,)`` from the first dense layer on.

    Raises
    ------
    ShapeError
        An input that is too small: ``layers, column 1: conv 5 gives -2x-2: input too small``.

    Examples
    --------
    >>> layer_shapes(parse_layers("conv 5 6 -> pool 2 -> fc"), (1, 28, 28), classes=10)
    [(6, 24, 24), (6, 12, 12), (10,)]
    """
    shapes, now = [], tuple(shape)
    for layer in layers:
        try:
            now = _shape_behind(layer, now, classes)
        except ShapeError as error:
            message = f"layers, column {layer.column}: {error.message}"
            raise ShapeError(message, hint=error.hint) from None
        shapes.append(now)
    return shapes


def _shape_behind(layer: Layer, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
    if isinstance(layer, Conv):
        size = output_size(
            shape[1:], layer.kernel, stride=layer.stride, padding=layer.padding, layer="conv"
        )
        shape = (layer.width, *size)
    elif isinstance(layer, Pool):
        kernel = layer.kernel or (shape[1], shape[2])
        size = output_size(shape[1:], kernel, stride=layer.stride, layer="pool")
        shape = (shape[0], *size)
    elif isinstance(layer, Dense):
        shape = (classes if layer.width is None else layer.width,)
    if math.prod(shape) > _LARGEST:
        raise ShapeError(f"{'x'.join(map(str, shape))} values are too many for one picture")
    return shape


def convnet(
    *,
    classes: int = 10,
    channels: int = 3,
    size: int | Sequence[int] = 32,
    layers: str = "(conv 3x3 32 same -> relu)*2 -> pool 2 -> fc 128 -> relu -> fc",
) -> ConvNet:
    """Build a network from text.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input.
    layers : str
        In the notation of :mod:`edgecnn.models.notation`.

    Raises
    ------
    UsageError
        Text that is not in the notation, with the column.
    ShapeError
        A layer whose input is too small.

    Examples
    --------
    >>> net = convnet(size=8, layers="conv 3 4 -> relu -> pool 2 -> fc")
    >>> net(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 10])

    Notes
    -----
    Weights start as in He et al. 2015 (arXiv:1502.01852), biases at zero.
    """
    check_counts("convnet", classes=classes, channels=channels)
    return _build(parse_layers(layers), (channels, *picture_size("convnet", size)), classes)


def linear(*, classes: int = 10, channels: int = 3, size: int | Sequence[int] = 32) -> ConvNet:
    """Build a linear classifier: one weight per pixel and class.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input.

    Raises
    ------
    UsageError
        A count below 1.
    """
    check_counts("linear", classes=classes, channels=channels)
    return _build(parse_layers("fc"), (channels, *picture_size("linear", size)), classes)


def mlp(
    *,
    classes: int = 10,
    channels: int = 3,
    size: int | Sequence[int] = 32,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.0,
) -> ConvNet:
    """Build a multi-layer perceptron.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input.
    hidden : sequence of int
        Widths of the hidden layers.
    dropout : float
        Share of each hidden layer's outputs dropped in training.

    Raises
    ------
    UsageError
        A count below 1, or a dropout outside 0..1.
    """
    check_counts("mlp", classes=classes, channels=channels, hidden=hidden)
    check_dropout("mlp", dropout)
    layers: list[Layer] = []
    for width in hidden:
        layers += [Dense(width, 1), Activation(1), Dropout(dropout, 1)]
    return _build((*layers, Dense(None, 1)), (channels, *picture_size("mlp", size)), classes)


def _build(layers: Sequence[Layer], shape: tuple[int, int, int], classes: int) -> ConvNet:
    modules: list[nn.Module] = []
    now: tuple[int, ...] = shape
    for layer, behind in zip(layers, layer_shapes(layers, shape, classes=classes), strict=True):
        if isinstance(layer, Dense) and len(now) > 1:
            modules.append(nn.Flatten())
        modules.append(_module(layer, now, behind))
        now = behind
    network = ConvNet(nn.Sequential(*modules))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return network


def _module(layer: Layer, shape: tuple[int, ...], behind: tuple[int, ...]) -> nn.Module:
    if isinstance(layer, Conv):
        return nn.Conv2d(shape[0], layer.width, layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, Pool):
        if layer.kernel is None:
            return nn.AdaptiveAvgPool2d(1) if layer.kind == "avg" else nn.AdaptiveMaxPool2d(1)
        pool = nn.AvgPool2d if layer.kind == "avg" else nn.MaxPool2d
        return pool(layer.kernel, layer.stride)
    if isinstance(layer, Dense):
        return nn.Linear(math.prod(shape), behind[0])
    if isinstance(layer, Norm):
        return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
    if isinstance(layer, Dropout):
        return nn.Dropout(layer.share)
    return nn.ReLU()
