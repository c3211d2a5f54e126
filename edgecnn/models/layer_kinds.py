"""What layers are called, and which of them count as part of the one before."""

from __future__ import annotations

from torch import nn

from edgecnn.models.shapes import pair, sized

__all__ = ["FUSED", "SKIPPED", "layer_kind"]

#: Layers that change no value on a device.
SKIPPED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity, nn.Flatten, nn.ConstantPad1d)
#: Layers that belong to the one before them, by the name for what they add to it.
FUSED = {
    nn.BatchNorm1d: "norm",
    nn.BatchNorm2d: "norm",
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.LeakyReLU: "leaky relu",
    nn.Hardswish: "hardswish",
    nn.Hardsigmoid: "hardsigmoid",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
}


def layer_kind(module: nn.Module) -> str:
    """Describe a layer in a few words: ``conv 3/2``."""
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        stride = "" if max(module.stride) == 1 else f"/{sized(module.stride)}"
        single = module.groups == module.in_channels > 1
        return f"{'depthwise' if single else 'conv'} {sized(module.kernel_size)}{stride}"
    if isinstance(module, nn.MaxPool1d | nn.MaxPool2d | nn.AvgPool1d | nn.AvgPool2d):
        kernel, step = pair(module.kernel_size), pair(module.stride or module.kernel_size)
        what = "avg" if isinstance(module, nn.AvgPool1d | nn.AvgPool2d) else "max"
        return f"{what} pool {sized(kernel)}" + ("" if step == kernel else f"/{sized(step)}")
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        what = "avg" if isinstance(module, nn.AdaptiveAvgPool2d) else "max"
        return f"global {what} pool"
    if isinstance(module, nn.Linear):
        return "fc"
    if isinstance(module, nn.LSTM | nn.GRU):
        both = ", both ways" if module.bidirectional else ""
        return f"{type(module).__name__.lower()} {module.hidden_size}{both}"
    return FUSED.get(type(module), type(module).__name__.lower())
