"""Which layers of two files to compare, and on what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.sqnr import LayerNoise, layer_noise, matched_layers, share_weights
from edgecnn.data.dataset import Dataset
from edgecnn.export.layers import Network
from edgecnn.export.quantized import quantized_operator
from edgecnn.files import sha256_of
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model

__all__ = ["batch_of", "compare_layers", "is_derived", "is_noisy", "layer_batches"]

#: Examples per run: what is held is the activations of this many.
_LAYER_BATCH = 8

#: SQNR from which on a layer's noise seldom changes an answer.
_NOISY_DB = 10.0


def compare_layers(
    graphs: Sequence[onnx.ModelProto], batches: Iterable[Tensors]
) -> tuple[LayerNoise, ...]:
    """Compare layers; what is quantized is measured against what is not, whatever the order."""
    if quantized_operator(graphs[0]) and not quantized_operator(graphs[1]):
        graphs = graphs[::-1]
    layers = matched_layers(Network(graphs[0]), Network(graphs[1]))
    return layer_noise(graphs[0], graphs[1], layers, batches) if layers else ()


def is_derived(first: Model, second: Model, graphs: Sequence[onnx.ModelProto]) -> bool:
    """Tell whether one file was made from the other, or both from a third."""
    hashes = [sha256_of(model.path) for model in (first, second)]
    if first.metadata.input != second.metadata.input or hashes[0] == hashes[1]:
        return False
    for sha256, other in zip(hashes, (second, first), strict=True):
        recipe = other.metadata.provenance.quantization
        if recipe is not None and recipe.source_sha256 == sha256:
            return True
    return share_weights(Network(graphs[0]), Network(graphs[1]))


def batch_of(first: Model, second: Model, batch: int) -> int:
    """Return 1 where a graph takes one example at a time."""
    fixed = [model.session.get_inputs()[0].shape[:1] == [1] for model in (first, second)]
    return 1 if any(fixed) else batch


def layer_batches(
    first: Model,
    second: Model,
    dataset: Dataset,
    chosen: NDArray[np.int64],
    *,
    progress: Callable[[int, int], None],
) -> Iterator[Tensors]:
    """Preprocess chosen examples, a few at a time."""
    spec = first.metadata.input
    # Pictures that keep their own size cannot be stacked.
    free = isinstance(spec, ImageInput) and bool(spec.free_axes)
    size = 1 if free else batch_of(first, second, _LAYER_BATCH)
    for start in range(0, len(chosen), size):
        yield dataset.inputs(spec, chosen[start : start + size])
        progress(min(start + size, len(chosen)), len(chosen))


def is_noisy(layer: LayerNoise) -> bool:
    """Tell whether a tenth of a layer's power, or more, is noise."""
    return bool(layer.not_finite) or (layer.sqnr_db is not None and layer.sqnr_db < _NOISY_DB)
