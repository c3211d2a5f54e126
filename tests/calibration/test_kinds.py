from __future__ import annotations

import pytest

from edgecnn.calibration.kinds import choose_kind
from edgecnn.errors import UsageError
from edgecnn.metadata import CharacterInput, ModelMetadata

WRITES = ModelMetadata(
    name="writer", task="generate", labels=(), input=CharacterInput(vocabulary=("a", "b"))
)


def _choose(kind, metadata, target="auto"):
    return choose_kind(kind, metadata, target, "auto", reduce_range=None)


def test_what_suits_network_and_target(metadata):
    assert _choose("auto", metadata).kind == "static"
    assert _choose("auto", WRITES).kind == "dynamic"
    assert _choose("weights", WRITES).kind == "weights"
    assert _choose("weights", metadata, "cuda").types.target == "cuda"
    assert _choose("auto", metadata, "cuda").kind == "fp16"


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("static", "cuda", "TensorRT"),
        ("dynamic", "cuda", "TensorRT"),
        ("fp16", "x86", "in FP32 on x86"),
        ("fp16", "arm", "in FP32 on arm"),
        ("int3", "auto", "unknown form"),
    ],
)
def test_what_a_target_cannot_run_is_refused(metadata, kind, target, message):
    with pytest.raises(UsageError, match=message):
        _choose(kind, metadata, target)


def test_a_network_that_writes_has_no_static_form():
    with pytest.raises(UsageError, match="no LSTM between"):
        _choose("static", WRITES)
