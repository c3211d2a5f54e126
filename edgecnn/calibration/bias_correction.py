"""Take back the shift that rounding gives to the mean of every channel.

After Nagel et al. 2019 (arXiv:1906.04721), section 4.2: a channel's few weights are rounded up or
down for good, so its output is off by the same amount whatever the input. That amount is measured
on the calibration data and taken from the bias, where it costs nothing at run time. Measured is
each layer by itself, its input as in FP32 but rounded and clipped, so what clipping costs is in it
too. No layer is run twice for that: means go through a linear layer (:mod:`.window_means`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn.calibration.observe import tapped
from edgecnn.calibration.sessions import run_each, session_of
from edgecnn.calibration.window_means import Window, window_of
from edgecnn.export.layers import Network
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["bias_corrections", "raised_biases"]

_CORRECTED = frozenset({"Conv", "Gemm"})

#: Values that are rounded at a time: they stay in the processor's cache.
_CHUNK = 1 << 18


def bias_corrections(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto, batches: Iterable[Tensors]
) -> dict[str, NDArray[np.float32]]:
    """Measure how far the mean of each layer's output is off, by channel.

    Parameters
    ----------
    prepared : onnx.ModelProto
        In FP32.
    quantized : onnx.ModelProto
        Made of it by :func:`edgecnn.calibration.qdq.insert_qdq`: its weights and its input scales
        are taken.
    batches : iterable of mapping of str to ndarray
        Calibration data. What is held at a time is the activations of one batch.

    Returns
    -------
    dict of str to ndarray of float32, shape (channels,)
        By the layer's name what its bias is to be raised by. Layers that are not quantized, or
        that have no bias of their own, are left out.
    """
    inputs = _inputs(prepared, quantized)
    if not inputs:
        return {}
    given = {value.name for value in prepared.graph.input}
    inner = sorted({one.tensor for one in inputs.values()} - given)
    with tapped(prepared, inner):
        session = session_of(prepared)
    seen = 0
    for batch in batches:
        _add(inputs.values(), session, batch, inner)
        seen += len(next(iter(batch.values())))
    del session
    if not seen:
        return {}
    shifts = _shifts(prepared, quantized, inputs, seen)
    return {name: shift for name, shift in shifts.items() if np.isfinite(shift).all()}


@contextmanager
def raised_biases(
    model: onnx.ModelProto, corrections: Mapping[str, NDArray[np.float32]]
) -> Iterator[None]:
    """Raise the biases of a graph's layers for a while: a copy would hold all the weights twice.

    Parameters
    ----------
    corrections : mapping of str to ndarray
        By the name of a ``Conv`` or ``Gemm``. The bias itself, which others may read too, stays in
        the graph.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    before = len(model.graph.initializer)
    changed: list[tuple[onnx.NodeProto, str]] = []
    for node in model.graph.node:
        shift = corrections.get(node.name)
        if shift is None or node.op_type not in _CORRECTED:
            continue
        bias = numpy_helper.to_array(constants[node.input[2]])
        name = f"{node.name}_corrected_bias"
        model.graph.initializer.append(
            numpy_helper.from_array((bias + shift.astype(bias.dtype)).astype(bias.dtype), name)
        )
        changed.append((node, node.input[2]))
        node.input[2] = name
    try:
        yield
    finally:
        del model.graph.initializer[before:]
        for node, name in changed:
            node.input[2] = name


def _add(inputs: Collection[_Input], session: Any, batch: Tensors, inner: Sequence[str]) -> None:
    """Take a batch in; its tensors are let go before the next one's are computed."""
    given: list[tuple[str, Any]] = [pair for pair in batch.items() if pair[0] not in inner]
    for name, tensor in itertools.chain(
        given, zip(inner, run_each(session, inner, batch), strict=True)
    ):
        for one in inputs:
            if one.tensor == name:
                one.add(tensor)


@dataclass
class _Input:
    """What a layer reads: its mean, and how far rounding moves that, under each place."""

    tensor: str
    scale: float
    zero: int
    low: int
    high: int
    window: Window | None
    mean: NDArray[np.float64] | float = 0.0
    moved: NDArray[np.float64] | float = 0.0

    def add(self, batch: NDArray[np.float32]) -> None:
        """Take a batch in, a part that fits the cache at a time."""
        if self.window is None:
            self.mean = self.mean + batch.sum(axis=0, dtype=np.float64)
            self.moved = self.moved + self._moved(batch).sum(axis=0, dtype=np.float64)
            return
        size = max(_CHUNK // max(math.prod(batch.shape[2:]), 1), 1)
        for row in batch:
            means, moved = [], []
            for start in range(0, len(row), size):
                part = row[start : start + size]
                means.append(self.window.means(part))
                moved.append(self.window.means(self._moved(part)))
            self.mean = self.mean + np.concatenate(means)
            self.moved = self.moved + np.concatenate(moved)

    def _moved(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what rounding adds to each value."""
        steps = np.divide(part, np.float32(self.scale), dtype=np.float32)
        np.rint(steps, out=steps)
        np.clip(steps, self.low - self.zero, self.high - self.zero, out=steps)
        steps *= np.float32(self.scale)
        steps -= part
        return steps


def _inputs(prepared: onnx.ModelProto, quantized: onnx.ModelProto) -> dict[str, _Input]:
    """Find by name the layers that are quantized and have a bias, with what they read."""
    constants = {tensor.name: tensor for tensor in prepared.graph.initializer}
    network = Network(quantized)
    layers = {node.name: node for node in quantized.graph.node}
    makers = {name: node for node in quantized.graph.node for name in node.output}
    scales = {tensor.name: tensor for tensor in quantized.graph.initializer}
    found: dict[str, _Input] = {}
    for node in prepared.graph.node:
        twin = layers.get(node.name)
        if twin is None or node.op_type not in _CORRECTED or not _has_bias(node, constants):
            continue
        if any(a.name == "transA" and a.i for a in node.attribute):
            continue
        before = makers.get(twin.input[0])
        if before is None or before.op_type != "DequantizeLinear":
            continue
        # Where its weights are FP32, it is not quantized.
        if twin.input[1] in scales or network.constant(twin.input[1]) is None:
            continue
        weights = constants[node.input[1]]
        scale, zero = (numpy_helper.to_array(scales[name]) for name in before.input[1:3])
        limits = np.iinfo(zero.dtype)
        found[node.name] = _Input(
            node.input[0],
            float(scale.reshape(-1)[0]),
            int(zero.reshape(-1)[0]),
            int(limits.min),
            int(limits.max),
            None if node.op_type == "Gemm" else window_of(node, tuple(weights.dims[2:])),
        )
    return found


def _shifts(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto, inputs: Mapping[str, _Input], seen: int
) -> dict[str, NDArray[np.float32]]:
    """Take the means through the layers: with weights rounded and not."""
    constants = {tensor.name: tensor for tensor in prepared.graph.initializer}
    network = Network(quantized)
    layers = {node.name: node for node in quantized.graph.node}
    found = {}
    for node in prepared.graph.node:
        one = inputs.get(node.name)
        rounded = network.constant(layers[node.name].input[1]) if one is not None else None
        if one is None or rounded is None:
            continue
        weights = numpy_helper.to_array(constants[node.input[1]])
        # A channel of zeros that only makes the kernel faster is not the network's.
        rounded = rounded[:, : weights.shape[1]]
        moved = _through(node, rounded, np.asarray(one.moved))
        rounded -= weights
        moved += _through(node, rounded, np.asarray(one.mean))
        found[node.name] = (-moved / seen).astype(np.float32)
    return found


def _through(
    node: onnx.NodeProto, weights: NDArray[np.floating], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of a layer's output by channel, without its bias."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Gemm":
        turned = weights.T if attributes.get("transB", 0) else weights
        product: NDArray[np.float64] = attributes.get("alpha", 1.0) * (means @ turned)
        return product
    groups = attributes.get("group", 1)
    grouped = weights.reshape(groups, len(weights) // groups, -1)
    flat = means.reshape(groups, -1)
    # A few channels at a time: all weights in double precision are as much as two networks.
    step = max(_CHUNK // max(flat.size, 1), 1)
    parts = [
        np.einsum("goi,gi->go", grouped[:, start : start + step].astype(np.float64), flat)
        for start in range(0, grouped.shape[1], step)
    ]
    return np.concatenate(parts, axis=1).reshape(-1)


def _has_bias(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    return (
        len(node.input) > 2
        and node.input[2] in constants
        and len(constants[node.input[2]].dims) == 1
    )
