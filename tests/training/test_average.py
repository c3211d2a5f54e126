from __future__ import annotations

import torch

from edgecnn.models import create_model
from edgecnn.training.average import WeightAverage


def test_no_decay_keeps_the_last_weights() -> None:
    module = create_model("resnet9")
    average = WeightAverage(module, 0.0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    module.train()(torch.randn(4, 3, 32, 32))
    average.update(module)
    for key, value in module.state_dict().items():
        torch.testing.assert_close(average.module.state_dict()[key], value)


def test_the_average_follows_at_its_decay_and_early_faster() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    average = WeightAverage(module, 0.5)
    torch.nn.init.ones_(module.weight)
    seen = []
    for _ in range(20):
        average.update(module)
        seen.append(average.module.weight.item())
    assert abs(seen[0] - 0.9) < 1e-6
    assert seen == sorted(seen)
    torch.nn.init.zeros_(module.weight)
    last = seen[-1]
    average.update(module)
    assert abs(average.module.weight.item() - 0.5 * last) < 1e-6


def test_the_average_does_not_learn_by_itself() -> None:
    average = WeightAverage(create_model("lenet5"), 0.9)
    assert not any(p.requires_grad for p in average.module.parameters())
    assert not average.module.training
