from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edgecnn.bundled import bundled_models
from edgecnn.errors import ShapeError, UsageError
from edgecnn.models import architecture, model_names
from edgecnn.models.table import describe_network
from edgecnn.models.tracing import trace_network


def meta_trace(module: nn.Module, *shape: int):
    return trace_network(module.to("meta"), {"input": torch.zeros(1, *shape, device="meta")})


@pytest.mark.parametrize("name", model_names())
def test_every_network_has_a_table(name: str) -> None:
    entry, table = architecture(name), describe_network(name)
    assert table.parameters == entry.parameters
    with torch.device("meta"):
        whole = sum(p.numel() for p in entry.build().parameters())
    assert table.parameters + table.training_only_parameters == whole
    assert table.multiply_adds > 0
    assert table.peak_activation_bytes > 0
    if table.parameters:
        assert table.int8_bytes <= table.fp32_bytes <= 4.1 * table.parameters


@pytest.mark.parametrize(
    ("name", "millions"),
    # As published with today's pretrained files, in millions of multiply-adds.
    [
        ("alexnet", 714),
        ("vgg16", 15_470),
        ("googlenet", 1_498),
        ("resnet18", 1_814),
        ("resnet50", 4_089),
        ("squeezenet", 349),
        ("mobilenet-v2", 301),
        ("mobilenet-v3-small", 57),
    ],
)
def test_multiply_adds(name: str, millions: int) -> None:
    assert round(describe_network(name).multiply_adds / 1e6) == millions


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    # Araujo, Norris, Sim 2019, doi:10.23915/distill.00021.
    [
        ("alexnet", "features.12", 195),
        ("vgg16", "features.30", 212),
        ("resnet18", "layer4.1.conv2", 435),
        ("resnet34", "layer4.2.conv2", 899),
        # 483 with the stride in the last block of a stage, which that article measured.
        ("resnet50", "layer4.2.conv3", 427),
        ("mobilenet-v2", "features.18.0", 491),
    ],
)
def test_receptive_fields(name: str, layer: str, size: int) -> None:
    (found,) = [each for each in describe_network(name).layers if each.name == layer]
    assert found.receptive_field == (size, size)


def test_lenet_row_by_row() -> None:
    table = describe_network("lenet5")
    rows = [
        (r.kind, r.output_shape, r.parameters, r.multiply_adds, r.receptive_field)
        for r in table.layers
    ]
    assert rows == [
        ("conv 5 + relu", (6, 28, 28), 156, 6 * 25 * 28 * 28, (5, 5)),
        ("max pool 2", (6, 14, 14), 0, 0, (6, 6)),
        ("conv 5 + relu", (16, 10, 10), 2416, 16 * 150 * 100, (14, 14)),
        ("max pool 2", (16, 5, 5), 0, 0, (16, 16)),
        ("fc + relu", (120,), 48_120, 48_000, "all"),
        ("fc + relu", (84,), 10_164, 10_080, "all"),
        ("fc", (10,), 850, 840, "all"),
    ]
    assert table.largest[0] == "classifier.1"
    assert table.layers[0].activation_bytes == 4 * 6 * 28 * 28
    # The input, which its owner keeps, the first output and what is pooled of it.
    assert table.peak_activation_bytes == 4 * (28 * 28 + 6 * 28 * 28 + 6 * 14 * 14)


def test_a_shortcut_is_held_until_it_is_added() -> None:
    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            x = self.first(input)
            return torch.relu(self.second(torch.relu(x)) + x)

    trace = meta_trace(Shortcut(), 4, 8, 8)
    assert [layer.name for layer in trace.layers] == ["first", "second"]
    assert trace.peak_activation_bytes == 3 * 4 * 4 * 64


def test_normalisation_is_folded() -> None:
    folded = meta_trace(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)), 3, 9, 9)
    (layer,) = folded.layers
    assert (layer.kind, layer.parameters) == ("conv 3 + norm", 216 + 16)
    assert (layer.fp32_bytes, layer.int8_bytes) == (4 * (216 + 8), 216 + 8 * 9)


def test_signals_have_one_axis() -> None:
    layers = describe_network("ecg-yildirim").layers
    assert [layer.receptive_field for layer in layers[:3]] == [(50,), (53,), (107,)]
    assert layers[1].kind == "max pool 2/3"


def test_the_input_decides_what_follows_from_it() -> None:
    table = describe_network("vgg11", shapes={"input": (1, 32, 64)}, arguments={"classes": 7})
    assert table.arguments["channels"] == 1
    assert table.arguments["size"] == [32, 64]
    assert table.output_shape == (7,)


def test_sizes_are_those_of_the_files() -> None:
    files = bundled_models()
    for name, network in (("mnist-lenet5", "lenet5"), ("cifar10-resnet", "small-resnet")):
        table = describe_network(network)
        # Besides weights, a file holds its graph and its contract: some ten kilobytes.
        assert 0 < Path(files[name]).stat().st_size - table.fp32_bytes < 60_000
        assert 0 < Path(files[f"{name}.int8"]).stat().st_size - table.int8_bytes < 60_000


@pytest.mark.parametrize(
    ("name", "shapes", "arguments", "error", "message"),
    [
        ("alexnet", {"input": (1, 20, 20)}, {}, ShapeError, r": features\.5: pool 3 gives 0x0: "),
        ("googlenet", {"input": (3, 9, 9)}, {}, ShapeError, r"maxpool3: pool 3 gives 0x0: input"),
        ("resnet18", {"input": (3, 9)}, {}, ShapeError, r"conv1: a layer for pictures gets 3x9"),
        ("resnet18", {}, {"channels": 1}, ShapeError, r"conv1: conv takes 1 channels, not 3"),
        ("beat-net", {"beat": (2, 99), "rr": (4,)}, {}, ShapeError, "fc takes 5 values, not 4"),
        ("ecg-yildirim", {"signal": (1, 99)}, {}, ShapeError, r": features\.20: pool 2 gives 0: "),
        ("resnet18", {"picture": (3, 9, 9)}, {}, UsageError, "resnet18 has no input 'picture'"),
        ("resnet18", {}, {"widths": 3}, UsageError, "resnet18 takes no argument 'widths'"),
        ("resnet18", {}, {"width": "x"}, UsageError, "resnet18 cannot be built with width='x'"),
    ],
)
def test_what_cannot_be_described(
    name: str,
    shapes: dict[str, tuple[int, ...]],
    arguments: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as raised:
        describe_network(name, shapes=shapes, arguments=arguments)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)
