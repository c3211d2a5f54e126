"""The 8-bit forms that a network can take, made ready for one of them to be settled on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.baseline import last_feature
from edgecnn.calibration.batches import CalibrationBatches
from edgecnn.calibration.calibrate import calibrate
from edgecnn.calibration.candidates import Candidates
from edgecnn.calibration.estimators import Estimator
from edgecnn.calibration.finding import Finding
from edgecnn.calibration.forms import DynamicForms, Forms, WeightForms
from edgecnn.calibration.observation import Observation
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.probe import Probe
from edgecnn.calibration.sessions import session_of
from edgecnn.calibration.settle import leave_blocks
from edgecnn.calibration.static import WithHistogram, settle_ranges
from edgecnn.calibration.survey import Survey
from edgecnn.calibration.target import IntegerTypes, this_machine
from edgecnn.calibration.tensor_values import Range
from edgecnn.data.dataset import Dataset
from edgecnn.export.embed import serialized
from edgecnn.export.verify import measure_parity
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.heap import trim
from edgecnn.runtime.session import Model

__all__ = ["Made", "Told", "make_dynamic", "make_static", "make_weights"]

Progress = Callable[[str, int, int], None]

#: Means of channels are measured on so much input, and on no fewer examples than that.
_MEANS_BYTES, _LEAST_MEANS = 40_000_000, 64


@dataclass(frozen=True, kw_only=True)
class Told:
    """How forms of a network were come to.

    Attributes
    ----------
    method : str
        Where ranges are from, as the file tells it.
    samples : int
        Calibration examples that the ranges are from.
    left : tuple of str
        Blocks in FP32, keys of :data:`edgecnn.calibration.settle.BLOCKS`.
    tried : mapping of str to float
        By estimator the logits' signal-to-quantization-noise ratio in dB, if there was a choice.
    seen : Observation, optional
        What calibration saw.
    feature : str, optional
        Tensor of the last feature.
    cache : str
        What calibration read or kept, in words; empty without a cache.
    findings : tuple of Finding
        About the ranges.
    layers : int
        How many can be left in FP32 one by one.
    ranges : mapping of str to Range
        Empty where none were calibrated.
    """

    method: str
    layers: int
    ranges: Mapping[str, Range] = field(default_factory=dict)
    samples: int = 0
    left: tuple[str, ...] = ()
    tried: Mapping[str, float] = field(default_factory=dict)
    seen: Observation | None = None
    feature: str | None = None
    cache: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Made:
    """Forms of a network, which hold all of its weights.

    Attributes
    ----------
    forms : Forms
    told : Told
    corrected : bool
        Whether biases are.
    correct : callable, optional
        Measures the corrections of biases.
    """

    forms: Forms
    told: Told
    corrected: bool = False
    correct: Callable[[], Mapping[str, NDArray[np.float32]]] | None = None


def make_dynamic(model: onnx.ModelProto, exclude: Sequence[str], *, reduce_range: bool) -> Made:
    """Make forms whose activations have the range that each input turns out to have."""
    forms = DynamicForms(model, tuple(exclude), reduce_range)
    return Made(forms, Told(method="range of each input", layers=len(forms.layers)))


def make_weights(model: onnx.ModelProto, exclude: Sequence[str], *, bits: int, block: int) -> Made:
    """Make forms with weights alone in 8 bits, or in 4."""
    forms = WeightForms(model, tuple(exclude), bits, block)
    method = "least squares of each block" if block else "largest weight of each channel"
    return Made(forms, Told(method=method, layers=len(forms.layers)))


def make_static(
    source: Path,
    calibration: Dataset,
    looked: Survey,
    candidates: Candidates,
    probe: Probe,
    *,
    types: IntegerTypes,
    estimators: Sequence[Estimator],
    exclude: Sequence[str],
    leave: Sequence[str] | None,
    bias_correction: bool | None,
    histograms: bool,
    allow_slower: bool,
    cache: Path | None,
    tell: Progress,
) -> Made:
    """Calibrate a network, choose how ranges are read, and leave out the blocks that do not pay.

    Parameters
    ----------
    source : Path
        The FP32 file.
    looked : Survey
        Of the calibration examples to take.
    candidates : Candidates
        Opens and times what is compared.
    probe : Probe
        Runs it on the examples that noise is measured on.
    types : IntegerTypes
    leave, bias_correction, allow_slower
        As :func:`edgecnn.calibration.quantize.quantize_model` takes them.
    histograms : bool
        Count values also where no estimator needs that, for a report.

    Raises
    ------
    ModelError, DataError, UsageError
    """
    fp32 = candidates.fp32
    spec, chosen = fp32.metadata.input, looked.chosen
    prepared, sha256 = _prepared(source)
    _check_prepared(prepared, fp32, candidates.sample)
    counted = next((one for one in estimators if one.needs_histogram), estimators[0])
    calibrated = calibrate(
        prepared,
        calibration,
        spec,
        looked,
        WithHistogram(counted) if histograms else counted,
        model_sha256=sha256,
        cache=cache,
        tell=tell,
    )
    trim()
    measured = _spread(chosen, candidates.sample)
    made = settle_ranges(
        prepared,
        calibrated.seen,
        again=CalibrationBatches(
            calibration,
            spec,
            measured,
            batch=1,
            progress=lambda done: tell("correcting biases", done, len(measured)),
        ),
        types=types,
        exclude=exclude,
        estimators=estimators,
        bias_correction=bias_correction,
        run=lambda graph: probe(candidates.open(graph)),
        reference=lambda: probe(fp32),
        progress=lambda done, total: tell("choosing method", done, total),
    )
    trim()
    timed = not allow_slower and types.target == this_machine()
    wanted = () if leave is None and not timed else leave
    forms, left = leave_blocks(made.forms, wanted, candidates, tell)
    told = Told(
        method=made.method,
        layers=len(forms.layers),
        ranges=forms.ranges,
        samples=len(chosen),
        left=left,
        tried=made.tried,
        seen=calibrated.seen,
        feature=last_feature(prepared, fp32.metadata.output.name),
        cache=calibrated.cache,
        findings=calibrated.findings,
    )
    return Made(forms, told, made.corrected, made.correct)


def _spread(chosen: NDArray[np.int64], sample: Tensors) -> NDArray[np.int64]:
    """Take examples for means: large ones are made of many places, so that fewer do."""
    size = max(sum(tensor.nbytes for tensor in sample.values()), 1)
    count = min(max(_MEANS_BYTES // size, _LEAST_MEANS), len(chosen))
    return chosen[np.linspace(0, len(chosen) - 1, count).astype(np.int64)]


def _prepared(source: Path) -> tuple[onnx.ModelProto, str]:
    """Read a network and prepare it, and hash it with its weights; what was read is let go."""
    model = onnx.load_model(source)
    sha256 = hashlib.sha256(serialized(model)).hexdigest()
    return prepare(model), sha256


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
