from __future__ import annotations

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models.auxiliary import WithAuxiliaries, deployed_parameters, weighted_logits
from edgecnn.models.googlenet import googlenet
from edgecnn.models.lenet5 import lenet5


def test_parameters_with_and_without_auxiliaries() -> None:
    with torch.device("meta"):
        net, plain = googlenet(), googlenet(auxiliaries=False)
    assert sum(p.numel() for p in net.parameters()) == 13_004_888
    assert sum(p.numel() for p in plain.parameters()) == 6_624_904
    assert deployed_parameters(net) == deployed_parameters(plain) == 6_624_904


def test_auxiliary_logits_come_in_training_only() -> None:
    net = googlenet(classes=4, width=0.25)
    assert isinstance(net, WithAuxiliaries)
    inputs = {"input": torch.randn(2, 3, 32, 32)}
    found = weighted_logits(net.train(), inputs)
    assert [(weight, tuple(logits.shape)) for weight, logits in found] == [
        (1.0, (2, 4)),
        (0.3, (2, 4)),
        (0.3, (2, 4)),
    ]
    assert net(**inputs).shape == (2, 4)
    ((weight, logits),) = weighted_logits(net.eval(), inputs)
    assert weight == 1
    torch.testing.assert_close(logits, net(**inputs))


def test_the_auxiliaries_loss_reaches_the_layers_below_them_only() -> None:
    net = googlenet(classes=4, width=0.25).train()
    _, (_, first), _ = weighted_logits(net, {"input": torch.randn(2, 3, 32, 32)})
    first.sum().backward()
    assert net.inception4a.branch1.conv.weight.grad is not None
    assert net.inception4b.branch1.conv.weight.grad is None


def test_built_without_them_there_are_none() -> None:
    net = googlenet(classes=4, width=0.25, auxiliaries=False).train()
    assert net.auxiliary_modules() == []
    assert len(weighted_logits(net, {"input": torch.randn(2, 3, 32, 32)})) == 1


def test_other_networks_have_their_logits_alone() -> None:
    ((weight, logits),) = weighted_logits(lenet5().train(), {"input": torch.zeros(2, 1, 28, 28)})
    assert (weight, logits.shape) == (1.0, (2, 10))


@pytest.mark.parametrize("arguments", [{"width": 0}, {"dropout": 1.0}, {"auxiliary_dropout": -1.0}])
def test_values_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="googlenet"):
        googlenet(**arguments)  # type: ignore[arg-type]
