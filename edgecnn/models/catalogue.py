"""Every network that can be built, family by family, in the order of the course."""

from __future__ import annotations

from edgecnn.models.entry import Architecture

__all__ = ["ARCHITECTURES"]

_SMALL = {"input": (3, 32, 32)}
_PICTURE = {"input": (3, 224, 224)}
_BEAT = {"beat": (2, 288), "rr": (5,)}

ARCHITECTURES = (
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
    *(
        Architecture(
            f"vgg{depth}-bn" if norm else f"vgg{depth}",
            "ImageNet",
            f"VGG-{depth} with batch normalisation"
            if norm
            else f"VGG-{depth} (Simonyan & Zisserman 2015)",
            "vgg:vgg",
            _PICTURE,
            parameters,
            fixed={"depth": depth, "batch_norm": norm},
        )
        for depth, norm, parameters in (
            (11, False, 132_863_336),
            (11, True, 132_868_840),
            (13, False, 133_047_848),
            (13, True, 133_053_736),
            (16, False, 138_357_544),
            (16, True, 138_365_992),
            (19, False, 143_667_240),
            (19, True, 143_678_248),
        )
    ),
    Architecture(
        "googlenet",
        "ImageNet",
        "GoogLeNet (Szegedy et al. 2015), auxiliary classifiers in training",
        "googlenet:googlenet",
        _PICTURE,
        6_624_904,
    ),
    *(
        Architecture(
            f"resnet{depth}",
            "ImageNet",
            f"ResNet-{depth} (He et al. 2016)",
            "resnet:resnet",
            _PICTURE,
            parameters,
            fixed={"depth": depth},
        )
        for depth, parameters in (
            (18, 11_689_512),
            (34, 21_797_672),
            (50, 25_557_032),
            (101, 44_549_160),
            (152, 60_192_808),
        )
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
    *(
        Architecture(
            f"resnet{depth}",
            "edge",
            f"ResNet-{depth} for 32×32 pictures (He et al. 2016)",
            "cifar_resnet:cifar_resnet",
            _SMALL,
            parameters,
            fixed={"depth": depth},
        )
        for depth, parameters in ((20, 269_722), (32, 464_154), (56, 853_018))
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
