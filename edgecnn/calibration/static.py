"""Static forms of a network: prepared, calibrated, by the estimator that leaves the least noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.best_method import least_noise, with_corrections
from edgecnn.calibration.bias_correction import bias_corrections
from edgecnn.calibration.estimators import Estimator
from edgecnn.calibration.forms import StaticForms
from edgecnn.calibration.observation import Observation
from edgecnn.calibration.observe import Batches
from edgecnn.calibration.ranges import ranges_of
from edgecnn.calibration.target import IntegerTypes
from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["StaticMaking", "WithHistogram", "settle_ranges"]

Run = Callable[[onnx.ModelProto], NDArray[np.float32]]


@dataclass(frozen=True)
class StaticMaking:
    """Forms of a network that is calibrated.

    Attributes
    ----------
    forms : StaticForms
    method : str
        The estimator's title.
    corrected : bool
        Whether biases are.
    tried : dict of str to float
        By estimator the logits' signal-to-quantization-noise ratio in dB, if there was a choice.
    correct : callable
        Measures the corrections of biases.
    """

    forms: StaticForms
    method: str
    corrected: bool
    tried: dict[str, float]
    correct: Callable[[], Mapping[str, NDArray[np.float32]]]


@dataclass
class WithHistogram:
    """An estimator whose values are counted although it does not need that: for a report."""

    estimator: Estimator
    needs_histogram: bool = True

    @property
    def title(self) -> str:
        """What the report calls it."""
        return self.estimator.title

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        return self.estimator.range_of(values)


def settle_ranges(
    prepared: onnx.ModelProto,
    seen: Observation,
    *,
    again: Batches,
    types: IntegerTypes,
    exclude: Sequence[str],
    estimators: Sequence[Estimator],
    bias_correction: bool | None,
    run: Run,
    reference: Callable[[], NDArray[np.float32]],
    progress: Callable[[int, int], None],
) -> StaticMaking:
    """Choose how to read what the calibration set showed, and whether to correct biases.

    Parameters
    ----------
    prepared : onnx.ModelProto
        From :func:`edgecnn.calibration.prepare.prepare`.
    seen : Observation
        With histograms, if an estimator needs them.
    again : callable
        Starts the calibration set anew, to correct biases.
    estimators : sequence of Estimator
        Of several the one is taken that leaves the least noise in the logits.
    bias_correction : bool or None
        None takes it where it leaves less noise.
    run : callable
        Runs a graph on the inputs that noise is measured on.
    reference : callable
        Gives what the FP32 file answers to them.
    progress : callable
        Called with (forms compared, forms).

    Raises
    ------
    ModelError, DataError
    """
    candidates = {
        one.title: StaticForms(
            prepared,
            ranges_of(seen, one),
            activations=types.activations,
            reduce_range=types.reduce_range,
            exclude=tuple(exclude),
        )
        for one in estimators
    }
    title, forms = next(iter(candidates.items()))

    def correct() -> dict[str, NDArray[np.float32]]:
        return bias_corrections(prepared, forms.make(), again())

    if len(candidates) == 1 and bias_correction is not None:
        if bias_correction:
            forms = replace(forms, corrections=correct())
        return StaticMaking(forms, title, bias_correction, {}, correct)
    answer = reference()
    chosen = least_noise(candidates, run, answer, progress=progress)
    title, forms = chosen.title, chosen.forms
    corrected = False
    if bias_correction is not False:
        corrections = correct()
        better = with_corrections(chosen, corrections, run, answer)
        if better is not None or bias_correction:
            forms, corrected = replace(forms, corrections=corrections), True
    tried = chosen.tried if len(candidates) > 1 else {}
    return StaticMaking(forms, title, corrected, tried, correct)
