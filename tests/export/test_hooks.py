"""The layer that is named is the one that was changed, whichever it is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from edgecnn.export.hooks import diverging_module
from edgecnn.export.trace import trace

X = {"input": np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv(self.relu(self.conv(x))) + x) * 2


class Net(nn.Module):
    """A convolution, a block that calls its parts twice, a recurrent layer, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.block = Block()
        self.rnn = nn.GRU(4, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.stem(x)).mean(3).transpose(1, 2)
        return self.head(self.rnn(x)[0][:, -1])


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope="module")
def graph(network: nn.Module) -> onnx.ModelProto:
    return trace(network, X)


def _spoilt(graph: onnx.ModelProto, initializer: str) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    tensor = next(t for t in changed.graph.initializer if t.name == initializer)
    values = numpy_helper.to_array(tensor) + np.float32(0.5)
    tensor.CopyFrom(numpy_helper.from_array(values, initializer))
    return changed


def _found(network: nn.Module, graph: onnx.ModelProto) -> str | None:
    return diverging_module(network, graph, X, atol=1e-4, rtol=1e-3)


def test_nothing_where_all_is_well(network, graph):
    assert _found(network, graph) is None


@pytest.mark.parametrize(
    ("initializer", "layer"),
    [
        # Its convolution was folded into it.
        ("stem.0.bias", "stem.1 (BatchNorm2d)"),
        ("block.conv.weight", "block.conv (Conv2d)"),
        ("head.bias", "head (Linear)"),
    ],
)
def test_changed_weights_are_traced_to_their_layer(network, graph, initializer, layer):
    assert _found(network, _spoilt(graph, initializer)) == layer


def test_a_recurrent_layer(network, graph):
    node = next(n for n in graph.graph.node if n.op_type == "GRU")
    assert _found(network, _spoilt(graph, node.input[2])) == "rnn (GRU)"


def _without(graph: onnx.ModelProto, operator: str, number: int) -> onnx.ModelProto:
    """Let a node with one input pass it on unchanged."""
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    node = [n for n in changed.graph.node if n.op_type == operator][number]
    for other in changed.graph.node:
        for i, name in enumerate(other.input):
            if name == node.output[0]:
                other.input[i] = node.input[0]
    return changed


def test_code_between_the_layers_is_told_from_the_layers(network, graph):
    """The doubling at the block's end is no layer: the block's own code does it."""
    assert _found(network, _without(graph, "Mul", 0)) == "block (Block), behind block.relu (ReLU)"


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 5)
        self.second = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x.flatten(1))
        if torch.compiler.is_compiling():
            x = x * 1.5
        return self.second(x)


def test_a_network_that_computes_something_else_when_it_is_traced():
    torch.manual_seed(0)
    network = Scaled().eval()
    found = _found(network, trace(network, X))
    assert found == "Scaled, before second (Linear)"
