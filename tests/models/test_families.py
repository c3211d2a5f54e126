"""What the families promise beyond what every network must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from edgecnn.errors import ShapeError, UsageError
from edgecnn.models import architecture, create_model
from edgecnn.models.alexnet import alexnet
from edgecnn.models.blocks import scaled
from edgecnn.models.cifar_resnet import cifar_resnet
from edgecnn.models.ecg_resnet import ecg_resnet
from edgecnn.models.ecg_yildirim import ecg_yildirim
from edgecnn.models.resnet import resnet
from edgecnn.models.vgg import vgg


def keys(name: str) -> set[str]:
    with torch.device("meta"):
        return set(architecture(name).build().state_dict())


@pytest.mark.parametrize(
    ("name", "count", "some"),
    # Number of tensors in the pretrained files of PyTorch's own models, and names among them.
    [
        ("alexnet", 16, {"features.0.weight", "classifier.6.bias"}),
        ("vgg16", 32, {"features.28.weight", "classifier.0.weight"}),
        ("vgg16-bn", 97, {"features.41.running_var", "classifier.6.weight"}),
        ("resnet18", 122, {"conv1.weight", "layer2.0.downsample.1.bias", "fc.weight"}),
        ("resnet50", 320, {"layer4.2.bn3.running_mean", "layer1.0.downsample.0.weight"}),
        ("googlenet", 364, {"inception5b.branch3.1.bn.bias", "aux2.fc2.bias"}),
        ("squeezenet", 52, {"features.12.expand3x3.bias", "classifier.1.weight"}),
        ("mobilenet-v2", 314, {"features.1.conv.2.weight", "features.18.1.bias"}),
        ("mobilenet-v3-small", 244, {"features.1.block.1.fc2.bias", "classifier.3.bias"}),
    ],
)  # fmt: skip
def test_weights_have_the_names_of_pretrained_files(name: str, count: int, some: set[str]) -> None:
    found = keys(name)
    assert some <= found
    assert len(found) == count


@pytest.mark.parametrize(
    ("build", "smallest"),
    [
        (lambda size: alexnet(size=size), 63),
        (lambda size: vgg(depth=11, size=size), 32),
        (lambda size: ecg_yildirim(samples=size), 121),
    ],
)
def test_the_smallest_input(build: Callable[[int], nn.Module], smallest: int) -> None:
    with torch.device("meta"):
        build(smallest)
        with pytest.raises(ShapeError, match="input too small"):
            build(smallest - 1)


def test_yildirims_layers_have_the_papers_shapes() -> None:
    lengths = []
    net = ecg_yildirim().eval()
    for layer in net.features:
        if isinstance(layer, nn.Conv1d | nn.MaxPool1d):
            layer.register_forward_hook(lambda _m, _i, out: lengths.append(tuple(out.shape[1:])))
    net(torch.zeros(1, 1, 3600))
    assert lengths == [
        (128, 1200), (128, 400), (32, 400), (32, 200), (32, 200), (128, 100), (128, 50), (256, 50),
        (256, 25), (512, 25), (128, 25),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_cifar_resnets_have_the_papers_sizes(depth: int, millions: float) -> None:
    with torch.device("meta"):
        net = cifar_resnet(depth=depth)
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(millions * 1e6, rel=0.025)


def test_a_cifar_shortcut_picks_pixels_and_pads_maps() -> None:
    shortcut = cifar_resnet().layer2[0].downsample
    assert shortcut is not None
    x = torch.randn(1, 16, 6, 6)
    y = shortcut(x)
    torch.testing.assert_close(y[:, 8:24], x[:, :, ::2, ::2], rtol=0, atol=0)
    assert not y[:, :8].any()
    assert not y[:, 24:].any()


def test_a_residual_network_reads_one_to_twelve_leads_of_any_length() -> None:
    for leads, samples in ((1, 100), (12, 777)):
        net = ecg_resnet(leads=leads, width=0.25).eval()
        assert net(torch.zeros(2, leads, samples)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ecg-resnet", {"leads": 13}, "leads=13"),
        ("ecg-resnet", {"kernel": 4}, "kernel=4"),
        ("ecg-resnet", {"blocks": [1, 1, 1, 1, 1]}, "blocks"),
        ("ecg-yildirim", {"leads": 13}, "leads=13"),
        ("beat-lstm", {"hidden": 0}, "hidden=0"),
        ("beat-gru", {"dropout": 1.0}, "dropout=1"),
        ("alexnet", {"width": 0.0}, "width=0"),
        ("squeezenet", {"classes": 0}, "classes=0"),
        ("mobilenet-v2", {"width": 1e9}, "width=1e"),
        ("mobilenet-v3-small", {"channels": 0}, "channels=0"),
        ("resnet18", {"dropout": -0.1}, "dropout=-0.1"),
        ("vgg11", {"size": [1, 2, 3]}, "size"),
        ("lenet5-1998", {"activation": "gelu"}, "activation='gelu'"),
    ],
)
def test_values_out_of_range(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        create_model(name, **arguments)  # type: ignore[arg-type]
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "build", [lambda: vgg(depth=12), lambda: resnet(depth=20), lambda: cifar_resnet(depth=21)]
)
def test_depths_that_there_are_none_of(build: Callable[[], nn.Module]) -> None:
    with pytest.raises(UsageError, match=r"depth=\d+\?"):
        build()


def test_widths_are_multiples_of_eight_and_hardly_below_the_product() -> None:
    for channels in (16, 24, 64, 96, 1280):
        for width in (0.1, 0.35, 0.75, 1.0, 1.4):
            found = scaled(channels, width)
            assert found % 8 == 0
            assert found >= max(8, 0.9 * channels * width)
    assert scaled(24, 1.0) == 24


def test_a_trained_lenet_of_1998_is_the_modern_one_but_for_its_functions() -> None:
    torch.manual_seed(0)
    old = create_model("lenet5-1998", activation="relu", pooling="max").eval()
    new = create_model("lenet5").eval()
    new.load_state_dict(old.state_dict())
    x = torch.randn(2, 1, 28, 28)
    padded = nn.functional.pad(x, (2, 2, 2, 2))
    torch.testing.assert_close(new(x), old(padded))
