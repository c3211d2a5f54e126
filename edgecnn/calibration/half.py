"""FP16 forms, and what computes here what they compute on a GPU."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx

from edgecnn.calibration.candidates import Candidates
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.kinds import choose_kind
from edgecnn.calibration.outcome import dataset_name, points_lost
from edgecnn.calibration.plan import Plan
from edgecnn.calibration.provenance import keep_other_keys, measured_of
from edgecnn.calibration.quantize_page import write_quantize_page
from edgecnn.calibration.report import QuantizeReport, make_report
from edgecnn.calibration.settle import Settled
from edgecnn.errors import EdgeCNNError, ModelError
from edgecnn.export.embed import embed, serialized
from edgecnn.export.fp16 import Fp16Graph, to_fp16
from edgecnn.export.fp16_rounding import with_rounding
from edgecnn.export.golden import FP16_DRIFT, make_golden
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.verify import check_graph
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import CharacterInput, HalfPrecision, ModelMetadata
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.machine import describe_machine
from edgecnn.runtime.session import load_model

__all__ = ["HalfMaking", "halve", "quantize_half"]


#: Calibration examples that are run to find what overflows.
_SAMPLES = 32


@dataclass(frozen=True)
class HalfMaking:
    """A graph in FP16.

    Attributes
    ----------
    graph : onnx.ModelProto
        Its inputs and outputs are FP32.
    kept : tuple of str
        Nodes that stay FP32: FP16 would overflow there, or change their weights, or that was asked
        for.
    emulated : onnx.ModelProto
        The FP32 graph with FP16's rounding: a CPU runs the other one in FP32, and would show
        neither lost digits nor overflow.
    """

    graph: onnx.ModelProto
    kept: tuple[str, ...]
    emulated: onnx.ModelProto


def halve(
    model: onnx.ModelProto,
    metadata: ModelMetadata,
    inputs: Tensors,
    exclude: tuple[str, ...],
) -> HalfMaking:
    """Convert a network to FP16, measured on real inputs.

    Parameters
    ----------
    inputs : mapping of str to ndarray
        Preprocessed calibration examples: what overflows on them stays FP32.

    Raises
    ------
    ModelError
        The network writes.
    """
    if isinstance(metadata.input, CharacterInput):
        raise ModelError(
            "a network that writes runs one character at a time: FP16 on a GPU gains nothing",
            hint="--target auto makes it 8-bit for a CPU",
        )
    half: Fp16Graph = to_fp16(model, keep_io=True, block=exclude, inputs=inputs)
    strip_paths(half.model)
    return HalfMaking(
        half.model,
        tuple(layer.node for layer in half.kept),
        with_rounding(model, half.tensors),
    )


def quantize_half(plan: Plan) -> QuantizeReport:
    """Write the FP16 file, measured with FP16's rounding; nothing is timed, as no GPU is here.

    Parameters
    ----------
    plan : Plan
        Its calibration examples are what overflow is looked for on.

    Raises
    ------
    EdgeCNNError
        The budget is not kept to: nothing is written.
    """
    request, fp32, budget = plan.request, plan.fp32, plan.budget
    calibration, out = request.calibration, request.out
    metadata = fp32.metadata
    samples = plan.looked.chosen[:_SAMPLES]
    made = halve(
        onnx.load_model(plan.source),
        metadata,
        calibration.inputs(metadata.input, samples),
        request.exclude,
    )
    check_graph(made.graph, metadata)
    recipe = HalfPrecision(kept_fp32=made.kept, keep_io=True, source_sha256=sha256_of(fp32.path))
    provenance = msgspec.structs.replace(
        metadata.provenance,
        half=recipe,
        datasets=(
            *(use for use in metadata.provenance.datasets if use.role != "calibration"),
            calibration.info.use("calibration", len(samples)),
        ),
        settings={**metadata.provenance.settings, "quantize.target": "cuda"},
    )
    written = msgspec.structs.replace(metadata, provenance=provenance)
    keep_other_keys(plan.other_keys, made.graph)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        opened = Candidates(Path(folder), fp32, {}, threads=None, seconds=0)
        rounded = opened.open(made.emulated)
        outcome = plan.judge_result(rounded)
    if not budget.admits(outcome):
        lost = points_lost(outcome)
        raise EdgeCNNError(
            f"FP16 does not keep to the budget ({budget.text()}): "
            + ("" if lost is None else f"{lost:.4g} points lost, ")
            + f"{outcome.agreement:.2%} same answers",
            hint="leave layers in FP32 with --exclude, or run the FP32 file",
        )
    with atomic_path(out) as temporary:
        golden = make_golden(written, rounded.run, drift=FP16_DRIFT)
        embed(made.graph, written, golden, measured_of(fp32, outcome, None, None))
        temporary.write_bytes(serialized(made.graph))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    reason = choose_kind("fp16", metadata, "cuda", "auto", reduce_range=None).reason
    report = make_report(
        fp32.path,
        out,
        outcome=outcome,
        latency=None,
        kept_fp32=made.kept,
        settings={
            "form": "fp16",
            "format": "FP16",
            "target": "cuda",
            "activations": "float16",
            "weights": "float16",
            "per_channel": False,
            "reduce_range": False,
            "types_reason": reason,
            "method": "what overflows stays FP32",
            "method_name": "fp16",
            "samples": len(samples),
            "cache": "",
            "bias_correction": False,
            "left_in_fp32": "",
            "machine": describe_machine().cpu,
            "calibration": dataset_name(calibration),
            "seed": request.seed,
            "samples_asked": request.samples,
            "threads": request.thread_count,
            **request.as_named,
        },
        same_data=request.is_measured_on_its_calibration,
        findings=plan.findings,
        settled=Settled(made.graph),
        fusion=Fusion((), (), 0),
        left=(),
        excluded=request.exclude,
        chosen_on=("", False),
        frontier=None,
    )
    if request.page is not None:
        data = request.measured_on
        made_here = load_model(out, provider="cpu", check=False, spinning=False)
        compared = compare_models(fp32, made_here, data, seconds=0)
        write_quantize_page(request.page, report, compared, data, metadata, activations=())
    return report
