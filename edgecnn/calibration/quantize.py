"""FP32 file in, INT8 file out, with what it gained and what it cost."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import onnx

from edgecnn.bundled import resolve_model
from edgecnn.calibration.activation_figures import ActivationFigure, activation_figures
from edgecnn.calibration.baseline import measure_baseline
from edgecnn.calibration.batches import CalibrationBatches
from edgecnn.calibration.budget import Budget
from edgecnn.calibration.budget_report import (
    check_selection,
    frontier_path,
    no_form,
    write_points,
)
from edgecnn.calibration.calibrate import BATCH, lint_data
from edgecnn.calibration.candidates import Candidates
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.dynamic import one_step
from edgecnn.calibration.estimators import PERCENTILE, Method, make_estimator
from edgecnn.calibration.forms import StaticForms
from edgecnn.calibration.half import write_half
from edgecnn.calibration.kept import Fusion, fusion_of
from edgecnn.calibration.kinds import Kind, KindChoice, choose_kind
from edgecnn.calibration.making import make_dynamic, make_static, make_weights
from edgecnn.calibration.outcome import (
    Memory,
    Outcome,
    agreement_on,
    check_answers,
    compare_answers,
    dataset_name,
)
from edgecnn.calibration.pay import refuse_slower, will_it_pay
from edgecnn.calibration.prepare import is_quantized, refuse_embedded
from edgecnn.calibration.probe import Probe
from edgecnn.calibration.provenance import keep_other_keys, measured_of, with_provenance
from edgecnn.calibration.quantize_page import write_quantize_page
from edgecnn.calibration.report import QuantizeReport, make_report
from edgecnn.calibration.report_settings import report_settings
from edgecnn.calibration.settle import Settled, settle
from edgecnn.calibration.survey import survey
from edgecnn.calibration.target import Target
from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, ModelError, UsageError
from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import INT8_DRIFT, make_golden
from edgecnn.export.verify import check_graph
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import (
    CharacterInput,
    Quantization,
)
from edgecnn.runtime.machine import usable_cpus
from edgecnn.runtime.session import Model, load_model

__all__ = ["int8_path", "quantize_model"]

Progress = Callable[[str, int, int], None]

#: Calibration examples that forms are compared on, and layers ranked by.
_PROBED = 32

#: What ``auto`` chooses from; of two that are about as good it takes the first.
_METHODS = ("min-max", "percentile", "mse", "entropy")

_FORMATS: dict[str, Literal["QDQ", "dynamic", "weights"]] = {
    "static": "QDQ",
    "dynamic": "dynamic",
    "weights": "weights",
}

#: Seconds for the timing of two forms that one is chosen of.
_RACE_S = 0.5


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
    method: Method | Literal["auto"] = "auto",
    percentile: float = PERCENTILE,
    target: Target = "auto",
    activations: Literal["auto", "uint8", "int8"] = "auto",
    reduce_range: bool | None = None,
    form: Kind = "auto",
    exclude: Sequence[str] = (),
    leave: Sequence[str] | None = None,
    max_drop: float | None = None,
    min_agreement: float | None = None,
    select: Dataset | None = None,
    bias_correction: bool | None = None,
    frontier: str | os.PathLike[str] | None = None,
    page: str | os.PathLike[str] | None = None,
    allow_slower: bool = False,
    strict: bool = False,
    cache: str | os.PathLike[str] | None = None,
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
    method : "auto", "min-max", "moving-average", "percentile", "entropy" or "mse"
        See :func:`edgecnn.calibration.ranges.estimate_ranges`. ``auto`` tries all but
        ``moving-average``, and takes the one that leaves the least noise in the logits of
        calibration examples.
    percentile : float
        For ``"percentile"``: share of values that stay unclipped, in percent.
    target : "auto", "x86-vnni", "x86" or "arm"
        What the file will run on; ``auto`` is what this machine is. It decides the two below:
        see :func:`edgecnn.calibration.target.types_for`.
    activations : "auto", "uint8" or "int8"
        ``auto`` suits the target.
    reduce_range : bool, optional
        Weights of 7 bits; the default suits the target.
    form : "auto", "static", "dynamic", "weights" or "fp16"
        See :func:`edgecnn.calibration.kinds.choose_kind`.
    exclude : sequence of str
        Names of nodes to leave in FP32.
    leave : sequence of str, optional
        Blocks to leave in FP32, keys of :data:`edgecnn.calibration.settle.BLOCKS`. The default
        finds out by timing, where the target is this machine, which of them the file is faster
        without; with ``allow_slower`` none are left out.
    max_drop : float, optional
        Points (percent) of the task's metric that may be lost on ``evaluate``; of text, nats per
        character. The fewest layers go back to FP32 until that holds.
    min_agreement : float, optional
        Share of answers that must stay the same, 0..1; it needs no labels.
    select : Dataset, optional
        Labelled data to choose the form on, so that ``evaluate`` is measured on once. The default
        is ``evaluate`` itself, and then the report says so.
    bias_correction : bool, optional
        See :mod:`edgecnn.calibration.bias_correction`. The default takes it where it leaves less
        noise in the logits of calibration examples, or where a budget is not kept to otherwise.
    frontier : path, optional
        PNG of loss against latency for all forms that were measured, with the same as JSON beside
        it. With a budget the default is ``NAME.frontier.png`` beside ``out``.
    page : path, optional
        A report, one HTML file. Both files are run once more for it.
    allow_slower : bool
        Write the file also where it is clearly slower than the FP32 one, on the machine that it is
        for.
    strict : bool
        Stop at a picture that cannot be read; otherwise another one is drawn for it.
    cache : path, optional
        Folder to keep what calibration sees in: one that was killed goes on, a repeated one reads
        it. The command takes ``calibration`` in the user's cache; the default keeps nothing.
    threads : int, optional
        For the comparison of latencies; the default is all that this process may use.
    seconds : float
        Time to spend on that comparison.
    progress : callable, optional
        Called with (stage, done, total); stages are ``looking`` (at the examples), ``comparing
        data``, ``calibrating``, ``choosing method``, ``correcting biases``, ``choosing`` (which
        blocks to leave), ``searching`` and ``ranking layers`` (for the budget), ``comparing``,
        ``timing``, ``describing`` (inputs and answers).

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
        No calibration samples, data of another kind or shape than the model reads, pictures none
        of which can be read, or with ``strict`` one that cannot.
    UsageError
        A setting that does not exist.
    EdgeCNNError
        No form keeps to the budget, or the file is slower than the one that it is made of: nothing
        is written.

    Notes
    -----
    Integer arithmetic after Jacob et al. 2018 (arXiv:1712.05877).
    """
    out = Path(out)
    names = _METHODS if method == "auto" else (method,)
    estimators = [make_estimator(name, percentile=percentile) for name in names]
    source = resolve_model(path)
    if out.resolve() == source.resolve():
        raise UsageError(
            f"{out} is the FP32 file itself", hint=f"write to {int8_path(source).name}"
        )
    budget = Budget(max_drop, min_agreement)
    picture = frontier_path(frontier)
    check_selection(budget, evaluate, select)
    # As a device runs it, beside other work, and as `compare` times two files.
    fp32 = load_model(source, provider="cpu", threads=threads, spinning=False)
    choice = choose_kind(form, fp32.metadata, target, activations, reduce_range=reduce_range)
    types = choice.types
    model = onnx.load_model(source)
    if is_quantized(model):
        raise ModelError(f"{source} is quantized already", hint="start from its FP32 file")
    if fp32.metadata.provenance.half is not None:
        raise ModelError(f"{source} is FP16 already", hint="start from its FP32 file")
    refuse_embedded(fp32.metadata, str(source))
    if not len(calibration) or samples < 1:
        raise DataError(f"no calibration samples in {dataset_name(calibration)}")
    for data in filter(None, (evaluate, select)):
        # What is wrong with it is said before the work, not after.
        check_answers(data, fp32.metadata)
    tell = progress or (lambda stage, done, total: None)
    spec = fp32.metadata.input
    looked = survey(
        calibration,
        spec,
        samples,
        seed=seed,
        strict=strict,
        progress=lambda done, total: tell("looking", done, total),
    )
    chosen = looked.chosen
    batches = CalibrationBatches(calibration, spec, chosen, batch=BATCH)
    findings = lint_data(
        calibration,
        spec,
        looked,
        None if evaluate is None or _same_data(calibration, evaluate) else evaluate,
        tell=tell,
    )
    sample = one_step(spec) if isinstance(spec, CharacterInput) else batches.first()
    memory: Memory = {}

    def compared(done: int, total: int) -> None:
        tell("comparing", done, total)

    def judged(int8: Model, on: Dataset | None, told: Callable[[int, int], None] | None) -> Outcome:
        if on is not None:
            return compare_answers(fp32, int8, on, progress=told, memory=memory)
        return agreement_on(fp32, int8, calibration, chosen, progress=told, memory=memory)

    if choice.kind == "fp16":
        return write_half(
            out,
            fp32,
            model,
            calibration,
            chosen,
            judge=lambda one: judged(one, evaluate, compared),
            budget=budget,
            exclude=tuple(exclude),
            settings={
                "calibration": dataset_name(calibration),
                "seed": seed,
                "samples_asked": samples,
                "threads": threads or usable_cpus(),
            },
            page=None if page is None else Path(page),
            data=evaluate if evaluate is not None else calibration,
            same_data=evaluate is not None and _same_data(calibration, evaluate),
            findings=findings,
        )
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        candidates = Candidates(
            Path(folder), fp32, sample, threads=threads, seconds=min(seconds, _RACE_S)
        )
        probe = Probe(calibration, spec, chosen[:_PROBED])
        if choice.kind == "dynamic":
            made = make_dynamic(model, exclude)
        elif choice.kind == "weights":
            made = make_weights(model, exclude)
        else:
            made = make_static(
                model,
                calibration,
                looked,
                candidates,
                probe,
                types=types,
                estimators=estimators,
                exclude=exclude,
                leave=leave,
                bias_correction=bias_correction,
                histograms=page is not None,
                allow_slower=allow_slower,
                cache=Path(cache) if cache is not None else None,
                tell=tell,
            )
        settled = settle(
            made.forms,
            candidates,
            budget,
            lambda int8: judged(int8, select if select is not None else evaluate, None),
            correct=None if bias_correction is False else made.correct,
            corrected=made.corrected,
            run=probe,
            tell=tell,
        )
    unit = "nats" if fp32.metadata.task == "generate" else "points"
    if settled.chosen is not None and not settled.chosen.fits:
        if picture is not None:
            write_points(picture, source, settled, budget, unit)
        raise no_form(source, settled, budget, unit, layers=len(made.forms.layers))
    quantized = settled.graph
    check_graph(quantized, fp32.metadata)
    # Weights that are stored in 8 bits are FP32 where they are used, as is meant.
    fusion = Fusion((), (), 0) if choice.kind == "weights" else fusion_of(quantized)
    recipe = Quantization(
        format=_FORMATS[choice.kind],
        activations=_activations(choice),
        weights="int8",
        per_channel=True,
        method=made.method,
        samples=made.samples,
        reduce_range=choice.kind == "static" and types.reduce_range,
        kept_fp32=fusion.kept,
        bias_corrected=settled.bias_corrected,
        source_sha256=sha256_of(source),
    )
    metadata = with_provenance(fp32.metadata, recipe, calibration, types.target)
    keep_other_keys(model, quantized)
    embed(quantized, metadata)
    with atomic_path(out) as temporary:
        temporary.write_bytes(serialized(quantized))
        int8 = load_model(temporary, provider="cpu", threads=threads, check=False, spinning=False)
        outcome = judged(int8, evaluate, compared)
        if budget and not budget.admits(outcome):
            raise no_form(
                source, settled, budget, unit, layers=len(made.forms.layers), then=outcome
            )
        tell("timing", 0, 1)
        latency = will_it_pay(lambda: fp32.run(sample), lambda: int8.run(sample), seconds=seconds)
        tell("timing", 1, 1)
        if not allow_slower:
            refuse_slower(latency, types.target, fusion)
        golden = make_golden(metadata, int8.run, drift=INT8_DRIFT)
        baseline = None
        if not isinstance(spec, CharacterInput):
            baseline = measure_baseline(
                quantized,
                metadata,
                batches,
                data=dataset_name(calibration),
                feature=made.feature,
                brightness=looked.brightness,
                progress=lambda done: tell("describing", done, len(chosen)),
            )
        measured = measured_of(fp32, outcome, latency, threads)
        embed(quantized, metadata, golden, measured, baseline)
        temporary.write_bytes(serialized(quantized))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    remarks: tuple[str, ...] = ()
    if settled.points:
        picture = picture or out.with_name(f"{out.stem}.frontier.png")
        remarks = write_points(picture, source, settled, budget, unit)
    settings = report_settings(
        recipe,
        choice,
        made,
        list(zip(names, estimators, strict=True)),
        bias_correction=settled.bias_corrected,
        asked={
            "calibration": dataset_name(calibration),
            "samples_asked": samples,
            "percentile": percentile,
            "seed": seed,
            "threads": threads or usable_cpus(),
        },
    )
    report = make_report(
        source,
        out,
        outcome=outcome,
        latency=latency,
        kept_fp32=recipe.kept_fp32,
        settings=settings,
        same_data=evaluate is not None and _same_data(calibration, evaluate),
        findings=(*findings, *made.findings),
        settled=settled,
        fusion=fusion,
        left=made.left,
        excluded=tuple(exclude),
        chosen_on=_chosen_on(settled, evaluate, select, outcome),
        frontier=str(picture) if settled.points else None,
        remarks=remarks,
    )
    if page is not None:
        _write_page(
            Path(page),
            report,
            fp32,
            evaluate if evaluate is not None else calibration,
            activation_figures(made.seen, dict(made.forms.ranges))
            if made.seen is not None and isinstance(made.forms, StaticForms)
            else (),
            threads=threads,
            progress=progress,
        )
    return report


def _write_page(
    path: Path,
    report: QuantizeReport,
    fp32: Model,
    dataset: Dataset,
    activations: Sequence[ActivationFigure],
    *,
    threads: int | None,
    progress: Progress | None,
) -> None:
    """Compare the two files once more, layer by layer, and write the page."""
    made = load_model(report.path, provider="cpu", threads=threads, check=False, spinning=False)
    compared = compare_models(fp32, made, dataset, seconds=0.5, threads=threads, progress=progress)
    write_quantize_page(path, report, compared, dataset, fp32.metadata, activations=activations)


def _activations(choice: KindChoice) -> Literal["uint8", "int8", "float32"]:
    if choice.kind == "weights":
        return "float32"
    return "uint8" if choice.kind == "dynamic" else choice.types.activations


def _chosen_on(
    settled: Settled, evaluate: Dataset | None, select: Dataset | None, outcome: Outcome
) -> tuple[str, bool]:
    """Name what the form was chosen on, and tell whether it is what the result is claimed on."""
    if select is not None:
        same = evaluate is not None and _same_data(select, evaluate)
        return dataset_name(select), same and len(settled.points) > 1
    return outcome.on, len(settled.points) > 1


def _same_data(one: Dataset, other: Dataset) -> bool:
    """Tell by content, not by name; splits may share an archive, and so its hash."""
    return (one.info.sha256, one.info.split) == (other.info.sha256, other.info.split)
