"""What a quantization starts from: everything that can be refused has been, before the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from edgecnn.bundled import resolve_model
from edgecnn.calibration.batches import CalibrationBatches
from edgecnn.calibration.budget import Budget, check_selection
from edgecnn.calibration.calibrate import BATCH, lint_data
from edgecnn.calibration.dynamic import one_step
from edgecnn.calibration.estimators import Estimator, make_estimator
from edgecnn.calibration.finding import Finding
from edgecnn.calibration.fp32_file import open_fp32
from edgecnn.calibration.frontier import frontier_path
from edgecnn.calibration.kinds import KindChoice, choose_kind
from edgecnn.calibration.outcome import (
    Memory,
    Outcome,
    agreement_on,
    check_answers,
    compare_answers,
    dataset_name,
)
from edgecnn.calibration.prepare import refuse_embedded
from edgecnn.calibration.provenance import other_keys
from edgecnn.calibration.request import Request, same_data
from edgecnn.calibration.survey import Survey, survey
from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, ModelError, UsageError
from edgecnn.export.quantized import quantized_operator
from edgecnn.metadata import CharacterInput, InputSpec
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model

__all__ = ["Plan", "int8_path", "make_plan"]

#: What ``auto`` chooses from; of two that are about as good it takes the first.
_METHODS = ("min-max", "percentile", "mse", "entropy")


@dataclass(frozen=True)
class Plan:
    """A request that was looked into.

    Attributes
    ----------
    request : Request
    source : Path
        The FP32 file.
    fp32 : Model
        The same, open as a device runs it.
    choice : KindChoice
    estimators : tuple of (str, Estimator)
        By the names that ``method`` takes.
    budget : Budget
    frontier : Path or None
        Where its picture goes, if that was asked for.
    looked : Survey
        Of the calibration examples.
    batches : CalibrationBatches
    sample : mapping of str to ndarray
        What is timed.
    findings : tuple of Finding
        What looks wrong with the data.
    other_keys : tuple of (str, str)
        What the file's owner wrote into it beside the contract.
    """

    request: Request
    source: Path
    fp32: Model
    choice: KindChoice
    estimators: tuple[tuple[str, Estimator], ...]
    budget: Budget
    frontier: Path | None
    looked: Survey
    batches: CalibrationBatches
    sample: Tensors
    findings: tuple[Finding, ...]
    other_keys: tuple[tuple[str, str], ...] = ()
    _memory: Memory = field(default_factory=dict)

    @property
    def spec(self) -> InputSpec:
        """What the network reads."""
        return self.fp32.metadata.input

    @property
    def unit(self) -> str:
        """What a loss is counted in."""
        return "nats" if self.fp32.metadata.task == "generate" else "points"

    @property
    def precision(self) -> str:
        """What the new file is called beside FP32."""
        return "FP16" if self.choice.kind == "fp16" else f"INT{self.choice.bits}"

    def judge(
        self,
        int8: Model,
        on: Dataset | None,
        told: Callable[[int, int], None] | None = None,
    ) -> Outcome:
        """Compare a model's answers with the FP32 file's, which runs once on the same data.

        Parameters
        ----------
        on : Dataset or None
            Labelled; None counts the answers that stay the same, on calibration data.
        told : callable, optional
            Called with (examples done, examples in all).
        """
        if on is not None:
            return compare_answers(self.fp32, int8, on, progress=told, memory=self._memory)
        return agreement_on(
            self.fp32,
            int8,
            self.request.calibration,
            self.looked.chosen,
            progress=told,
            memory=self._memory,
        )

    def judge_result(self, int8: Model) -> Outcome:
        """Compare a model on what the result is claimed on."""
        tell = self.request.tell
        return self.judge(
            int8, self.request.evaluate, lambda done, total: tell("comparing", done, total)
        )


def make_plan(request: Request) -> Plan:
    """Look into a request: the file, the kind of form, the examples.

    Raises
    ------
    MissingFileError, MetadataError, ModelError, DataError, UsageError
        As :func:`edgecnn.calibration.quantize.quantize_model`.
    """
    names = _METHODS if request.method == "auto" else (request.method,)
    estimators = [make_estimator(name, percentile=request.percentile) for name in names]
    source = resolve_model(request.path)
    if request.out.resolve() == source.resolve():
        raise UsageError(
            f"{request.out} is the FP32 file itself", hint=f"write to {int8_path(source).name}"
        )
    budget = Budget(request.max_drop, request.min_agreement)
    picture = frontier_path(request.frontier)
    check_selection(budget, request.evaluate, request.select)
    # As a device runs it, beside other work, and as `compare` times two files.
    fp32 = open_fp32(source, threads=request.threads)
    choice = choose_kind(
        request.form,
        fp32.metadata,
        request.target,
        request.activations,
        reduce_range=request.reduce_range,
        bits=request.bits,
        block=request.block,
    )
    keys = _check_network(fp32, source)
    _check_data(request, fp32)
    spec = fp32.metadata.input
    looked = survey(
        request.calibration,
        spec,
        request.samples,
        seed=request.seed,
        strict=request.strict,
        progress=lambda done, total: request.tell("looking", done, total),
    )
    batches = CalibrationBatches(request.calibration, spec, looked.chosen, batch=BATCH)
    evaluate = request.evaluate
    findings = lint_data(
        request.calibration,
        spec,
        looked,
        None if evaluate is None or same_data(request.calibration, evaluate) else evaluate,
        tell=request.tell,
    )
    return Plan(
        request,
        source,
        fp32,
        choice,
        tuple(zip(names, estimators, strict=True)),
        budget,
        picture,
        looked,
        batches,
        one_step(spec) if isinstance(spec, CharacterInput) else batches.first(),
        findings,
        keys,
    )


def int8_path(path: Path) -> Path:
    """Return the usual name of a model's INT8 form.

    Examples
    --------
    >>> int8_path(Path("models/digits.onnx")).name
    'digits.int8.onnx'
    """
    return path.with_name(f"{path.stem}.int8.onnx")


def _check_network(fp32: Model, source: Path) -> tuple[tuple[str, str], ...]:
    """Refuse what cannot be quantized; return the keys that are not the contract's."""
    # Not kept: it is as large as the network.
    model = onnx.load_model(source)
    # Weights that become FP32 as the file is loaded show in no operator.
    if quantized_operator(model) or fp32.metadata.provenance.quantization is not None:
        raise ModelError(f"{source} is quantized already", hint="start from its FP32 file")
    if fp32.metadata.provenance.half is not None:
        raise ModelError(f"{source} is FP16 already", hint="start from its FP32 file")
    refuse_embedded(fp32.metadata, str(source))
    return other_keys(model)


def _check_data(request: Request, fp32: Model) -> None:
    """Say what is wrong with it before the work, not after."""
    if not len(request.calibration) or request.samples < 1:
        raise DataError(f"no calibration samples in {dataset_name(request.calibration)}")
    for data in filter(None, (request.evaluate, request.select)):
        check_answers(data, fp32.metadata)
