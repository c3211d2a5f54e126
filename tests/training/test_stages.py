from __future__ import annotations

import pytest
import torch
from torch import nn

from edgecnn.errors import RecipeError
from edgecnn.models import create_model
from edgecnn.training.examples import Examples
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit
from edgecnn.training.settings import TrainSettings, Transfer
from edgecnn.training.stages import StagePlan, stages_of
from edgecnn.training.tasks.classify import CrossEntropy


@pytest.mark.parametrize(
    "name", ["lenet5", "mlp", "resnet9", "beat-net", "resnet18", "mobilenet-v2", "googlenet"]
)
def test_every_parameter_is_in_one_stage(name: str) -> None:
    module = create_model(name)
    stages = stages_of(module)
    for key, _ in module.named_parameters():
        assert sum(stage.owns(key) for stage in stages) == 1, key
    linear = [key for key, m in module.named_modules() if isinstance(m, nn.Linear)][-1]
    assert stages[-1].owns(f"{linear}.weight")


def test_the_head_is_the_last_layer_alone() -> None:
    for name in ("lenet5", "mlp", "mobilenet-v3-small", "vgg11"):
        module = create_model(name, **({"width": 0.1} if name == "vgg11" else {}))
        head = stages_of(module)[-1]
        owned = [key for key, _ in module.named_parameters() if head.owns(key)]
        assert owned == [key for key, _ in module.named_parameters()][-2:]


def test_classifiers_that_only_training_uses_belong_to_the_head() -> None:
    module = create_model("googlenet", width=0.25)
    *below, head = stages_of(module)
    assert head.names == ("fc", "aux1", "aux2")
    assert not any(name.startswith("aux") for stage in below for name in stage.names)


def changed(transfer: Transfer, epochs: int) -> list[bool]:
    """Tell of each stage of a small network whether training changed it."""
    torch.manual_seed(0)
    module = create_model("resnet9", classes=2, widths=[8, 8, 8, 8])
    before = {key: value.clone() for key, value in module.state_dict().items()}
    settings = TrainSettings(epochs=epochs, batch=8, peak_rate=0.05)
    data = Examples({"input": torch.randn(16, 3, 32, 32)}, torch.arange(16) % 2)
    state = FitState.fresh(module, settings, transfer)
    fit(state, data, None, settings, CrossEntropy())
    return [
        any(
            not torch.equal(value, before[key])
            for key, value in state.module.state_dict().items()
            if stage.owns(key)
        )
        for stage in stages_of(state.module)
    ]


def test_only_the_head_learns_when_it_is_asked_for() -> None:
    *below, head = changed(Transfer(source="x", train_stages=0), 2)
    assert head
    assert not any(below), "weights or batch-norm statistics of a frozen stage moved"


def test_the_last_stages_learn() -> None:
    assert changed(Transfer(source="x", train_stages=2), 1)[-4:] == [False, True, True, True]


def test_stages_thaw_one_after_another() -> None:
    gradual = Transfer(source="x", train_stages=0, unfreeze_every=2)
    assert changed(gradual, 2)[-3:] == [False, False, True]
    assert changed(gradual, 3)[-3:] == [False, True, True]
    assert changed(gradual, 5)[-3:] == [True, True, True]


def test_earlier_stages_learn_more_slowly() -> None:
    module = create_model("resnet9")
    settings = TrainSettings(epochs=1, batch=1, peak_rate=0.1)
    state = FitState.fresh(module, settings, Transfer(source="x", rate_decay=0.5))
    factors = {group["factor"] for group in state.optimizer.param_groups}
    stages = len(stages_of(module))
    assert factors == {0.5**i for i in range(stages)}
    assert StagePlan(module, Transfer(source="x", rate_decay=0.5)).factor("classifier.bias") == 1


def test_more_stages_than_there_are() -> None:
    with pytest.raises(RecipeError, match=r"train_stages=99: the network has \d+ stages below"):
        StagePlan(create_model("lenet5"), Transfer(source="x", train_stages=99))
