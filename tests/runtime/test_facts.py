import dataclasses

import msgspec
import pytest

from edgecnn.explain.inside import title_of
from edgecnn.metadata import Accuracy, HalfPrecision, Measured, Provenance, Quantization
from edgecnn.runtime.facts import model_facts
from edgecnn.runtime.session import load_model


def _accuracy(metric, value):
    return Accuracy(
        dataset="set",
        split="test",
        metric=metric,
        value=value,
        interval_95=(value - 0.01, value + 0.01),
        n=1234,
    )


def _quantization(weights):
    return Quantization(
        format="weights",
        activations="float32",
        weights=weights,
        per_channel=True,
        method="largest",
        samples=0,
    )


def test_what_a_page_says_about_a_model(picture_model):
    model = load_model(picture_model, provider="cpu")
    measured = Measured(accuracy=(_accuracy("accuracy", 0.9), _accuracy("macro-F1 (N,S,V)", 0.7)))
    facts = model_facts(dataclasses.replace(model, measured=measured))
    assert facts["Input"] == "28 × 28 gray, crop"
    assert facts["Labels"] == "dark, grey, bright"
    assert facts["Accuracy on set test"] == "90.00 % (89.00 to 91.00; n = 1,234)"
    assert facts["Macro-F1 (N,S,V) on set test"] == "0.700 (0.690 to 0.710; n = 1,234)"
    assert facts["Runs on"] == "cpu, 3/3 nodes"


def test_bundled_models_state_what_was_measured():
    facts = model_facts(load_model("bundled:mnist-lenet5", provider="cpu"))
    assert facts["Accuracy on mnist test"].startswith("99.")
    assert facts["Parameters"] == "61,706"
    beats = model_facts(load_model("bundled:ecg-beats", provider="cpu"))
    assert beats["Input"] == "MLII, 360 Hz, mV"


def test_a_model_for_any_size_says_so(tmp_path):
    from edgecnn.models.kernel_file import export_kernel

    export_kernel("edges", tmp_path / "k.onnx", colour="gray")
    facts = model_facts(load_model(tmp_path / "k.onnx", provider="cpu"))
    assert facts["Input"] == "any size, gray"
    assert facts["Task"] == "image-to-image"
    assert "Labels" not in facts


@pytest.mark.parametrize(
    ("provenance", "said"),
    [
        ({}, None),
        ({"half": HalfPrecision()}, "FP16"),
        ({"quantization": _quantization("int8")}, "INT8 (weights, largest)"),
        ({"quantization": _quantization("int4")}, "INT4 (weights, largest)"),
    ],
)
def test_the_precision_is_that_of_the_weights(picture_model, provenance, said):
    model = load_model(picture_model, provider="cpu")
    told = Provenance(**provenance)
    metadata = msgspec.structs.replace(model.metadata, provenance=told)
    changed = dataclasses.replace(model, metadata=metadata)
    assert model_facts(changed).get("Precision") == said
    title = title_of(changed, "x")
    assert title.startswith(f"{metadata.name} ({told.precision})" if said else f"{metadata.name}  ")
