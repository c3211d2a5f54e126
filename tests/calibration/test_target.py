from __future__ import annotations

import pytest

from edgecnn.calibration import target
from edgecnn.calibration.target import this_machine, types_for
from edgecnn.errors import UsageError


@pytest.mark.parametrize(
    ("machine", "vnni", "name"),
    [
        ("x86_64", True, "x86-vnni"),
        ("AMD64", False, "x86"),
        ("aarch64", False, "arm"),
        ("armv7l", False, "arm"),
        ("arm64", True, "arm"),
    ],
)
def test_machines_are_told_apart(machine, vnni, name):
    assert this_machine(machine, vnni=vnni) == name


@pytest.mark.parametrize(
    ("name", "activations", "reduced"),
    [("x86-vnni", "uint8", False), ("x86", "uint8", True), ("arm", "int8", False)],
)
def test_types_suit_the_target_wherever_they_are_chosen(name, activations, reduced, monkeypatch):
    monkeypatch.setattr(target, "has_vnni", lambda: not reduced)
    types = types_for(name)
    assert (types.target, types.activations, types.reduce_range) == (name, activations, reduced)
    assert types.reason


@pytest.mark.parametrize("name", ["x86-vnni", "x86", "arm"])
def test_auto_is_what_this_machine_is(name, monkeypatch):
    monkeypatch.setattr(target, "this_machine", lambda: name)
    assert types_for().target == types_for("auto").target == name


def test_cuda_is_refused_with_the_way_out():
    with pytest.raises(UsageError, match="needs TensorRT") as caught:
        types_for("cuda")
    assert "FP32" in caught.value.hint


def test_unknown_target_names_the_known_ones():
    with pytest.raises(UsageError, match="unknown target: riscv") as caught:
        types_for("riscv")
    assert "x86-vnni" in caught.value.hint
