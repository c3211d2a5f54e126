from __future__ import annotations

import contextlib

import msgspec
import numpy as np
import pytest

from edgecnn.errors import GoldenError
from edgecnn.export.drawings import draw_examples, drawn_inputs
from edgecnn.export.golden import make_golden
from edgecnn.metadata import (
    GOLDEN_LIMIT_BYTES,
    BeatInput,
    BoxcarFilter,
    ImageInput,
    ModelMetadata,
    RhythmFeatures,
    encode,
)
from edgecnn.preprocessing.picture import decode_picture
from edgecnn.runtime.golden import check_golden, golden_inputs


def _brightness(inputs):
    """Three classes: dark, middling, bright."""
    mean = inputs["input"].mean(axis=(1, 2, 3))
    return np.stack([-8 * mean, 4 - 16 * np.abs(mean - 0.5), 8 * mean - 8], axis=1).astype("f4")


@pytest.fixture
def contract() -> ModelMetadata:
    spec = ImageInput(height=24, width=32, colour="gray")
    return ModelMetadata(name="t", task="classify", labels=("a", "b", "c"), input=spec)


def test_raw_inputs_are_larger_than_the_networks(contract):
    golden = make_golden(contract, _brightness)
    assert golden is not None
    for example in golden.examples:
        height, width = decode_picture(example.data).shape[:2]
        assert height > 24
        assert width > 32


def test_margin_is_wide_and_labels_are_several(contract):
    golden = make_golden(contract, _brightness)
    assert golden is not None
    logits = np.array([example.logits[0] for example in golden.examples])
    ordered = np.sort(logits, axis=1)
    assert (ordered[:, -1] - ordered[:, -2]).min() >= 2 * max(golden.tolerance.values())
    assert set(logits.argmax(axis=1)) == {0, 1, 2}
    assert set(golden.tolerance) == {"cpu", "cuda"}


def test_the_runtime_accepts_them(contract):
    golden = make_golden(contract, _brightness)
    assert check_golden(golden, contract, _brightness, provider="cpu", source="t") == []


def test_the_runtime_notices_another_network(contract):
    golden = make_golden(contract, _brightness)
    with pytest.raises(GoldenError, match="but on this machine"):
        check_golden(
            golden, contract, lambda x: _brightness(x)[:, ::-1], provider="cpu", source="t"
        )
    drifting = check_golden(
        golden, contract, lambda x: _brightness(x) + np.float32(0.1), provider="cpu", source="t"
    )
    assert "drift" in drifting[0]


def test_the_runtime_notices_another_resizing(contract):
    """What the raw inputs are for: preprocessing that differs must not pass."""
    golden = make_golden(contract, _brightness)
    stretched = msgspec.structs.replace(
        contract, input=msgspec.structs.replace(contract.input, scale=1 / 200)
    )
    with contextlib.suppress(GoldenError):
        assert check_golden(golden, stretched, _brightness, provider="cpu", source="t") != []


def test_network_that_tells_nothing_apart_gets_none(contract):
    assert make_golden(contract, lambda x: np.full((len(x["input"]), 3), 0.2, "f4")) is None
    assert make_golden(contract, lambda x: np.zeros((len(x["input"]), 3), "f4")) is None


def test_document_stays_within_its_limit():
    spec = ImageInput(height=480, width=640, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
    labels = tuple(f"class {i}" for i in range(1000))
    contract = ModelMetadata(name="t", task="classify", labels=labels, input=spec)

    def run(inputs):
        mean = inputs["input"].mean(axis=(1, 2, 3))
        logits = np.random.default_rng(0).normal(size=(len(mean), 1000)).astype("f4")
        logits[np.arange(len(mean)), (mean * 999).astype(int)] += 30
        return logits

    golden = make_golden(contract, run)
    assert golden is not None
    assert len(encode(golden)) <= GOLDEN_LIMIT_BYTES


def test_drawings_are_the_same_for_the_same_seed(contract):
    first, again, other = (draw_examples(contract, 6, seed=s) for s in (3, 3, 4))
    assert first == again
    assert first != other
    assert len({example.data for example in first}) == 6


def test_drawings_show_digits_to_a_network_of_digits():
    spec = ImageInput(height=28, width=28, colour="gray")
    digits = ModelMetadata(name="d", task="classify", labels=tuple("0123456789"), input=spec)
    one, seven = (golden_inputs(e, spec)["input"][0, 0] for e in draw_examples(digits, 8)[1:8:6])
    assert one.shape == (28, 28)
    assert one.max() > 0.9
    # A 1 is a narrow stroke, a 7 has a bar on top.
    assert (seven[:10] > 0.5).sum() > (one[:10] > 0.5).sum() + 10
    assert drawn_inputs(digits, 12)["input"].shape == (12, 1, 28, 28)


@pytest.fixture
def beats() -> ModelMetadata:
    spec = BeatInput(
        sampling_rate_hz=250,
        leads=("MLII",),
        before=60,
        after=90,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    return ModelMetadata(name="t", task="classify", labels=("N", "V"), input=spec)


def _widths(inputs):
    """A beat is a V when it differs from those before it; some beats are borderline."""
    beat, template = inputs["beat"][:, 0], inputs["beat"][:, 1]
    difference = np.abs(beat - template).mean(axis=1)
    return np.stack([0.25 - difference, difference - 0.25], axis=1).astype("f4")


def test_ecg_of_a_beat_model(beats):
    golden = make_golden(beats, _widths)
    assert golden is not None
    assert check_golden(golden, beats, _widths, provider="cpu", source="t") == []
    answers = np.concatenate([np.array(e.logits) for e in golden.examples])
    assert set(answers.argmax(axis=1)) == {0, 1}
    assert np.abs(answers[:, 0] - answers[:, 1]).min() >= 2 * max(golden.tolerance.values())
    for example in golden.examples:
        assert example.sampling_rate_hz == 250
        assert len(example.beats) == len(example.logits)
        assert len(example.data) == 8 * 250 * 2


def test_drawn_inputs_of_a_beat_model(beats):
    inputs = drawn_inputs(beats, 3)
    assert inputs["beat"].shape[1:] == (2, 150)
    assert len(inputs["beat"]) == len(inputs["rr"]) > 15
