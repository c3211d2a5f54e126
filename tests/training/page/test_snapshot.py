from __future__ import annotations

import json

import pytest
import torch

from edgecnn.metadata import ImageInput
from edgecnn.models import create_model
from edgecnn.training.examples import Examples
from edgecnn.training.page.examples import ShownExamples, choose_examples
from edgecnn.training.page.snapshot import take_snapshot

LABELS = tuple("0123456789")
SPEC = ImageInput(height=28, width=28, colour="gray")


@pytest.fixture
def digits() -> ShownExamples:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(20, 1, 28, 28, generator=generator)
    return choose_examples(Examples({"input": pictures}, torch.arange(20) % 10), LABELS, SPEC)


def test_it_tells_what_the_network_answers(digits: ShownExamples) -> None:
    network = create_model("lenet5").eval()
    snapshot = take_snapshot(network, network, digits, LABELS)
    scores = network(digits.inputs["input"]).softmax(1)
    assert len(snapshot["examples"]) == 6
    for answer, row, target in zip(snapshot["examples"], scores, digits.targets, strict=True):
        assert [label for label, _ in answer["top"]] == [
            LABELS[n] for n in row.topk(3).indices.tolist()
        ]
        assert answer["top"][0][1] == pytest.approx(row.max().item(), abs=1e-4)
        assert answer["right"] == (int(row.argmax()) == target)
    json.dumps(snapshot, allow_nan=False)


def test_gradients_are_those_of_the_network_that_learns(digits: ShownExamples) -> None:
    learning, shown = create_model("lenet5"), create_model("lenet5").eval()
    first = take_snapshot(learning, shown, digits, LABELS)["layers"][0]
    assert first["gradients"] is None
    learning(digits.inputs["input"]).sum().backward()
    layers = take_snapshot(learning, shown, digits, LABELS)["layers"]
    gradient = learning.get_parameter("features.0.weight").grad
    weight = shown.get_parameter("features.0.weight")
    assert gradient is not None
    for told, values in ((layers[0]["gradients"], gradient), (layers[0]["weights"], weight)):
        assert told["shape"] == "6 × 1 × 5 × 5"
        assert told["range"] == pytest.approx([values.min().item(), values.max().item()], rel=0.01)
    assert "weights" not in layers[1]


def test_the_network_and_the_random_numbers_stay_as_they_were(digits: ShownExamples) -> None:
    network = create_model("resnet9", channels=1).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    generator = torch.random.get_rng_state()
    take_snapshot(network, network, digits, LABELS)
    assert torch.equal(torch.random.get_rng_state(), generator)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_of_a_deep_network_some_layers_are_shown(digits: ShownExamples) -> None:
    network = create_model("resnet20", channels=1).eval()
    snapshot = take_snapshot(network, network, digits, LABELS)
    assert len(snapshot["layers"]) == 12
    assert snapshot["note"].startswith("12 of ")
    assert all("weights" in layer for layer in snapshot["layers"])
    assert snapshot["layers"][-1]["kind"] == "fc"


def test_a_network_that_diverged_is_shown_too(digits: ShownExamples) -> None:
    network = create_model("lenet5").eval()
    with torch.no_grad():
        network.get_parameter("features.3.weight").fill_(float("nan"))
    snapshot = take_snapshot(network, network, digits, LABELS)
    json.dumps(snapshot, allow_nan=False)
    assert snapshot["layers"][2]["weights"]["range"] == [None, None]
