from __future__ import annotations

import pytest

from edgecnn.calibration.target import types_for_machine


@pytest.mark.parametrize(
    ("machine", "vnni", "activations", "reduced"),
    [
        ("x86_64", True, "uint8", False),
        ("AMD64", False, "uint8", True),
        ("aarch64", False, "int8", False),
        ("armv7l", False, "int8", False),
        ("arm64", True, "int8", False),
    ],
)
def test_types_suit_the_machine(machine, vnni, activations, reduced):
    types = types_for_machine(machine, vnni=vnni)
    assert (types.activations, types.reduce_range) == (activations, reduced)
    assert types.reason


def test_this_machine_is_known():
    assert types_for_machine().activations in ("uint8", "int8")
