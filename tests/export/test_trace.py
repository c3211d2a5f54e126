from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.errors import ModelError, UsageError
from edgecnn.export import trace as traced
from edgecnn.export.opset import opset_of
from edgecnn.export.trace import OPSETS, trace

X = {"input": np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)}


class _Two(nn.Module):
    def forward(self, beat: torch.Tensor, rr: torch.Tensor) -> torch.Tensor:
        return beat.mean(dim=2) + rr


def test_inputs_and_output_get_the_contracts_names():
    inputs = {name: np.ones((3, 2, *rest), np.float32) for name, rest in (("b", (5,)), ("r", ()))}
    model = trace(_Two(), inputs, outputs=("scores",))
    assert [value.name for value in model.graph.input] == ["b", "r"]
    assert [value.name for value in model.graph.output] == ["scores"]
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_single_sample_is_enough():
    one = {"input": X["input"][:1]}
    model = trace(nn.Flatten(), one)
    assert model.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("opset", [OPSETS.start - 1, OPSETS.stop])
def test_opset_out_of_range(opset):
    with pytest.raises(UsageError, match=f"opset {opset} cannot be written"):
        trace(nn.Flatten(), X, opset=opset)


def test_opset_that_the_exporter_replaces_silently(monkeypatch):
    """Asked for 13, the exporter fails to convert down and hands over 18."""
    monkeypatch.setattr(traced, "OPSETS", range(13, 24))
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="asked for opset 13, the exporter wrote 18"):
        trace(net, X, opset=13)


class _TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.flatten(1), x


def test_two_outputs():
    with pytest.raises(ModelError):
        trace(_TwoOutputs(), X)


def test_weights_are_inside_and_nothing_is_said(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = trace(nn.Sequential(nn.Flatten(), nn.Linear(64, 400)), X)
    assert opset_of(model) == 20
    assert all(t.data_location == 0 for t in model.graph.initializer)
    assert capsys.readouterr() == ("", "")


class _Raises(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1] == 9
        return x


def test_what_forward_raises_is_told():
    with pytest.raises(
        ModelError,
        match=r"_Raises cannot be traced: AssertionError\b.* \(test_trace.py, line \d+\)",
    ):
        trace(_Raises(), X)


def test_whatever_the_exporter_lets_through(monkeypatch):
    def fail(*_, **__):
        raise AttributeError("'Net' object has no attribute 'fc'")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ModelError, match="AttributeError: 'Net' object has no attribute 'fc'"):
        trace(nn.Flatten(), X)


class _Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


def test_a_branch_on_a_value_is_found(capfd):
    with pytest.raises(ModelError) as caught:
        trace(_Branches(), X)
    line = _Branches.forward.__code__.co_firstlineno + 1
    assert caught.value.message == (
        "_Branches cannot be traced: what it does next depends on a value of its input "
        f"(test_trace.py, line {line})"
    )
    # PyTorch logs a warning of its own.
    assert capfd.readouterr() == ("", "")
