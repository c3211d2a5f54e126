"""The model card says what the file holds, in words."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from edgecnn.metadata import (
    Accuracy,
    BeatInput,
    BoxcarFilter,
    ClassScore,
    DatasetUse,
    ImageInput,
    Latency,
    Measured,
    Output,
    Parity,
    Provenance,
    Quantization,
    RhythmFeatures,
)
from edgecnn.runtime.card import describe_input, describe_output, model_card
from edgecnn.runtime.inspection import Inspection, inspect_model

BEAT = BeatInput(
    sampling_rate_hz=360.0, leads=("MLII",), before=90, after=110,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02), rhythm=RhythmFeatures(),
)  # fmt: skip


def full(model: Path) -> Inspection:
    found = inspect_model(model)
    assert found.metadata is not None
    provenance = Provenance(
        recipe="digits", architecture="lenet5", seed=7, parameters=61_706,
        command="edgecnn train digits --set train.epochs=3",
        datasets=(
            DatasetUse(name="mnist", role="train", sha256="0123456789abcdef" * 4, samples=60_000,
                       attribution="LeCun", licence="none stated", note="a note"),
        ),
        versions={"torch": "2.13.0"},
        quantization=Quantization(
            format="QDQ", activations="uint8", weights="int8", per_channel=True,
            method="minmax", samples=512, kept_fp32=("conv1",),
        ),
        settings={"quantize.target": "arm"},
    )  # fmt: skip
    measured = Measured(
        accuracy=(
            Accuracy(
                dataset="mnist", split="test", metric="top1", value=0.993,
                interval_95=(0.991, 0.995), n=10_000,
                per_class={
                    "V": ClassScore(sensitivity=0.5, positive_predictivity=None, f1=None, n=12)
                },
            ),
        ),
        parity=Parity(
            max_abs=1e-6, max_rel=1e-5, top1_agreement=1, samples=256, atol=1e-4, rtol=1e-3
        ),
        latency=(
            Latency(provider="cpu", threads=2, batch=1, p50_ms=0.125, p95_ms=0.25, machine="Acme"),
        ),
        training_seconds=1766.6, date="2026-11-21", note="trained with 1 thread(s) on Acme",
    )  # fmt: skip
    metadata = replace(found.metadata, provenance=provenance)
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Inspection(**{**fields, "metadata": metadata, "measured": measured})


def test_everything_is_said(picture_model: Path) -> None:
    text = "\n".join(f"{what}: {said}" for what, said in model_card(full(picture_model)))
    for part in (
        "labels: 3: dark, grey, bright",
        "input: picture -> gray 28 x 28, centre cut out",
        "'logits' -> softmax",
        "recipe digits, architecture lenet5, seed 7",
        "parameters: 61,706",
        "command: edgecnn train digits --set train.epochs=3",
        "train: mnist, 60,000 (LeCun; none stated), sha256 0123456789abcdef",
        "trained: in 1,767 s",
        "note: trained with 1 thread(s) on Acme",
        "a note",
        "QDQ, activations uint8, weights int8 per channel, minmax over 512 samples, for arm",
        "kept in FP32: conv1",
        "torch 2.13.0",
        "golden: 3 pictures; logits may drift by: cpu 0.001",
        "top1 0.9930 (95 %: 0.9910 to 0.9950) on mnist:test, n = 10,000",
        "V: Se 0.500 (n = 12)",
        "on 256 inputs, same label on 100.00%",
        "0.125 ms median, 0.25 ms p95, batch 1, cpu, 2 threads on Acme",
        "graph: opset ONNX 17; IR 8",
        "takes: 'input' float (N, 1, 28, 28)",
        "on cpu:",
    ):
        assert part in text


def test_lines_are_lines(picture_model: Path) -> None:
    for what, said in model_card(full(picture_model)):
        assert "\n" not in what + said
        assert said


def test_input_in_words() -> None:
    colour = {"colour": "rgb", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    crop = ImageInput(height=224, width=224, shorter_side=256, **colour)
    assert describe_input(crop) == [
        "picture -> rgb 224 x 224, centre cut out after scaling the shorter side to 256 "
        "(averaged by area)",
        "(pixel x 0.00392157 - 0.485, 0.456, 0.406) / 0.229, 0.224, 0.225",
    ]
    box = ImageInput(height=9, width=9, colour="gray", resize="letterbox", pad_value=114)
    assert "fitted in, padded with 114" in describe_input(box)[0]
    beat = " | ".join(describe_input(BEAT))
    assert "lead MLII in mV at 360 Hz" in beat
    assert "90 samples before each R peak, 110 from it on (0.56 s)" in beat
    assert "at most 1.20 s after its R peak" in beat


def test_output_in_words() -> None:
    assert describe_output(Output()) == "'logits' -> softmax"
    assert describe_output(Output(activation="none", min_score=0.5)) == (
        "'logits' -> scores; below 0.5: unknown"
    )
