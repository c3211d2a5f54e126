"""Names of architectures to the functions that build them.

PyTorch is loaded when a network is built, not when the names are listed.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from edgecnn.errors import UsageError
from edgecnn.models.entry import Architecture, Argument

if TYPE_CHECKING:
    import torch

__all__ = ["Architecture", "Argument", "architecture", "create_model", "model_names"]

_SMALL = {"input": (3, 32, 32)}
_PICTURE = {"input": (3, 224, 224)}
_BEAT = {"beat": (2, 288), "rr": (5,)}

_ARCHITECTURES = (
    Architecture(
        "linear",
        "basic",
        "linear classifier: one weight per pixel and class",
        "convnet:linear",
        _SMALL,
        30_730,
    ),
    Architecture("mlp", "basic", "multi-layer perceptron", "convnet:mlp", _SMALL, 394_634),
    Architecture(
        "convnet",
        "basic",
        "any chain of conv, pool and fc layers, written down as text",
        "convnet:convnet",
        _SMALL,
        1_060_138,
    ),
    Architecture(
        "lenet5",
        "LeNet",
        "LeNet-5 (LeCun et al. 1998) in its modern form, for 28×28 pictures",
        "lenet5:lenet5",
        {"input": (1, 28, 28)},
        61_706,
    ),
    Architecture(
        "lenet5-1998",
        "LeNet",
        "LeNet-5 in the paper's shape: 32×32 pictures, tanh, averages",
        "lenet5:lenet5_1998",
        {"input": (1, 32, 32)},
        61_706,
    ),
    Architecture(
        "alexnet",
        "ImageNet",
        "AlexNet (Krizhevsky et al. 2012)",
        "alexnet:alexnet",
        _PICTURE,
        61_100_840,
    ),
    Architecture(
        "vgg11",
        "ImageNet",
        "VGG-11 (Simonyan & Zisserman 2015)",
        "vgg:vgg",
        _PICTURE,
        132_863_336,
        fixed={"depth": 11, "batch_norm": False},
    ),
    Architecture(
        "vgg11-bn",
        "ImageNet",
        "VGG-11 with batch normalisation",
        "vgg:vgg",
        _PICTURE,
        132_868_840,
        fixed={"depth": 11, "batch_norm": True},
    ),
    Architecture(
        "vgg13",
        "ImageNet",
        "VGG-13 (Simonyan & Zisserman 2015)",
        "vgg:vgg",
        _PICTURE,
        133_047_848,
        fixed={"depth": 13, "batch_norm": False},
    ),
    Architecture(
        "vgg13-bn",
        "ImageNet",
        "VGG-13 with batch normalisation",
        "vgg:vgg",
        _PICTURE,
        133_053_736,
        fixed={"depth": 13, "batch_norm": True},
    ),
    Architecture(
        "vgg16",
        "ImageNet",
        "VGG-16 (Simonyan & Zisserman 2015)",
        "vgg:vgg",
        _PICTURE,
        138_357_544,
        fixed={"depth": 16, "batch_norm": False},
    ),
    Architecture(
        "vgg16-bn",
        "ImageNet",
        "VGG-16 with batch normalisation",
        "vgg:vgg",
        _PICTURE,
        138_365_992,
        fixed={"depth": 16, "batch_norm": True},
    ),
    Architecture(
        "vgg19",
        "ImageNet",
        "VGG-19 (Simonyan & Zisserman 2015)",
        "vgg:vgg",
        _PICTURE,
        143_667_240,
        fixed={"depth": 19, "batch_norm": False},
    ),
    Architecture(
        "vgg19-bn",
        "ImageNet",
        "VGG-19 with batch normalisation",
        "vgg:vgg",
        _PICTURE,
        143_678_248,
        fixed={"depth": 19, "batch_norm": True},
    ),
    Architecture(
        "googlenet",
        "ImageNet",
        "GoogLeNet (Szegedy et al. 2015), auxiliary classifiers in training",
        "googlenet:googlenet",
        _PICTURE,
        6_624_904,
    ),
    Architecture(
        "resnet18",
        "ImageNet",
        "ResNet-18 (He et al. 2016)",
        "resnet:resnet",
        _PICTURE,
        11_689_512,
        fixed={"depth": 18},
    ),
    Architecture(
        "resnet34",
        "ImageNet",
        "ResNet-34 (He et al. 2016)",
        "resnet:resnet",
        _PICTURE,
        21_797_672,
        fixed={"depth": 34},
    ),
    Architecture(
        "resnet50",
        "ImageNet",
        "ResNet-50 (He et al. 2016)",
        "resnet:resnet",
        _PICTURE,
        25_557_032,
        fixed={"depth": 50},
    ),
    Architecture(
        "resnet101",
        "ImageNet",
        "ResNet-101 (He et al. 2016)",
        "resnet:resnet",
        _PICTURE,
        44_549_160,
        fixed={"depth": 101},
    ),
    Architecture(
        "resnet152",
        "ImageNet",
        "ResNet-152 (He et al. 2016)",
        "resnet:resnet",
        _PICTURE,
        60_192_808,
        fixed={"depth": 152},
    ),
    Architecture(
        "squeezenet",
        "edge",
        "SqueezeNet 1.1 (Iandola et al. 2016)",
        "squeezenet:squeezenet",
        _PICTURE,
        1_235_496,
    ),
    Architecture(
        "mobilenet-v2",
        "edge",
        "MobileNetV2 (Sandler et al. 2018)",
        "mobilenet_v2:mobilenet_v2",
        _PICTURE,
        3_504_872,
    ),
    Architecture(
        "mobilenet-v3-small",
        "edge",
        "MobileNetV3-small (Howard et al. 2019)",
        "mobilenet_v3:mobilenet_v3_small",
        _PICTURE,
        2_542_856,
    ),
    Architecture(
        "pooled-cnn",
        "edge",
        "seven convolutions with early pooling (Jordan 2024), for 32×32 pictures",
        "pooled_cnn:pooled_cnn",
        _SMALL,
        456_482,
    ),
    Architecture(
        "resnet9",
        "edge",
        "nine-layer residual network for 32×32 pictures",
        "cifar_resnet:resnet9",
        _SMALL,
        404_618,
    ),
    Architecture(
        "small-resnet",
        "edge",
        "residual network of any widths and depths for small pictures",
        "small_resnet:small_resnet",
        _SMALL,
        470_202,
    ),
    Architecture(
        "resnet20",
        "edge",
        "ResNet-20 for 32×32 pictures (He et al. 2016)",
        "cifar_resnet:cifar_resnet",
        _SMALL,
        269_722,
        fixed={"depth": 20},
    ),
    Architecture(
        "resnet32",
        "edge",
        "ResNet-32 for 32×32 pictures (He et al. 2016)",
        "cifar_resnet:cifar_resnet",
        _SMALL,
        464_154,
        fixed={"depth": 32},
    ),
    Architecture(
        "resnet56",
        "edge",
        "ResNet-56 for 32×32 pictures (He et al. 2016)",
        "cifar_resnet:cifar_resnet",
        _SMALL,
        853_018,
        fixed={"depth": 56},
    ),
    Architecture(
        "yolo-v1",
        "detection",
        "YOLO v1 (Redmon et al. 2016): 7×7 cells over the whole picture",
        "yolo_v1:yolo_v1",
        {"input": (3, 448, 448)},
        271_703_550,
        task="detect",
    ),
    Architecture(
        "yolo-small",
        "detection",
        "small fully convolutional sibling of YOLO v1 for a device",
        "yolo_small:yolo_small",
        {"input": (3, 160, 160)},
        469_023,
        task="detect",
    ),
    Architecture(
        "beat-net",
        "ECG",
        "1-D CNN with RR ratios for single-lead heartbeats",
        "beat_net:beat_net",
        _BEAT,
        30_500,
    ),
    Architecture(
        "beat-likeness-net",
        "ECG",
        "1-D CNN with RR ratios and likeness to the usual beat",
        "beat_net:beat_likeness_net",
        {"beat": (2, 288), "rr": (19,), "likeness": (13,)},
        22_980,
    ),
    Architecture(
        "beat-lstm",
        "ECG",
        "LSTM over a heartbeat, with RR ratios",
        "beat_recurrent:beat_recurrent",
        _BEAT,
        50_340,
        fixed={"cell": "lstm"},
    ),
    Architecture(
        "beat-gru",
        "ECG",
        "GRU over a heartbeat, with RR ratios",
        "beat_recurrent:beat_recurrent",
        _BEAT,
        42_468,
        fixed={"cell": "gru"},
    ),
    Architecture(
        "ecg-yildirim",
        "ECG",
        "1-D CNN for 10 s of one lead (Yıldırım et al. 2018)",
        "ecg_yildirim:ecg_yildirim",
        {"signal": (1, 3600)},
        3_058_449,
    ),
    Architecture(
        "ecg-resnet",
        "ECG",
        "residual 1-D network for 1 to 12 leads",
        "ecg_resnet:ecg_resnet",
        {"signal": (12, 1000)},
        2_192_197,
    ),
    Architecture(
        "text-cnn",
        "text",
        "CNN over word embeddings (Kim 2014) for sentences",
        "text_cnn:text_cnn",
        {"tokens": (64,)},
        313_154,
        whole={"tokens": 9000},
    ),
    Architecture(
        "char-rnn",
        "text",
        "LSTM or GRU that writes text character by character",
        "char_rnn:char_rnn",
        {"characters": (1,), "hidden": (1, 256), "cell": (1, 256)},
        350_593,
        task="generate",
        whole={"characters": 65},
    ),
    Architecture(
        "image-kernel",
        "kernels",
        "one kernel over every colour; `edgecnn kernel` makes it a file",
        "kernels:image_kernel",
        {"input": (3, 480, 640)},
        27,
        task="image-to-image",
    ),
)

_REGISTRY = {entry.name: entry for entry in _ARCHITECTURES}


def model_names() -> tuple[str, ...]:
    """Return the registered names."""
    return tuple(_REGISTRY)


def architecture(name: str) -> Architecture:
    """Return a registered network's entry.

    Raises
    ------
    UsageError
        No such name.
    """
    if name not in _REGISTRY:
        near = difflib.get_close_matches(name.lower(), _REGISTRY, n=3, cutoff=0.5)
        hint = f"the nearest are: {', '.join(near)}; " if near else ""
        raise UsageError(f"no model named {name!r}", hint=f"{hint}`edgecnn models` lists all")
    return _REGISTRY[name]


def create_model(name: str, **arguments: Argument) -> torch.nn.Module:
    """Build a network with fresh weights.

    Parameters
    ----------
    name : str
        One of :func:`model_names`.
    **arguments
        The builder's own, for example ``classes=10``.

    Raises
    ------
    UsageError
        No such model, an argument that it does not take, or a value out of range.

    Examples
    --------
    >>> model = create_model("lenet5", classes=10)
    >>> sum(p.numel() for p in model.parameters())
    61706
    """
    entry = architecture(name)
    entry.check_arguments(arguments)
    return entry.build(**arguments)
