"""The preprocessed inputs that an export is traced and compared on."""

from __future__ import annotations

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.export.verify import expected_shapes
from edgecnn.metadata import ModelMetadata
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["checked_samples", "free_axes"]


def checked_samples(samples: Tensors, metadata: ModelMetadata) -> Tensors:
    """Return the samples in the contract's order; their names, shapes and number must be its."""
    shapes = {
        name: shape
        for name, shape in expected_shapes(metadata).items()
        if name in metadata.input.tensors and shape is not None
    }
    if set(samples) != set(shapes):
        raise ModelError(
            f"samples for {sorted(samples)}, the contract's inputs are {sorted(shapes)}"
        )
    ordered = {name: np.ascontiguousarray(samples[name]) for name in shapes}
    for name, shape in shapes.items():
        found = ordered[name].shape[1:]
        if len(found) != len(shape) - 1 or any(
            isinstance(size, int) and size != given
            for given, size in zip(found, shape[1:], strict=True)
        ):
            wanted = ", ".join(map(str, shape[1:]))
            raise ModelError(f"samples of {name} have shape {found}, the contract says ({wanted})")
    if len({len(x) for x in ordered.values()}) != 1 or not len(next(iter(ordered.values()))):
        raise ModelError("each input needs the same number of samples, at least one")
    return ordered


def free_axes(metadata: ModelMetadata) -> dict[str, dict[int, str]]:
    """Return the axes of inputs that may have any size, besides the batch."""
    shapes = expected_shapes(metadata)
    return {
        name: {i: size for i, size in enumerate(shapes[name] or ()) if i and isinstance(size, str)}
        for name in metadata.input.tensors
    }
