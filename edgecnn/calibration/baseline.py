"""Measure how a quantized file's inputs and answers are distributed on its calibration data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.histogram import Histogram
from edgecnn.calibration.observe import Batches
from edgecnn.calibration.sessions import session_of
from edgecnn.export.taps import add_taps
from edgecnn.metadata import BASELINE_LIMIT_BYTES, Baseline, Distribution, ImageInput, ModelMetadata
from edgecnn.metadata import encode as encode_document
from edgecnn.runtime.drift_values import colour, energy, sharpness
from edgecnn.runtime.tasks.classify import scores

__all__ = ["distribution_of", "last_feature", "measure_baseline"]

_WITH_WEIGHTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
#: Between so many quantiles the shares are told.
_PARTS = 20


def measure_baseline(
    model: onnx.ModelProto,
    metadata: ModelMetadata,
    batches: Batches,
    *,
    data: str,
    feature: str | None = None,
    brightness: Sequence[float] = (),
    progress: Callable[[int], None] | None = None,
) -> Baseline:
    """Run a file's own graph over data and take down its distributions.

    What is held is one batch's tensors and histograms of a fixed size.

    Parameters
    ----------
    model : onnx.ModelProto
        The graph that the device will run.
    metadata : ModelMetadata
    batches : callable
        Preprocessed inputs.
    data : str
        What the data is called.
    feature : str, optional
        A tensor inside the graph; see :func:`last_feature`.
    brightness : sequence of float
        Of the raw pictures, where they are pictures.
    progress : callable, optional
        Called with the number of examples done.
    """
    computed = {name for node in model.graph.node for name in node.output}
    inner = [feature] if feature is not None and feature in computed else []
    output = metadata.output.name
    session = session_of(add_taps(model, inner))
    inputs: dict[tuple[str, int | None], Histogram] = {}
    inside, answers, confidence = Histogram(), Histogram(), Histogram()
    whole: dict[str, Histogram] = {}
    samples = 0
    for batch in batches():
        for name, tensor in batch.items():
            if tensor.dtype.kind == "f":
                _add_channels(inputs, name, tensor, metadata)  # type: ignore[arg-type]
        values = _run(session, [output, *inner], batch)
        answers.add(values[0])
        for what, of_each in _of_each(batch, values[0], metadata).items():
            whole.setdefault(what, Histogram()).add(of_each.astype(np.float32))
        if inner:
            inside.add(values[1])
        if metadata.task == "classify":
            rows = values[0].reshape(-1, values[0].shape[-1])
            confidence.add(scores(rows, metadata.output).max(axis=-1))
        samples += len(values[0])
        if progress is not None:
            progress(samples)
    light = Histogram()
    if len(brightness):
        light.add(np.asarray(brightness, dtype=np.float32))
    found = [
        distribution_of(light, "brightness"),
        *(distribution_of(h, "input", name, channel) for (name, channel), h in inputs.items()),
        distribution_of(inside, "feature", feature or ""),
        distribution_of(answers, "output", output),
        distribution_of(confidence, "confidence"),
        *(distribution_of(histogram, what) for what, histogram in whole.items()),
    ]
    baseline = Baseline(
        data=data, samples=samples, distributions=tuple(one for one in found if one is not None)
    )
    if len(encode_document(baseline)) <= BASELINE_LIMIT_BYTES:
        return baseline
    # A network with many leads: its channels are told together.
    merged: dict[tuple[str, int | None], Histogram] = {}
    for (name, _), histogram in inputs.items():
        merged.setdefault((name, None), Histogram()).merge(histogram)
    kept = [one for one in baseline.distributions if one.what != "input"]
    together = [distribution_of(h, "input", name) for (name, _), h in merged.items()]
    return Baseline(
        data=data,
        samples=samples,
        distributions=(*(one for one in together if one is not None), *kept),
    )


def last_feature(model: onnx.ModelProto, output: str) -> str | None:
    """Name what the last layer with weights before an output reads; None if there is no such layer.

    Parameters
    ----------
    model : onnx.ModelProto
        In FP32; quantizing keeps the names of tensors.
    output : str
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    given = {value.name for value in model.graph.input}
    producer = {name: node for node in model.graph.node for name in node.output}
    waiting, met = [output], {output}
    while waiting:
        node = producer.get(waiting.pop(0))
        if node is None:
            continue
        if node.op_type in _WITH_WEIGHTS and any(name in weights for name in node.input):
            found = node.input[0]
            return found if found not in given and found in producer else None
        for name in node.input:
            if name and name not in met:
                met.add(name)
                waiting.append(name)
    return None


def distribution_of(
    histogram: Histogram, what: str, tensor: str = "", channel: int | None = None
) -> Distribution | None:
    """Describe a histogram in a few numbers; None if it is empty.

    Mean and standard deviation are those of the bins' centres, so they do not depend on the order
    of the values.
    """
    edges, counts = histogram.bins()
    n = int(counts.sum())
    if not n:
        return None
    below = np.concatenate([[0], np.cumsum(counts)])
    ranks = n * np.arange(1, _PARTS) / _PARTS
    # A cut is the edge of a bin, so that what lies below it has been counted exactly.
    places = np.unique(np.searchsorted(below, ranks))
    places = places[(places > 0) & (places < counts.size)]
    # Not rounded: a value on a cut is to stay on its side.
    cuts = [float(edges[place]) for place in places]
    shares = np.diff(np.concatenate([[0], below[places], [n]])) / n
    centres = np.where(edges[:-1] == 0, 0.0, (edges[:-1] + edges[1:]) / 2)
    mean = float(centres @ counts) / n
    spread = float(np.sqrt(max(0.0, float(((centres - mean) ** 2) @ counts) / n)))
    return Distribution(
        what=what,  # type: ignore[arg-type]
        tensor=tensor,
        channel=channel,
        n=n,
        low=_rounded(histogram.low),
        high=_rounded(histogram.high),
        mean=_rounded(mean),
        std=_rounded(spread),
        cuts=tuple(cuts),
        shares=tuple(float(f"{share:.5f}") for share in shares),
    )


def _run(
    session: Any, names: Sequence[str], batch: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """Run a batch one by one: what is inside of the network is in memory of one example only."""
    rows = [
        session.run(names, {name: tensor[row : row + 1] for name, tensor in batch.items()})
        for row in range(len(next(iter(batch.values()))))
    ]
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


def _of_each(
    batch: Mapping[str, NDArray[Any]], output: NDArray[np.float32], metadata: ModelMetadata
) -> dict[str, NDArray[np.float64]]:
    """Return what is measured of each example as a whole, shape ``(N,)`` each."""
    spec = metadata.input
    found: dict[str, NDArray[np.float64] | None] = {}
    if isinstance(spec, ImageInput) and batch[spec.name].dtype.kind == "f":
        tensor = batch[spec.name]
        found["sharpness"], found["colour"] = sharpness(tensor, spec), colour(tensor, spec)
    if metadata.task == "classify":
        found["energy"] = energy(output, metadata.output)
    return {what: values for what, values in found.items() if values is not None}


def _add_channels(
    inputs: dict[tuple[str, int | None], Histogram],
    name: str,
    tensor: NDArray[np.float32],
    metadata: ModelMetadata,
) -> None:
    """Count an input by channel, where it has channels."""
    spec = metadata.input
    axis = 1
    if isinstance(spec, ImageInput) and spec.layout == "NHWC":
        axis = 3
    if tensor.ndim < 3 or name != spec.name:
        inputs.setdefault((name, None), Histogram()).add(tensor)
        return
    for channel in range(tensor.shape[axis]):
        part = np.take(tensor, channel, axis=axis)
        inputs.setdefault((name, channel), Histogram()).add(part)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
