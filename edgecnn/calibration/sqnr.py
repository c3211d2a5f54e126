"""How much noise each layer of a quantized network carries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.sessions import session_of
from edgecnn.calibration.wiring import Wiring
from edgecnn.evaluation.output_difference import DifferenceSum
from edgecnn.export.layers import Network
from edgecnn.export.taps import add_taps
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["LayerNoise", "MatchedLayer", "layer_noise", "matched_layers", "share_weights"]

#: Below this many values, weights resemble each other by chance.
_TELLING = 64
#: Correlation from which two weights count as one, rounded: of independent ones it is near zero.
_ALIKE = 0.5


@dataclass(frozen=True)
class MatchedLayer:
    """A layer that two graphs have in common.

    Attributes
    ----------
    title : str
    tensor : str
        What the layer gives in the first graph.
    other : str
        The same in the second: behind its quantize/dequantize pair, where there is one.
    """

    title: str
    tensor: str
    other: str


@dataclass(frozen=True)
class LayerNoise:
    """How far a layer's values in two graphs lie apart.

    Attributes
    ----------
    title, tensor : str
    sqnr_db : float or None
        Signal-to-quantization-noise ratio: 10 log10 of the sum of squares of the first graph's
        values over that of the difference. None where there is no difference, or a value that is
        no number.
    max_abs : float
        Largest difference of two values.
    not_finite : int
        Examples left out because a value in them is no number.
    """

    title: str
    tensor: str
    sqnr_db: float | None
    max_abs: float
    not_finite: int = 0


def matched_layers(first: Network, second: Network) -> tuple[MatchedLayer, ...]:
    """Find the layers of the first graph that the second has under the same name.

    Quantizing keeps the names of tensors. An activation function that it takes into the rounding
    is matched by what the rounded values stand for.
    """
    graph = second.model.graph
    wiring = Wiring.of(graph)
    computed, readers = wiring.makers, wiring.readers

    def dequantized(name: str) -> str:
        for operator in ("QuantizeLinear", "DequantizeLinear"):
            after = next((n for n in readers[name] if n.op_type == operator), None)
            if after is None:
                break
            name = after.output[0]
        return name

    found, seen = [], set()
    for layer in first.layers:
        other = dequantized(layer.tensor)
        if layer.tensor in computed and other in computed and layer.tensor not in seen:
            seen.add(layer.tensor)
            found.append(MatchedLayer(layer.title, layer.tensor, other))
    return tuple(found)


def layer_noise(
    first: onnx.ModelProto,
    second: onnx.ModelProto,
    layers: Sequence[MatchedLayer],
    batches: Iterable[Tensors],
) -> tuple[LayerNoise, ...]:
    """Run the same inputs through two graphs, on the CPU, and compare their layers.

    Those whose values are no fractions in one of them (shapes that are computed, whole numbers of
    8 bits) or differ in shape are left out.

    The noise of a layer is what it adds together with what reaches it from the layers before, as
    on the device. What is held is one batch's activations.

    Parameters
    ----------
    first, second : onnx.ModelProto
    layers : sequence of MatchedLayer
        From :func:`matched_layers`.
    batches : iterable
        Preprocessed inputs.

    Raises
    ------
    ModelError
        ONNX Runtime refuses a graph.

    Notes
    -----
    SQNR as in Krishnamoorthi 2018 (arXiv:1806.08342) and the quantizers' own tools.
    """
    names, others = [layer.tensor for layer in layers], [layer.other for layer in layers]
    sessions = [session_of(add_taps(first, names)), session_of(add_taps(second, others))]
    sums = [DifferenceSum() for _ in layers]
    unlike: set[int] = set()
    for inputs in batches:
        ours = sessions[0].run(names, dict(inputs))
        theirs = sessions[1].run(others, dict(inputs))
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one.shape == other.shape and one.dtype.kind == other.dtype.kind == "f":
                sums[number].add(one, other)
            else:
                unlike.add(number)
    noise = []
    for number, (layer, total) in enumerate(zip(layers, sums, strict=True)):
        if number in unlike:
            continue
        result = total.result()
        noise.append(
            LayerNoise(layer.title, layer.tensor, result.sqnr_db, result.max_abs, result.not_finite)
        )
    return tuple(noise)


def share_weights(first: Network, second: Network) -> bool:
    """Tell whether one graph was made from the other: some weights of theirs are alike.

    Rounded to 8 bits, and whatever the scale, weights still point the same way; those of two
    trainings are no more alike than dice.
    """
    pool: dict[tuple[int, ...], list[NDArray[np.float64]]] = defaultdict(list)
    for weights in _weights(second):
        pool[weights.shape].append(weights)
    return any(
        _correlation(weights, other) > _ALIKE
        for weights in _weights(first)
        for other in pool[weights.shape]
    )


def _weights(network: Network) -> list[NDArray[np.float64]]:
    found = []
    for node in network.model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            continue
        for name in node.input:
            values = network.constant(name) if name else None
            if values is not None and values.ndim > 1 and values.size >= _TELLING:
                found.append(values.astype(np.float64))
    return found


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Pearson's correlation: unsigned 8-bit weights have a zero point of their own."""
    one, other = first.ravel() - first.mean(), second.ravel() - second.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 0 else 0.0
