from __future__ import annotations

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models.lenet5 import lenet5


def test_layers_have_the_papers_shapes() -> None:
    shapes = []
    model = lenet5().eval()
    for layer in [*model.features, *model.classifier]:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.MaxPool2d | torch.nn.Linear):
            layer.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    model(torch.zeros(1, 1, 28, 28))
    # C1, S2, C3, S4, C5, F6, output.
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]


@pytest.mark.parametrize("arguments", [{"classes": 0}, {"channels": 0}, {"dropout": 1.0}])
def test_values_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="lenet5"):
        lenet5(**arguments)  # type: ignore[arg-type]
