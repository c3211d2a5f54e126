"""An 8-bit file: its forms made, one of them settled on, written and reported."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from edgecnn.calibration.activation_figures import ActivationFigure, activation_figures
from edgecnn.calibration.budget_report import require_form, require_outcome, write_points
from edgecnn.calibration.candidates import Candidates
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.kept import Fusion, fusion_of
from edgecnn.calibration.making import Told, make_dynamic, make_static, make_weights
from edgecnn.calibration.outcome import Outcome, dataset_name
from edgecnn.calibration.plan import Plan
from edgecnn.calibration.probe import Probe
from edgecnn.calibration.provenance import keep_other_keys
from edgecnn.calibration.quantize_page import write_quantize_page
from edgecnn.calibration.report import QuantizeReport, make_report
from edgecnn.calibration.report_settings import report_settings
from edgecnn.calibration.settle import Settled, settle
from edgecnn.calibration.write import Written, recipe_of, write_integer
from edgecnn.export.node_names import name_nodes
from edgecnn.export.verify import check_graph
from edgecnn.runtime.heap import trim
from edgecnn.runtime.session import load_model

__all__ = ["quantize_integer"]

#: Calibration examples that forms are compared on, and layers ranked by.
_PROBED = 32

#: Seconds for the timing of two forms that one is chosen of.
_RACE_S = 0.5


def quantize_integer(plan: Plan) -> QuantizeReport:
    """Make, choose, write and report; see :func:`edgecnn.calibration.quantize.quantize_model`."""
    request = plan.request
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        told, settled = _settle(plan, Path(folder))
    trim()
    require_form(plan, settled, layers=told.layers)
    quantized = settled.graph
    check_graph(quantized, plan.fp32.metadata)
    # Weights that are stored in 8 bits are FP32 where they are used, as is meant.
    fusion = Fusion((), (), 0) if plan.choice.kind == "weights" else fusion_of(quantized)
    recipe = recipe_of(plan, told, settled, fusion)
    keep_other_keys(plan.other_keys, quantized)

    def check_budget(outcome: Outcome) -> None:
        require_outcome(plan, settled, outcome, layers=told.layers)

    written = write_integer(plan, quantized, recipe, fusion, told.feature, check=check_budget)
    report = _report(plan, told, settled, written)
    if request.page is not None:
        figures: Sequence[ActivationFigure] = ()
        if told.seen is not None:
            figures = activation_figures(told.seen, dict(told.ranges))
        _write_page(request.page, plan, report, written.outcome, figures)
    return report


def _settle(plan: Plan, folder: Path) -> tuple[Told, Settled]:
    """Make the forms, and settle on one of them: the rest, and the FP32 weights, are let go."""
    request = plan.request
    candidates = Candidates(
        folder,
        plan.fp32,
        plan.sample,
        threads=request.threads,
        seconds=min(request.seconds, _RACE_S),
    )
    probe = Probe(request.calibration, plan.spec, plan.looked.chosen[:_PROBED], folder)
    if plan.choice.kind == "dynamic":
        made = make_dynamic(
            name_nodes(onnx.load_model(plan.source)),
            request.exclude,
            reduce_range=plan.choice.types.reduce_range,
        )
    elif plan.choice.kind == "weights":
        made = make_weights(
            name_nodes(onnx.load_model(plan.source)),
            request.exclude,
            bits=plan.choice.bits,
            block=plan.choice.block,
        )
    else:
        made = make_static(
            plan.source,
            request.calibration,
            plan.looked,
            candidates,
            probe,
            types=plan.choice.types,
            estimators=[estimator for _, estimator in plan.estimators],
            exclude=request.exclude,
            leave=request.leave,
            bias_correction=request.bias_correction,
            histograms=request.page is not None,
            allow_slower=request.allow_slower,
            cache=request.cache,
            tell=request.tell,
        )
    settled = settle(
        made.forms,
        candidates,
        plan.budget,
        lambda int8: plan.judge(int8, request.chosen_on),
        correct=None if request.bias_correction is False else made.correct,
        corrected=made.corrected,
        run=probe,
        tell=request.tell,
    )
    return made.told, settled


def _report(plan: Plan, told: Told, settled: Settled, written: Written) -> QuantizeReport:
    """Draw the report up, and the frontier where a budget was kept to."""
    request = plan.request
    picture = plan.frontier or request.out.with_name(f"{request.out.stem}.frontier.png")
    remarks: tuple[str, ...] = ()
    if settled.points:
        remarks = write_points(picture, plan.source, settled, plan.budget, plan.unit)
    settings = report_settings(
        written.recipe,
        plan.choice,
        told,
        plan.estimators,
        bias_correction=settled.bias_corrected,
        asked={
            "precision": plan.precision,
            "left_because": "faster so" if request.leave is None else "asked for",
            "task": plan.fp32.metadata.task,
            **request.budget,
            "calibration": dataset_name(request.calibration),
            "samples_asked": request.samples,
            "percentile": request.percentile,
            "seed": request.seed,
            "threads": request.thread_count,
            **request.as_named,
        },
    )
    on = written.outcome.on if request.select is None else dataset_name(request.select)
    return make_report(
        plan.source,
        request.out,
        outcome=written.outcome,
        latency=written.latency,
        kept_fp32=written.recipe.kept_fp32,
        settings=settings,
        same_data=request.is_measured_on_its_calibration,
        findings=(*plan.findings, *told.findings),
        settled=settled,
        fusion=written.fusion,
        left=told.left,
        excluded=request.exclude,
        chosen_on=(on, request.is_chosen_on_its_test and len(settled.points) > 1),
        frontier=str(picture) if settled.points else None,
        remarks=remarks,
    )


def _write_page(
    path: Path,
    plan: Plan,
    report: QuantizeReport,
    outcome: Outcome,
    activations: Sequence[ActivationFigure],
) -> None:
    """Compare the two files once more, layer by layer, and write the page."""
    request = plan.request
    dataset = request.measured_on(outcome)
    made = load_model(
        report.path, provider="cpu", threads=request.threads, check=False, spinning=False
    )
    compared = compare_models(
        plan.fp32,
        made,
        dataset,
        seconds=0.5,
        threads=request.threads,
        progress=request.progress,
    )
    write_quantize_page(
        path, report, compared, dataset, plan.fp32.metadata, activations=activations
    )
