from __future__ import annotations

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.models import architecture, create_model, model_names


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="no model named 'lenet'") as error:
        create_model("lenet")
    assert error.value.hint == f"there are: {', '.join(model_names())}"


def test_an_unknown_argument_lists_the_known() -> None:
    with pytest.raises(UsageError, match="lenet5 takes no argument 'clases'") as error:
        create_model("lenet5", clases=3)
    assert error.value.hint == "it takes: classes, channels, dropout"


@pytest.mark.parametrize("name", model_names())
def test_parameters_are_counted_without_memory(name: str) -> None:
    entry = architecture(name)
    built = sum(p.numel() for p in entry.build().parameters())
    assert entry.count_parameters() == built


@pytest.mark.parametrize("name", model_names())
def test_a_seed_gives_the_same_weights(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(create_model(name).state_dict())
    for key, value in states[0].items():
        torch.testing.assert_close(value, states[1][key], rtol=0, atol=0)
