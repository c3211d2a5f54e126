"""An FP16 file: what must stay FP32 found, written and reported."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import onnx

from edgecnn.calibration.budget_report import require_form, require_outcome, write_points
from edgecnn.calibration.candidates import Candidates
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.half_forms import HalfForms
from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.outcome import Outcome, dataset_name
from edgecnn.calibration.plan import Plan
from edgecnn.calibration.probe import Probe
from edgecnn.calibration.provenance import keep_other_keys, measured_of
from edgecnn.calibration.quantize_page import write_quantize_page
from edgecnn.calibration.report import QuantizeReport, make_report
from edgecnn.calibration.settle import Settled, settle
from edgecnn.errors import EdgeCNNError, GoldenError, ModelError
from edgecnn.export.embed import embed, serialized
from edgecnn.export.fp16 import Fp16Graph
from edgecnn.export.golden import FP16_DRIFT, make_golden
from edgecnn.export.node_names import name_nodes
from edgecnn.export.verify import check_graph
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import CharacterInput, HalfPrecision, Measured, ModelMetadata
from edgecnn.runtime.machine import describe_machine
from edgecnn.runtime.session import Model, load_model

__all__ = ["quantize_half"]

#: Calibration examples that are run to find what overflows, and to rank layers by.
_SAMPLES = 32


def quantize_half(plan: Plan) -> QuantizeReport:
    """Write the FP16 file, measured with FP16's rounding; nothing is timed, as no GPU is here.

    What overflows stays FP32, and so does what a budget asks for: see
    :class:`edgecnn.calibration.half_forms.HalfForms`.

    Parameters
    ----------
    plan : Plan
        Its calibration examples are what overflow is looked for on.

    Raises
    ------
    ModelError
        The network writes.
    EdgeCNNError
        No form keeps to the budget: nothing is written.
    """
    request, metadata = plan.request, plan.fp32.metadata
    if isinstance(metadata.input, CharacterInput):
        raise ModelError(
            "a network that writes runs one character at a time: FP16 on a GPU gains nothing",
            hint="--target auto makes it 8-bit for a CPU",
        )
    samples = plan.looked.chosen[:_SAMPLES]
    forms = HalfForms(
        name_nodes(onnx.load_model(plan.source)),
        request.calibration.inputs(metadata.input, samples),
        request.exclude,
    )
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
        folder = Path(name)
        candidates = Candidates(folder, plan.fp32, {}, threads=request.threads, seconds=0)
        settled = settle(
            forms,
            candidates,
            plan.budget,
            lambda model: plan.judge(model, request.chosen_on),
            correct=None,
            run=Probe(request.calibration, plan.spec, samples, folder),
            tell=request.tell,
        )
        require_form(plan, settled, layers=len(forms.layers))
        half = forms.halve(settled.kept)
        rounded = candidates.open(settled.graph)
    check_graph(half.model, metadata)
    outcome = plan.judge_result(rounded)
    require_outcome(plan, settled, outcome, layers=len(forms.layers))
    _write(plan, half, rounded, outcome, len(samples))
    report = _report(plan, half, settled, outcome, len(samples))
    if request.page is not None:
        data = request.measured_on(outcome)
        made_here = load_model(request.out, provider="cpu", check=False, spinning=False)
        compared = compare_models(plan.fp32, made_here, data, seconds=0)
        write_quantize_page(request.page, report, compared, data, metadata, activations=())
    return report


def _write(plan: Plan, half: Fp16Graph, rounded: Model, outcome: Outcome, samples: int) -> None:
    """Write the graph with its contract; golden answers are those of the rounded one."""
    written = _contract(plan, half, samples)
    keep_other_keys(plan.other_keys, half.model)
    with atomic_path(plan.request.out) as temporary:
        golden = make_golden(written, rounded.run, drift=FP16_DRIFT)
        embed(half.model, written, golden, _measured(plan, outcome))
        temporary.write_bytes(serialized(half.model))
        try:
            # Opened once more as a device opens it, golden vectors and all. This CPU computes the
            # file in FP32; where that gives another answer, FP16's is the wrong one.
            load_model(temporary, provider="cpu")
        except GoldenError as error:
            raise EdgeCNNError(
                f"in FP16 this network gives other answers: {outcome.agreement:.2%} are the same "
                f"on {outcome.on}",
                hint="--min-agreement 0.99 finds what has to stay FP32; or run the FP32 file",
            ) from error


def _measured(plan: Plan, outcome: Outcome) -> Measured:
    return measured_of(plan.fp32, outcome, None, None, precision=plan.precision)


def _contract(plan: Plan, half: Fp16Graph, samples: int) -> ModelMetadata:
    metadata = plan.fp32.metadata
    recipe = HalfPrecision(
        kept_fp32=_names(half), keep_io=True, source_sha256=sha256_of(plan.fp32.path)
    )
    provenance = msgspec.structs.replace(
        metadata.provenance,
        half=recipe,
        datasets=(
            *(use for use in metadata.provenance.datasets if use.role != "calibration"),
            plan.request.calibration.info.use("calibration", samples),
        ),
        settings={**metadata.provenance.settings, "quantize.target": "cuda"},
    )
    return msgspec.structs.replace(metadata, provenance=provenance)


def _report(
    plan: Plan, half: Fp16Graph, settled: Settled, outcome: Outcome, samples: int
) -> QuantizeReport:
    request = plan.request
    picture = plan.frontier or request.out.with_name(f"{request.out.stem}.frontier.png")
    remarks: tuple[str, ...] = ()
    if settled.points:
        remarks = write_points(picture, plan.source, settled, plan.budget, plan.unit)
    on = outcome.on if request.select is None else dataset_name(request.select)
    return make_report(
        plan.fp32.path,
        request.out,
        outcome=outcome,
        latency=None,
        kept_fp32=_names(half),
        settings={
            "form": "fp16",
            "precision": plan.precision,
            "task": plan.fp32.metadata.task,
            "format": "FP16",
            "target": "cuda",
            "activations": "float16",
            "weights": "float16",
            "per_channel": False,
            "block": 0,
            "reduce_range": False,
            "types_reason": plan.choice.reason,
            "method": "what overflows stays FP32",
            "method_name": "fp16",
            "samples": samples,
            "cache": "",
            "bias_correction": False,
            "left_in_fp32": "",
            "machine": describe_machine().cpu,
            "calibration": dataset_name(request.calibration),
            "seed": request.seed,
            "samples_asked": request.samples,
            "threads": request.thread_count,
            **request.budget,
            **request.as_named,
        },
        same_data=request.is_measured_on_its_calibration,
        findings=plan.findings,
        settled=settled,
        fusion=Fusion((), (), 0),
        left=(),
        excluded=request.exclude,
        chosen_on=(on, request.is_chosen_on_its_test and len(settled.points) > 1),
        frontier=str(picture) if settled.points else None,
        remarks=remarks,
    )


def _names(half: Fp16Graph) -> tuple[str, ...]:
    return tuple(layer.node for layer in half.kept)
