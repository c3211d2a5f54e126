from __future__ import annotations

import pytest
import torch
from torch import nn

from edgecnn.models import create_model
from edgecnn.training.page.layers import run_and_look


def test_lenet() -> None:
    network = create_model("lenet5").eval()
    pictures = torch.rand(3, 1, 28, 28)
    output, layers = run_and_look(network, {"input": pictures})
    assert torch.equal(output, network(pictures))
    assert [(layer.kind, layer.maps.shape, layer.weight) for layer in layers] == [
        ("conv 5 + relu", (6, 28, 28), "features.0.weight"),
        ("max pool 2", (6, 14, 14), ""),
        ("conv 5 + relu", (16, 10, 10), "features.3.weight"),
        ("max pool 2", (16, 5, 5), ""),
        ("fc + relu", (120,), "classifier.1.weight"),
        ("fc + relu", (84,), "classifier.4.weight"),
        ("fc", (10,), "classifier.6.weight"),
    ]
    # What is shown of a convolution is what comes behind its ReLU.
    assert layers[0].maps.low == 0
    assert torch.equal(torch.from_numpy(layers[-1].maps.values), output)


@pytest.mark.parametrize("name", ["beat-net", "beat-gru", "resnet9", "googlenet", "text-cnn"])
def test_networks_of_all_kinds(name: str) -> None:
    inputs = {
        "beat-net": {"beat": torch.randn(2, 2, 256), "rr": torch.randn(2, 5)},
        "beat-gru": {"beat": torch.randn(2, 2, 256), "rr": torch.randn(2, 5)},
        "text-cnn": {"tokens": torch.randint(0, 50, (2, 20))},
        "googlenet": {"input": torch.rand(2, 3, 64, 64)},
    }.get(name, {"input": torch.rand(2, 3, 32, 32)})
    arguments = {"words": 50} if name == "text-cnn" else {}
    network = create_model(name, **arguments).eval()
    _, layers = run_and_look(network, inputs)
    known = dict(network.named_parameters())
    assert len(layers) >= 4
    weights = [layer.weight for layer in layers if layer.weight]
    assert weights
    assert set(weights) <= set(known)
    assert len(set(weights)) == len(weights)


def test_nothing_is_left_behind() -> None:
    network = create_model("lenet5").eval()
    run_and_look(network, {"input": torch.rand(1, 1, 28, 28)})
    assert not any(each._forward_hooks for each in network.modules())

    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            raise RuntimeError(str(self.layer(input).shape))

    broken = Breaks()
    with pytest.raises(RuntimeError):
        run_and_look(broken, {"input": torch.rand(1, 2)})
    assert not broken.layer._forward_hooks


def test_a_layer_that_runs_twice_has_its_weights_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.layer(self.layer(input))
            return answer

    _, layers = run_and_look(Twice(), {"input": torch.rand(1, 4)})
    assert [layer.weight for layer in layers] == ["layer.weight", ""]
