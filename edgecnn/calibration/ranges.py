"""The range of every activation over a calibration set."""

from __future__ import annotations

import onnx

from edgecnn.calibration.estimators import (
    METHODS,
    PERCENTILE,
    Estimator,
    Method,
    make_estimator,
)
from edgecnn.calibration.observation import Observation
from edgecnn.calibration.observe import Batches, observe, observed_tensors
from edgecnn.calibration.tensor_values import Range

__all__ = ["METHODS", "PERCENTILE", "Method", "Range", "estimate_ranges", "ranges_of"]


def estimate_ranges(
    model: onnx.ModelProto,
    batches: Batches,
    *,
    method: Method = "min-max",
    percentile: float = PERCENTILE,
) -> dict[str, Range]:
    """Run a calibration set through a graph and find the range of every activation.

    Parameters
    ----------
    model : onnx.ModelProto
        With shapes inferred (see :func:`edgecnn.calibration.prepare.prepare`).
    batches : callable
        Starts the calibration set.
    method : str
        ``"min-max"`` takes the extremes of all samples; ``"moving-average"`` those of each batch,
        averaged; ``"percentile"`` cuts the rarest values off; ``"entropy"`` and ``"mse"`` weigh
        clipping against rounding: see :mod:`edgecnn.calibration.estimators`.
    percentile : float
        For ``"percentile"``: share of values to keep, in percent.

    Returns
    -------
    dict of str to Range
        Of :func:`edgecnn.calibration.observe.observed_tensors`.

    Raises
    ------
    DataError
        The calibration set is empty, or makes the network compute values that are not finite.
    UsageError
        No such method.
    """
    estimator = make_estimator(method, percentile=percentile)
    names = observed_tensors(model)
    seen = observe(model, batches, names, histograms=estimator.needs_histogram)
    return ranges_of(seen, estimator)


def ranges_of(seen: Observation, estimator: Estimator, *, half: bool = False) -> dict[str, Range]:
    """Choose the ranges from what was seen: by all samples, or by every other one."""
    return {name: estimator.range_of(seen.of(name, half=half)) for name in seen.names}
