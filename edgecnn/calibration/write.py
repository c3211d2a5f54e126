"""An 8-bit file, measured before it is put in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import onnx

from edgecnn.calibration.baseline import measure_baseline
from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.kinds import KindChoice
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.making import Told
from edgecnn.calibration.outcome import Outcome, dataset_name
from edgecnn.calibration.pay import refuse_slower, will_it_pay
from edgecnn.calibration.plan import Plan
from edgecnn.calibration.provenance import measured_of, with_provenance
from edgecnn.calibration.settle import Settled
from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import INT8_DRIFT, make_golden
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import Baseline, CharacterInput, ModelMetadata, Quantization
from edgecnn.runtime.session import load_model

__all__ = ["Written", "recipe_of", "write_integer"]

_FORMATS: dict[str, Literal["QDQ", "dynamic", "weights"]] = {
    "static": "QDQ",
    "dynamic": "dynamic",
    "weights": "weights",
}


@dataclass(frozen=True)
class Written:
    """A file that is in its place, with what was measured of it.

    Attributes
    ----------
    recipe : Quantization
    fusion : Fusion
    outcome : Outcome
    latency : Comparison
    """

    recipe: Quantization
    fusion: Fusion
    outcome: Outcome
    latency: Comparison


def recipe_of(plan: Plan, made: Told, settled: Settled, fusion: Fusion) -> Quantization:
    """Say how a form was made, as its file tells it."""
    choice = plan.choice
    return Quantization(
        format=_FORMATS[choice.kind],
        activations=_activations(choice),
        weights="int4" if choice.block else "int8",
        per_channel=not choice.block,
        method=made.method,
        samples=made.samples,
        reduce_range=choice.kind != "weights" and choice.types.reduce_range,
        kept_fp32=fusion.kept,
        bias_corrected=settled.bias_corrected,
        source_sha256=sha256_of(plan.source),
        block=choice.block,
        kept_int8=settled.chosen.kept_int8 if settled.chosen else (),
    )


def write_integer(
    plan: Plan,
    quantized: onnx.ModelProto,
    recipe: Quantization,
    fusion: Fusion,
    feature: str | None,
    *,
    check: Callable[[Outcome], None],
) -> Written:
    """Write a graph with its contract, after it was compared, timed and described.

    Parameters
    ----------
    quantized : onnx.ModelProto
        It is given the metadata.
    feature : str or None
        The tensor that the baseline tells of, beside inputs and outputs.
    check : callable
        Raises where what was measured does not do.

    Raises
    ------
    EdgeCNNError
        It is slower than the FP32 file, or ``check`` says no: nothing is written.
    """
    request, fp32 = plan.request, plan.fp32
    target = plan.choice.types.target
    metadata = with_provenance(fp32.metadata, recipe, request.calibration, target)
    embed(quantized, metadata)
    with atomic_path(request.out) as temporary:
        temporary.write_bytes(serialized(quantized))
        int8 = load_model(
            temporary, provider="cpu", threads=request.threads, check=False, spinning=False
        )
        outcome = plan.judge_result(int8)
        check(outcome)
        request.tell("timing", 0, 1)
        latency = will_it_pay(
            lambda: fp32.run(plan.sample),
            lambda: int8.run(plan.sample),
            seconds=request.seconds,
        )
        request.tell("timing", 1, 1)
        if not request.allow_slower:
            refuse_slower(latency, target, fusion, name=plan.precision, form=plan.choice.kind)
        golden = make_golden(metadata, int8.run, drift=INT8_DRIFT)
        baseline = _baseline(plan, quantized, metadata, feature)
        measured = measured_of(fp32, outcome, latency, request.threads, precision=plan.precision)
        embed(quantized, metadata, golden, measured, baseline)
        temporary.write_bytes(serialized(quantized))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    return Written(recipe, fusion, outcome, latency)


def _baseline(
    plan: Plan, quantized: onnx.ModelProto, metadata: ModelMetadata, feature: str | None
) -> Baseline | None:
    """Take down how inputs and answers are distributed; None of running text, which has no rows."""
    if isinstance(plan.spec, CharacterInput):
        return None
    total = len(plan.looked.chosen)
    return measure_baseline(
        quantized,
        metadata,
        plan.batches,
        data=dataset_name(plan.request.calibration),
        feature=feature,
        brightness=plan.looked.brightness,
        progress=lambda done: plan.request.tell("describing", done, total),
    )


def _activations(choice: KindChoice) -> Literal["uint8", "int8", "float32"]:
    if choice.kind == "weights":
        return "float32"
    return "uint8" if choice.kind == "dynamic" else choice.types.activations
