"""Shape arithmetic: what a convolution or a pooling makes of a picture's size.

The output of a window of ``K`` pixels over ``I`` pixels with padding ``P`` on both sides and stride
``S`` has ``O = 1 + (2P + I - K) / S`` pixels (Dumoulin & Visin 2016, arXiv:1603.07285), rounded
down, or up where a pooling may stand out over the border.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn

from edgecnn.errors import ShapeError

__all__ = ["checked_shapes", "output_length", "output_size", "pair", "shape_behind", "sized"]

_SLIDING = (nn.Conv1d, nn.Conv2d, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
#: How many axes a layer slides its window over.
_AXES = {nn.Conv1d: 1, nn.MaxPool1d: 1, nn.AvgPool1d: 1}


def output_length(
    length: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    ceil: bool = False,
) -> int:
    """Return ``1 + (2 padding + length - kernel) / stride``; below 1 where nothing fits.

    Examples
    --------
    >>> output_length(224, 7, stride=2, padding=3)
    112
    >>> output_length(2, 5)
    -2
    """
    room = 2 * padding + length - (dilation * (kernel - 1) + 1)
    if not ceil:
        return 1 + room // stride
    output = 1 - (-room // stride)
    # A window that would begin behind the padded input on the right is left out, as in PyTorch.
    return output - 1 if (output - 1) * stride >= length + padding else output


def output_size(
    size: Sequence[int],
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil: bool = False,
    layer: str,
) -> tuple[int, ...]:
    """Return the size behind a layer, axis by axis.

    Parameters
    ----------
    size : sequence of int
        Height and width, or samples.
    kernel, stride, padding, dilation : int or sequence of int
        One for all axes, or one per axis.
    ceil : bool
        Round up, as poolings can.
    layer : str
        What the error calls it, for example ``"conv"``.

    Raises
    ------
    ShapeError
        Nothing fits: ``conv 5 gives -2x-2: input too small``.

    Examples
    --------
    >>> output_size((32, 32), 5, layer="conv")
    (28, 28)
    """
    axes = len(size)
    kernels, strides, paddings, dilations = (
        pair(value, axes) for value in (kernel, stride, padding, dilation)
    )
    outputs = tuple(
        output_length(length, k, stride=s, padding=p, dilation=d, ceil=ceil)
        for length, k, s, p, d in zip(size, kernels, strides, paddings, dilations, strict=True)
    )
    if min(outputs) < 1:
        raise ShapeError(
            f"{layer} {sized(kernels)} gives {sized(outputs, always=True)}: input too small",
            hint=f"it gets {sized(size, always=True)}",
        )
    return outputs


def pair(value: int | Sequence[int], axes: int = 2) -> tuple[int, ...]:
    """Return one value per axis.

    Examples
    --------
    >>> pair(3), pair([2, 4])
    ((3, 3), (2, 4))
    """
    return (value,) * axes if isinstance(value, int) else tuple(value)


def sized(size: Sequence[int], *, always: bool = False) -> str:
    """Write a size as ``3x5``; equal sides as one number unless ``always``.

    Examples
    --------
    >>> sized((3, 3)), sized((3, 3), always=True), sized((3, 5))
    ('3', '3x3', '3x5')
    """
    if not always and len(set(size)) == 1:
        return str(size[0])
    return "x".join(map(str, size))


@contextlib.contextmanager
def checked_shapes(module: nn.Module) -> Iterator[None]:
    """Let a network that is run here name the layer that its input is too small or wrong for.

    Raises
    ------
    ShapeError
        In place of what PyTorch says; one line, such as ``features.3: pool 3 gives 0x0: input too
        small``.
    """

    def check(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        try:
            _shape_behind(layer, tuple(inputs[0].shape[1:]))
        except ShapeError as error:
            name = next(name for name, each in module.named_modules() if each is layer)
            message = f"{name}: {error.message}" if name else error.message
            raise ShapeError(message, hint=error.hint) from None

    handles = [
        each.register_forward_pre_hook(check)
        for each in module.modules()
        if isinstance(each, (*_SLIDING, nn.Linear))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def shape_behind(
    layers: Iterable[nn.Module],
    shape: Sequence[int],
    *,
    name: str = "features",
    first: int = 0,
) -> tuple[int, ...]:
    """Return the shape that a sequence of layers makes of an input's, both without batch axis.

    Parameters
    ----------
    layers : iterable of torch.nn.Module
    shape : sequence of int
        Channels, and height and width or samples.
    name, first : str, int
        What the network calls the sequence, and the first layer's number in it: for the message.

    Raises
    ------
    ShapeError
        An input that is too small, or has other channels than a layer takes; the message names the
        layer, as in ``features.5: pool 3 gives 0x0: input too small``.

    Examples
    --------
    >>> shape_behind(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)), (1, 28, 28))
    (6, 12, 12)
    """
    now = tuple(shape)
    for number, layer in enumerate(layers, first):
        try:
            now = _shape_behind(layer, now)
        except ShapeError as error:
            raise ShapeError(f"{name}.{number}: {error.message}", hint=error.hint) from None
    return now


def _shape_behind(layer: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(layer, nn.Linear):
        if shape[-1] != layer.in_features:
            raise ShapeError(
                f"fc takes {layer.in_features} values, not {shape[-1]}",
                hint="the network was built for another input size",
            )
        return (*shape[:-1], layer.out_features)
    if isinstance(layer, nn.ConstantPad1d):
        return (*shape[:-1], shape[-1] + sum(layer.padding))
    if not isinstance(layer, _SLIDING):
        return shape
    channels, *size = shape
    axes = _AXES.get(type(layer), 2)
    if len(size) != axes:
        raise ShapeError(
            f"a layer for {('signals', 'pictures')[axes - 1]} gets {sized(shape, always=True)}",
            hint="channels and samples" if axes == 1 else "channels, height and width",
        )
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        if channels != layer.in_channels:
            raise ShapeError(
                f"conv takes {layer.in_channels} channels, not {channels}",
                hint="the network was built for another number of channels",
            )
        if layer.padding == "same":
            return (layer.out_channels, *size)
        behind = output_size(
            size,
            layer.kernel_size,
            stride=layer.stride,
            padding=0 if isinstance(layer.padding, str) else layer.padding,
            dilation=layer.dilation,
            layer="conv",
        )
        return (layer.out_channels, *behind)
    behind = output_size(
        size,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        ceil=layer.ceil_mode,
        layer="pool",
    )
    return (channels, *behind)
