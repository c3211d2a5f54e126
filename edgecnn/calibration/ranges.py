"""The range of every activation over a calibration set, batch by batch.

Memory does not grow with the number of samples: smallest and largest value are reduced inside the
graph, histograms are added up. (ONNX Runtime's own percentile and entropy calibrators keep every
activation, and its ``CalibMaxIntermediateOutputs``, meant to bound that, drops data; see
onnxruntime issue 18893.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgecnn.calibration.sessions import session_of
from edgecnn.errors import DataError
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["METHODS", "Method", "Range", "activations", "estimate_ranges"]

Method = Literal["min-max", "moving-average", "percentile"]
METHODS: tuple[Method, ...] = ("min-max", "moving-average", "percentile")

#: Share of values that ``percentile`` keeps, in percent; half of the rest is cut at each end.
PERCENTILE = 99.99

#: Weight of each new batch in ``moving-average``.
_MOVING = 0.01

_BINS = 4096

Batches = Callable[[], Iterable[Tensors]]


@dataclass(frozen=True)
class Range:
    """Smallest and largest value that an activation is to represent."""

    low: float
    high: float


def activations(model: onnx.ModelProto) -> list[str]:
    """Name the float tensors that depend on the input: inputs, and what the nodes compute."""
    typed = {
        value.name: value.type.tensor_type.elem_type
        for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)
    }
    weights = {tensor.name for tensor in model.graph.initializer}
    computed = [value.name for value in model.graph.input] + [
        name for node in model.graph.node for name in node.output
    ]
    return [n for n in computed if typed.get(n) == TensorProto.FLOAT and n not in weights]


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
        Starts the calibration set anew; ``percentile`` reads it twice.
    method : str
        ``"min-max"`` takes the extremes of all samples; ``"moving-average"`` those of each batch,
        averaged; ``"percentile"`` cuts the rarest values off, from a histogram of 4096 bins.
    percentile : float
        For ``"percentile"``: share of values to keep, in percent.

    Returns
    -------
    dict of str to Range

    Raises
    ------
    DataError
        The calibration set is empty, or makes the network compute values that are not finite.
    """
    names = activations(model)
    lows, highs = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    seen = 0
    for batch_lows, batch_highs in _extremes(model, names, batches()):
        if method == "moving-average" and seen:
            lows += _MOVING * (batch_lows - lows)
            highs += _MOVING * (batch_highs - highs)
        else:
            lows, highs = np.minimum(lows, batch_lows), np.maximum(highs, batch_highs)
        seen += 1
    if not seen:
        raise DataError("the calibration set holds no samples")
    broken = [n for n, lo, hi in zip(names, lows, highs, strict=True) if not np.isfinite(hi - lo)]
    if broken:
        raise DataError(
            f"calibration gives values that are not finite, first in {broken[0]}",
            hint="is the calibration data what the model was trained on?",
        )
    if method == "percentile":
        lows, highs = _percentiles(model, names, batches(), (lows, highs), percentile)
    return {
        name: Range(float(low), float(high))
        for name, low, high in zip(names, lows, highs, strict=True)
    }


def _extremes(
    model: onnx.ModelProto, names: list[str], batches: Iterable[Tensors]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Reduce in the graph: what leaves it is two numbers per activation."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    outputs = []
    for number, name in enumerate(names):
        for operator in ("ReduceMin", "ReduceMax"):
            output = f"edgecnn_{operator}_{number}"
            observed.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
            observed.graph.output.append(
                helper.make_tensor_value_info(output, TensorProto.FLOAT, [])
            )
            outputs.append(output)
    session = session_of(observed)
    for batch in batches:
        values = np.array(session.run(outputs, batch), dtype=np.float64)
        yield values[0::2], values[1::2]


def _percentiles(
    model: onnx.ModelProto,
    names: list[str],
    batches: Iterable[Tensors],
    extremes: tuple[NDArray[np.float64], NDArray[np.float64]],
    percentile: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fill a histogram between the extremes, then cut its tails."""
    lows, highs = extremes
    widths = np.maximum(highs - lows, 1e-12)
    counts = np.zeros((len(names), _BINS), dtype=np.int64)
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    present = {value.name for value in observed.graph.output}
    inputs = {value.name for value in observed.graph.input}
    inner = [name for name in names if name not in inputs]
    observed.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in inner
        if name not in present
    )
    session = session_of(observed)
    for batch in batches:
        # Sample by sample: what is held is the activations of one.
        for row in range(len(next(iter(batch.values())))):
            sample = {name: tensor[row : row + 1] for name, tensor in batch.items()}
            values = dict(zip(inner, session.run(inner, sample), strict=True)) | sample
            for i, name in enumerate(names):
                place = (values[name].ravel() - lows[i]) * (_BINS / widths[i])
                counts[i] += np.bincount(
                    np.clip(place, 0, _BINS - 1).astype(np.int32), minlength=_BINS
                )
    cut = (100 - percentile) / 200
    share = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    first = np.array([np.searchsorted(row, cut, side="right") for row in share])
    last = np.array([np.searchsorted(row, 1 - cut) for row in share])
    step = widths / _BINS
    return lows + first * step, np.minimum(lows + (last + 1) * step, highs)
