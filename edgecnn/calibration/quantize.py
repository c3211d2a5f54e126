"""FP32 file in, INT8 file out, with what it gained and what it cost."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import onnx

from edgecnn.bundled import resolve_model
from edgecnn.calibration.batches import CalibrationBatches
from edgecnn.calibration.dynamic import one_step, quantize_dynamically
from edgecnn.calibration.kept import kept_fp32
from edgecnn.calibration.latency import Comparison, compare_latency
from edgecnn.calibration.outcome import (
    Outcome,
    agreement_on,
    check_answers,
    compare_answers,
    dataset_name,
)
from edgecnn.calibration.prepare import is_quantized, prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import METHODS, PERCENTILE, Method, estimate_ranges
from edgecnn.calibration.report import QuantizeReport
from edgecnn.calibration.sessions import session_of
from edgecnn.calibration.target import IntegerTypes, Target, this_machine, types_for
from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, ModelError, UsageError
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.evaluation.sampling import draw
from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import INT8_DRIFT, make_golden
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.verify import check_graph, measure_parity
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import (
    CONTRACT_KEY,
    Accuracy,
    CharacterInput,
    Latency,
    Measured,
    ModelMetadata,
    Quantization,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.machine import describe_machine, usable_cpus
from edgecnn.runtime.session import Model, load_model

__all__ = ["int8_path", "quantize_model"]

Progress = Callable[[str, int, int], None]

#: Up to this many classes, tables by class go into the file.
_TABLED_CLASSES = 40

#: Calibration examples per run: what is held is the largest activations of this many.
_BATCH = 8


def int8_path(path: Path) -> Path:
    """Return the usual name of a model's INT8 form.

    Examples
    --------
    >>> int8_path(Path("models/digits.onnx")).name
    'digits.int8.onnx'
    """
    return path.with_name(f"{path.stem}.int8.onnx")


def quantize_model(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    calibration: Dataset,
    *,
    evaluate: Dataset | None = None,
    samples: int = 256,
    seed: int = 0,
    method: Method = "min-max",
    percentile: float = PERCENTILE,
    target: Target = "auto",
    activations: Literal["auto", "uint8", "int8"] = "auto",
    reduce_range: bool | None = None,
    exclude: Sequence[str] = (),
    threads: int | None = None,
    seconds: float = 2.0,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Quantize a model file to 8 bits by static calibration (QDQ, weights per channel).

    A network that writes is recurrent, for which there is no such form: its weights are quantized,
    and activations by the range that each input turns out to have. It needs no calibration, and is
    timed and compared character by character.

    Parameters
    ----------
    path : path
        A file that edgecnn made, or ``bundled:NAME``; its own metadata preprocesses all data.
    out : path
        The new file; by convention ``NAME.int8.onnx`` (:func:`int8_path`).
    calibration : Dataset
        What activations are measured on: typical inputs, not test data. Labels are not needed;
        with them the classes are drawn as evenly as they allow.
    evaluate : Dataset, optional
        Labelled data to measure both files on.
    samples : int
        Calibration examples to draw.
    seed : int
        For the draw.
    method : "min-max", "moving-average" or "percentile"
        See :func:`edgecnn.calibration.ranges.estimate_ranges`.
    percentile : float
        For ``"percentile"``: share of values that stay unclipped, in percent.
    target : "auto", "x86-vnni", "x86" or "arm"
        What the file will run on; ``auto`` is what this machine is. It decides the two below:
        see :func:`edgecnn.calibration.target.types_for`.
    activations : "auto", "uint8" or "int8"
        ``auto`` suits the target.
    reduce_range : bool, optional
        Weights of 7 bits; the default suits the target.
    exclude : sequence of str
        Names of nodes to leave in FP32.
    threads : int, optional
        For the comparison of latencies; the default is all that this process may use.
    seconds : float
        Time to spend on that comparison.
    progress : callable, optional
        Called with (stage, done, total); stages are ``calibrating``, ``comparing``, ``timing``.

    Returns
    -------
    QuantizeReport
        Its numbers go into the new file's metadata as well.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError
        The file cannot be used.
    ModelError
        It is quantized already, or nothing in it can be.
    DataError
        No calibration samples, or data of another kind than the model reads.
    UsageError
        A setting that does not exist.

    Notes
    -----
    Integer arithmetic after Jacob et al. 2018 (arXiv:1712.05877).
    """
    out = Path(out)
    if method not in METHODS:
        raise UsageError(f"unknown method: {method}", hint=f"one of {', '.join(METHODS)}")
    types = _integer_types(target, activations, reduce_range=reduce_range)
    source = resolve_model(path)
    if out.resolve() == source.resolve():
        raise UsageError(
            f"{out} is the FP32 file itself", hint=f"write to {int8_path(source).name}"
        )
    fp32 = load_model(source, provider="cpu", threads=threads)
    model = onnx.load_model(source)
    if is_quantized(model):
        raise ModelError(f"{source} is quantized already", hint="start from its FP32 file")
    if not len(calibration) or samples < 1:
        raise DataError(f"no calibration samples in {dataset_name(calibration)}")
    if evaluate is not None:
        # What is wrong with it is said before the work, not after.
        check_answers(evaluate, fp32.metadata)
    tell = progress or (lambda stage, done, total: None)
    chosen = draw(len(calibration), samples, targets=calibration.targets, seed=seed)
    passes = 2 if method == "percentile" else 1
    batches = CalibrationBatches(
        calibration,
        fp32.metadata.input,
        chosen,
        batch=_BATCH,
        progress=lambda done: tell("calibrating", done, passes * len(chosen)),
    )
    spec = fp32.metadata.input
    writes = isinstance(spec, CharacterInput)
    sample = one_step(spec) if isinstance(spec, CharacterInput) else batches.first()
    if writes:
        quantized = quantize_dynamically(model, exclude=exclude)
        method_name, used, reduced = "range of each input", 0, False
    else:
        prepared = prepare(model)
        _check_prepared(prepared, fp32, sample)
        quantized = insert_qdq(
            prepared,
            estimate_ranges(prepared, batches, method=method, percentile=percentile),
            activations=types.activations,
            reduce_range=types.reduce_range,
            exclude=exclude,
        )
        method_name = f"percentile {percentile:g} %" if method == "percentile" else method
        used, reduced = len(chosen), types.reduce_range
    strip_paths(quantized)
    check_graph(quantized, fp32.metadata)
    recipe = Quantization(
        format="dynamic" if writes else "QDQ",
        activations="uint8" if writes else types.activations,
        weights="int8",
        per_channel=True,
        method=method_name,
        samples=used,
        reduce_range=reduced,
        kept_fp32=kept_fp32(quantized),
        source_sha256=sha256_of(source),
    )
    metadata = _with_provenance(fp32.metadata, recipe, calibration, types.target)
    _keep_other_keys(model, quantized)
    embed(quantized, metadata)
    with atomic_path(out) as temporary:
        temporary.write_bytes(serialized(quantized))
        int8 = load_model(temporary, provider="cpu", threads=threads, check=False)

        def compared(done: int, total: int) -> None:
            tell("comparing", done, total)

        if evaluate is not None:
            outcome = compare_answers(fp32, int8, evaluate, progress=compared)
        else:
            outcome = agreement_on(fp32, int8, calibration, chosen, progress=compared)
        tell("timing", 0, 1)
        latency = compare_latency(
            lambda: fp32.run(sample), lambda: int8.run(sample), seconds=seconds
        )
        tell("timing", 1, 1)
        golden = make_golden(metadata, int8.run, drift=INT8_DRIFT)
        embed(quantized, metadata, golden, _measured(fp32, outcome, latency, threads))
        temporary.write_bytes(serialized(quantized))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    settings: dict[str, str | int | float | bool] = {
        "format": recipe.format,
        "target": types.target,
        "activations": recipe.activations,
        "weights": recipe.weights,
        "per_channel": recipe.per_channel,
        "reduce_range": recipe.reduce_range,
        "types_reason": "as DynamicQuantizeLSTM has them" if writes else types.reason,
        "method": recipe.method,
        "calibration": dataset_name(calibration),
        "samples": recipe.samples,
        "seed": seed,
        "threads": threads or usable_cpus(),
        "machine": describe_machine().cpu,
    }
    return _report(
        source,
        out,
        outcome=outcome,
        latency=latency,
        recipe=recipe,
        settings=settings,
        same_data=evaluate is not None and _same_data(calibration, evaluate),
    )


def _same_data(one: Dataset, other: Dataset) -> bool:
    """Tell by content, not by name; splits may share an archive, and so its hash."""
    return (one.info.sha256, one.info.split) == (other.info.sha256, other.info.split)


def _check_prepared(prepared: onnx.ModelProto, fp32: Model, sample: Tensors) -> None:
    """Refuse a graph that folding or conversion to a newer opset has changed."""
    output = fp32.metadata.output.name
    session = session_of(prepared)
    measure_parity(
        lambda inputs: session.run([output], dict(inputs))[0],
        fp32.run(sample),
        sample,
        output=output,
        origin="the file itself",
    )


def _report(
    source: Path,
    out: Path,
    *,
    outcome: Outcome,
    latency: Comparison,
    recipe: Quantization,
    settings: dict[str, str | int | float | bool],
    same_data: bool,
) -> QuantizeReport:
    before, after = outcome.fp32, outcome.int8
    measured = before is not None and after is not None
    return QuantizeReport(
        path=str(out),
        sha256=sha256_of(out),
        metric=before.metric if before else None,
        fp32=before.value if before else None,
        int8=after.value if after else None,
        drop=_drop(before, after) if before and after else None,
        fp32_interval_95=before.interval_95 if before else None,
        int8_interval_95=after.interval_95 if after else None,
        per_class={
            label: {"fp32": before.per_class[label], "int8": after.per_class[label]}
            for label in before.per_class
        }
        if before and after
        else {},
        agreement=outcome.agreement,
        agreement_on=outcome.on,
        n=outcome.n,
        latency_ms={"fp32": latency.first_ms[0], "int8": latency.second_ms[0]},
        latency_p95_ms={"fp32": latency.first_ms[1], "int8": latency.second_ms[1]},
        speedup=latency.speedup,
        speedup_range=latency.speedup_range,
        size_bytes={"fp32": source.stat().st_size, "int8": out.stat().st_size},
        kept_fp32=recipe.kept_fp32,
        settings=settings,
        remarks=_remarks(
            latency, recipe, str(settings["target"]), measured=measured, same_data=same_data
        ),
    )


def _drop(before: Accuracy, after: Accuracy) -> float:
    """Return what was lost: of nats per character, less is better."""
    lost = before.value - after.value
    return -lost if before.metric == NATS_PER_CHARACTER else lost


def _remarks(
    latency: Comparison, recipe: Quantization, target: str, *, measured: bool, same_data: bool
) -> tuple[str, ...]:
    """Say what a table of numbers may let one overlook."""
    remarks = []
    here = this_machine()
    if target != here:
        remarks.append(
            f"made for {target} and measured on {here}: latency, and which operators run in FP32, "
            f"are this machine's; run `edgecnn bench` and `edgecnn evaluate` on the target"
        )
    elif latency.speedup < 1:
        remarks.append(
            f"INT8 is slower than FP32 on this machine: {latency.speedup:.2f}x its speed. The "
            "network is too small for 8 bits to pay; keep the FP32 file unless size is what counts"
        )
    if recipe.kept_fp32:
        remarks.append(
            f"{len(recipe.kept_fp32)} operators run in FP32 all the same: "
            f"{', '.join(recipe.kept_fp32[:4])}{', ...' if len(recipe.kept_fp32) > 4 else ''}"
        )
    if same_data:
        remarks.append(
            "calibrated on the very data it is measured on: on other data it may do worse"
        )
    if not measured:
        remarks.append("accuracy was not measured: give labelled data with --evaluate")
    return tuple(remarks)


def _integer_types(
    target: Target, activations: Literal["auto", "uint8", "int8"], *, reduce_range: bool | None
) -> IntegerTypes:
    if activations not in ("auto", "uint8", "int8"):
        raise UsageError(f"unknown type of activations: {activations}", hint="auto, uint8 or int8")
    best = types_for(target)
    chosen = best.activations if activations == "auto" else activations
    reduced = best.reduce_range if reduce_range is None else reduce_range
    if (chosen, reduced) == (best.activations, best.reduce_range):
        return best
    return IntegerTypes(best.target, chosen, reduce_range=reduced, reason="asked for")


def _with_provenance(
    metadata: ModelMetadata, recipe: Quantization, calibration: Dataset, target: str
) -> ModelMetadata:
    before = metadata.provenance
    uses = [use for use in before.datasets if use.role != "calibration"]
    if recipe.samples:
        uses.append(calibration.info.use("calibration", recipe.samples))
    provenance = msgspec.structs.replace(
        before,
        quantization=recipe,
        datasets=tuple(uses),
        settings={**before.settings, "quantize.target": target},
    )
    return msgspec.structs.replace(metadata, provenance=provenance)


def _keep_other_keys(source: onnx.ModelProto, quantized: onnx.ModelProto) -> None:
    """Carry over what the source's owner wrote beside the contract."""
    for entry in source.metadata_props:
        if entry.key != CONTRACT_KEY and not entry.key.startswith(f"{CONTRACT_KEY}."):
            quantized.metadata_props.add(key=entry.key, value=entry.value)


def _measured(fp32: Model, outcome: Outcome, latency: Comparison, threads: int | None) -> Measured:
    before = fp32.measured or Measured()
    median, high = latency.second_ms
    return Measured(
        accuracy=(_stored(outcome.int8),) if outcome.int8 is not None else (),
        latency=(
            Latency(
                provider="cpu",
                threads=threads or usable_cpus(),
                batch=1,
                p50_ms=median,
                p95_ms=high,
                machine=describe_machine().cpu,
            ),
        ),
        training_seconds=before.training_seconds,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        revision=before.revision,
        note=f"INT8 at {latency.speedup:.2f}x the speed of its FP32 file; same label in "
        f"{outcome.agreement:.2%} of {outcome.n} examples ({outcome.on})",
    )


def _stored(accuracy: Accuracy) -> Accuracy:
    """Leave out what would outweigh the network: a thousand classes have a million pairs."""
    if len(accuracy.per_class) <= _TABLED_CLASSES:
        return accuracy
    return msgspec.structs.replace(accuracy, per_class={}, confusion=())
