"""The contract: it survives the file, and what does not hold is refused in one clear line."""

from __future__ import annotations

import contextlib
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edgecnn.errors import MetadataError
from edgecnn.metadata import (
    CONTRACT_KEY,
    GOLDEN_KEY,
    MEASURED_KEY,
    Accuracy,
    BeatInput,
    BoxcarFilter,
    ClassScore,
    DatasetUse,
    Golden,
    GoldenExample,
    ImageInput,
    Latency,
    Measured,
    ModelMetadata,
    Output,
    Parity,
    Provenance,
    Quantization,
    RhythmFeatures,
    decode_golden,
    decode_measured,
    decode_metadata,
    encode,
    from_properties,
)

IMAGE = ImageInput(height=28, width=28, colour="gray", mean=(0.1307,), std=(0.3081,))
BEAT = BeatInput(
    sampling_rate_hz=360.0,
    leads=("MLII",),
    before=90,
    after=110,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)
DIGITS = ModelMetadata(
    name="digits",
    task="classify",
    labels=tuple(string.digits),
    input=IMAGE,
    output=Output(min_score=0.5),
    provenance=Provenance(
        recipe="mnist-lenet5",
        seed=7,
        parameters=61_706,
        datasets=(
            DatasetUse(
                name="mnist", role="train", sha256="0" * 64, samples=60_000,
                attribution="LeCun, Cortes, Burges", licence="none stated",
            ),
        ),
        versions={"torch": "2.13.0"},
        settings={"epochs": 12, "lr": 1e-3, "augment": True, "optimizer": "adamw"},
        quantization=Quantization(
            format="QDQ", activations="uint8", weights="int8", per_channel=True,
            method="minmax", samples=512, kept_fp32=("conv1",),
        ),
    ),
)  # fmt: skip
BEATS = ModelMetadata(name="beats", task="classify", labels=("N", "S", "V", "F"), input=BEAT)
GOLDEN = Golden(
    examples=(
        GoldenExample(media="image/png", data=b"\x89PNG\x00\xff", logits=((0.5, -1.25),)),
        GoldenExample(
            media="signal/int16-uV", data=b"\x01\x00", sampling_rate_hz=360, beats=(0,),
            logits=((1.0, 2.0),),
        ),
    ),
    tolerance={"cpu": 1e-4},
)  # fmt: skip
MEASURED = Measured(
    accuracy=(
        Accuracy(
            dataset="mnist", split="test", metric="top1", value=0.993, interval_95=(0.991, 0.995),
            n=10_000, confusion=((5, 1), (0, 4)),
            per_class={"F": ClassScore(sensitivity=None, positive_predictivity=0.5, f1=None, n=0)},
        ),
    ),
    parity=Parity(max_abs=1e-6, max_rel=1e-5, top1_agreement=1, samples=256, atol=1e-4, rtol=1e-3),
    latency=(Latency(provider="cpu", threads=2, batch=1, p50_ms=0.1, p95_ms=0.2, machine="x"),),
    date="2026-11-21",
)  # fmt: skip


@pytest.mark.parametrize("contract", [DIGITS, BEATS], ids=["image", "beat"])
def test_contract_round_trip(contract: ModelMetadata) -> None:
    assert decode_metadata(encode(contract)) == contract
    assert encode(decode_metadata(encode(contract))) == encode(contract)


def test_golden_round_trip() -> None:
    assert decode_golden(encode(GOLDEN)) == GOLDEN


def test_measured_round_trip() -> None:
    assert decode_measured(encode(MEASURED)) == MEASURED


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
positive = st.floats(min_value=1e-6, max_value=1e6)


@st.composite
def image_inputs(draw: st.DrawFn) -> ImageInput:
    colour = draw(st.sampled_from(["gray", "rgb", "bgr"]))
    channels = 1 if colour == "gray" else 3
    height, width = draw(st.integers(1, 1024)), draw(st.integers(1, 1024))
    floats = st.floats(allow_nan=False, allow_infinity=False)
    return ImageInput(
        name=draw(names),
        layout=draw(st.sampled_from(["NCHW", "NHWC"])),
        height=height,
        width=width,
        colour=colour,
        resize=draw(st.sampled_from(["stretch", "crop", "letterbox"])),
        shorter_side=draw(st.none() | st.integers(max(height, width), 2048)),
        pad_value=draw(st.integers(0, 255)),
        scale=draw(positive),
        mean=tuple(draw(st.lists(floats, min_size=channels, max_size=channels))),
        std=tuple(draw(st.lists(positive, min_size=channels, max_size=channels))),
    )


@st.composite
def beat_inputs(draw: st.DrawFn) -> BeatInput:
    return BeatInput(
        sampling_rate_hz=draw(positive),
        leads=(draw(names),),
        before=draw(st.integers(1, 1000)),
        after=draw(st.integers(1, 1000)),
        filter=BoxcarFilter(baseline_s=draw(positive), smooth_s=draw(positive)),
        template_beats=draw(st.integers(1, 100)),
        rhythm=RhythmFeatures(short=draw(st.integers(1, 99)), longest_s=draw(positive)),
    )


@given(
    name=names,
    labels=st.lists(names, min_size=1, max_size=30, unique=True),
    spec=image_inputs() | beat_inputs(),
    activation=st.sampled_from(["softmax", "sigmoid", "none"]),
    min_score=st.floats(0, 1),
    settings=st.dictionaries(names, st.text() | st.booleans() | st.integers(-(2**53), 2**53)),
)
def test_any_valid_contract_round_trips(
    name: str, labels: list[str], spec: Any, activation: Any, min_score: float, settings: Any
) -> None:
    contract = ModelMetadata(
        name=name,
        task="classify",
        labels=tuple(labels),
        input=spec,
        output=Output(activation=activation, min_score=min_score),
        provenance=Provenance(settings=settings),
    )
    assert decode_metadata(encode(contract)) == contract


def test_plain_json_that_reads_without_this_package() -> None:
    document = json.loads(encode(DIGITS))
    assert document["schema"] == 1
    assert document["labels"] == list(string.digits)
    assert document["input"]["kind"] == "image"
    assert document["input"]["mean"] == [0.1307]


def test_key_order_is_stable() -> None:
    one = Provenance(versions={"a": "1", "b": "2"})
    other = Provenance(versions={"b": "2", "a": "1"})
    assert encode(replace(DIGITS, provenance=one)) == encode(replace(DIGITS, provenance=other))


def changed(document: ModelMetadata | Golden | Measured, path: str, value: object) -> str:
    """JSON of a document with one value replaced: ``input.height``."""
    whole = json.loads(encode(document))
    *parents, last = path.split(".")
    at = whole
    for key in parents:
        at = at[key]
    at[last] = value
    return json.dumps(whole)


def test_unknown_keys_are_ignored() -> None:
    text = changed(DIGITS, "added_later", {"deep": [1, 2]})
    assert decode_metadata(text) == DIGITS
    assert decode_metadata(changed(DIGITS, "input.added_later", 1)) == DIGITS


@pytest.mark.parametrize("read", [decode_metadata, decode_golden, decode_measured])
def test_newer_schema_is_refused_whatever_else_it_holds(read: Any) -> None:
    with pytest.raises(MetadataError, match="has schema 2; this edgecnn reads 1") as caught:
        read('{"schema": 2, "labels": "in a form of the future"}')
    assert "update edgecnn" in (caught.value.hint or "")


BAD_VALUES = [
    ("task", "divine", "task"),
    ("labels", [], "labels"),
    ("labels", ["a", "a"], "two labels are the same"),
    ("labels", ["a", " "], "a label is empty"),
    ("labels", [1, 2], "labels"),
    ("name", None, "name"),
    ("schema", "1", "schema"),
    ("input.kind", "smell", "smell"),
    ("input.height", 0, "height"),
    ("input.height", 28.5, "height"),
    ("input.colour", "hsv", "hsv"),
    ("input.resize", "melt", "melt"),
    ("input.interpolation", "nearest", "nearest"),
    ("input.pad_value", 256, "pad_value"),
    ("input.scale", 0, "scale"),
    ("input.mean", [0.1, 0.2, 0.3], "mean has 3 values for 1 channels"),
    ("input.std", [0.0], "std"),
    ("input.shorter_side", 20, "shorter_side 20 does not cover"),
    ("output.min_score", 1.5, "min_score"),
    ("output.activation", "relu", "relu"),
    ("provenance.settings", {"a": [1]}, "settings"),
    ("provenance.parameters", -1, "parameters"),
]


@pytest.mark.parametrize(
    ("path", "value", "said"), BAD_VALUES, ids=[f"{p}={v}" for p, v, _ in BAD_VALUES]
)
def test_bad_value_is_one_clear_line(path: str, value: object, said: str) -> None:
    with pytest.raises(MetadataError) as caught:
        decode_metadata(changed(DIGITS, path, value))
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("metadata `edgecnn` does not hold")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "value"),
    [("input.leads", []), ("input.leads", ["I", "II"]), ("input.sampling_rate_hz", 0),
     ("input.unit", "uV"), ("input.filter", None), ("input.before", 0)],
)  # fmt: skip
def test_bad_beat_input(path: str, value: object) -> None:
    with pytest.raises(MetadataError):
        decode_metadata(changed(BEATS, path, value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "\x00", '{"schema": '])
def test_not_json_is_one_clear_line(text: str) -> None:
    with pytest.raises(MetadataError, match="is not a JSON object") as caught:
        decode_metadata(text)
    assert "\n" not in caught.value.message


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MetadataError):
        decode_metadata(text)


def test_bad_golden() -> None:
    with pytest.raises(MetadataError, match=r"`edgecnn\.golden`"):
        decode_golden(changed(GOLDEN, "examples", []))
    with pytest.raises(MetadataError, match=r"`edgecnn\.golden`"):
        decode_golden(changed(GOLDEN, "tolerance", {"cpu": -1}))


def test_from_properties() -> None:
    properties = {
        CONTRACT_KEY: encode(DIGITS),
        GOLDEN_KEY: encode(GOLDEN),
        MEASURED_KEY: encode(MEASURED),
        "other tool": "x",
    }
    assert from_properties(properties, "a.onnx") == (DIGITS, GOLDEN, MEASURED)
    assert from_properties({CONTRACT_KEY: encode(DIGITS)}, "a.onnx") == (DIGITS, None, None)


def test_from_properties_names_the_file() -> None:
    with pytest.raises(MetadataError, match=r"^a\.onnx has no edgecnn metadata"):
        from_properties({}, "a.onnx")
    with pytest.raises(MetadataError, match=r"^a\.onnx: metadata `edgecnn.measured`"):
        from_properties({CONTRACT_KEY: encode(DIGITS), MEASURED_KEY: "{"}, "a.onnx")


def test_tensors_follow_the_layout() -> None:
    colour = {"colour": "rgb", "mean": (0.0,) * 3, "std": (1.0,) * 3}
    assert ImageInput(height=2, width=3, **colour).tensors == {"input": (3, 2, 3)}
    assert ImageInput(height=2, width=3, layout="NHWC", **colour).tensors == {"input": (2, 3, 3)}
    assert BEAT.tensors == {"beat": (2, 200), "rr": (5,)}


def test_look_ahead_covers_window_filter_and_next_beat() -> None:
    assert BEAT.look_ahead_s == pytest.approx(1.2)
    wide = BeatInput(
        sampling_rate_hz=100, leads=("I",), before=10, after=100,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02), rhythm=RhythmFeatures(),
    )  # fmt: skip
    assert wide.look_ahead_s == pytest.approx(1.6)
