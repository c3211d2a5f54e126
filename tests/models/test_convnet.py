from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgecnn.errors import ShapeError, UsageError
from edgecnn.models.convnet import convnet, layer_shapes, linear, mlp
from edgecnn.models.notation import parse_layers

small = st.integers(1, 6)


@st.composite
def layer_texts(draw: st.DrawFn) -> str:
    """A random network: pictures first, then dense layers."""
    pictures = []
    for _ in range(draw(st.integers(0, 4))):
        kernel = f"{draw(small)}x{draw(small)}"
        stride = draw(st.sampled_from(["", " /2", " /3"]))
        kind = draw(st.sampled_from(["conv", "same", "pool", "norm", "relu"]))
        if kind == "conv":
            padding = draw(st.sampled_from(["", " valid", " pad 1", " pad 3"]))
            pictures.append(f"conv {kernel} {draw(small)}{stride}{padding}")
        elif kind == "same":
            pictures.append(f"conv {draw(st.sampled_from([1, 3, 5]))} {draw(small)}{stride} same")
        elif kind == "pool":
            pictures.append(f"pool {draw(st.sampled_from(['max', 'avg']))} {kernel}{stride}")
        else:
            pictures.append(kind)
    dense = [f"fc {draw(small)} -> relu" for _ in range(draw(st.integers(0, 2)))]
    return " -> ".join([*pictures, *dense, "fc"])


@given(layer_texts(), st.tuples(small, st.integers(1, 20), st.integers(1, 20)))
@settings(max_examples=300, deadline=None)
def test_predicted_shapes_are_pytorchs(text: str, shape: tuple[int, int, int]) -> None:
    layers = parse_layers(text)
    channels, *size = shape
    try:
        predicted = layer_shapes(layers, shape, classes=5)
    except ShapeError:
        # PyTorch refuses as well, at the layer that the arithmetic names.
        with pytest.raises(RuntimeError), torch.device("meta"):
            _run_unchecked(text, shape)
        return
    with torch.device("meta"):
        net = convnet(classes=5, channels=channels, size=size, layers=text).eval()
        x, found = torch.zeros(2, *shape), []
        for module in net.layers:
            x = module(x)
            if not isinstance(module, nn.Flatten):
                found.append(tuple(x.shape[1:]))
    assert found == predicted


def _run_unchecked(text: str, shape: tuple[int, int, int]) -> None:
    """Run the convolutions and poolings of a text, whatever the arithmetic says of them."""
    x = torch.zeros(2, *shape)
    for layer in parse_layers(text):
        kind = type(layer).__name__
        if kind == "Conv":
            x = nn.Conv2d(x.shape[1], layer.width, layer.kernel, layer.stride, layer.padding)(x)
        elif kind == "Pool":
            pool = nn.AvgPool2d if layer.kind == "avg" else nn.MaxPool2d
            x = pool(layer.kernel, layer.stride)(x)


def test_an_input_that_is_too_small_names_layer_and_size() -> None:
    with pytest.raises(
        ShapeError, match=r"^layers, column 21: conv 5 gives -2x-2: input too small$"
    ) as error:
        convnet(size=6, layers="conv 5 8 -> relu -> conv 5 8 -> fc")
    assert error.value.hint == "it gets 2x2"


def test_more_values_than_a_machine_holds() -> None:
    with pytest.raises(ShapeError, match="column 1: 65536x1000x1000 values are too many"):
        convnet(size=1000, layers="conv 1 65536 -> fc")


def test_linear_is_one_product() -> None:
    net = linear(classes=3, channels=1, size=[4, 5])
    x = torch.randn(2, 1, 4, 5)
    (dense,) = [module for module in net.modules() if isinstance(module, nn.Linear)]
    torch.testing.assert_close(net(x), x.reshape(2, 20) @ dense.weight.T + dense.bias)


def test_mlp_is_the_text_of_its_hidden_layers() -> None:
    torch.manual_seed(0)
    one = mlp(classes=3, size=4, hidden=[6, 5])
    torch.manual_seed(0)
    other = convnet(classes=3, size=4, layers="fc 6 -> relu -> fc 5 -> relu -> fc").eval()
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(one(x), other(x))


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (mlp, {"hidden": [8, 0]}, r"mlp: hidden=\[8, 0\]"),
        (mlp, {"dropout": 1.0}, "mlp: dropout=1"),
        (linear, {"classes": 0}, "linear: classes=0"),
        (convnet, {"size": [1, 2, 3]}, r"convnet: size=\[1, 2, 3\]"),
        (convnet, {"size": 0}, r"convnet: size=\[0, 0\]"),
        (convnet, {"channels": -1}, "convnet: channels=-1"),
    ],
)
def test_values_out_of_range(build: object, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(**arguments)  # type: ignore[operator]
