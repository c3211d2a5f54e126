"""The inputs that an export is traced and compared on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, ModelError
from edgecnn.evaluation.sampling import draw
from edgecnn.export.drawings import drawn_inputs
from edgecnn.export.verify import expected_shapes
from edgecnn.metadata import DatasetUse, InputSpec, ModelMetadata
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["DRAWINGS", "Samples", "checked_samples", "dataset_samples", "gather"]

#: What inputs are called that no data stands behind.
DRAWINGS = "drawings"

#: Another one than that of the golden vectors.
_DRAWING_SEED = 1

_COUNT = 64

#: As many are preprocessed once more, by the contract that the written file holds.
_AGAIN = 16

#: Batches of 1, 2 and all are three sizes from here on.
_LEAST_ROWS = 3


@dataclass(frozen=True)
class Samples:
    """Inputs to compare a file and its source on.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        Preprocessed by the contract.
    name : str
        Of the dataset; ``drawings``; empty where it is not known.
    count, seed : int
    use : DatasetUse or None
        For the provenance.
    again : callable or None
        Preprocesses the first of them from their raw form, by any contract.
    """

    tensors: Tensors
    name: str = ""
    count: int = 0
    seed: int = 0
    use: DatasetUse | None = None
    again: Callable[[InputSpec], Tensors] | None = None


def gather(
    samples: Tensors | Dataset | Samples | None,
    metadata: ModelMetadata,
    *,
    use: DatasetUse | None = None,
) -> Samples:
    """Return the samples that were given, drawn from a dataset or, without any, drawn as pictures.

    Raises
    ------
    DataError
        A dataset without examples, or of another kind than the contract's input.
    """
    if isinstance(samples, Samples):
        return samples
    if samples is None:
        tensors = drawn_inputs(metadata, _COUNT, seed=_DRAWING_SEED)
        count = len(next(iter(tensors.values())))
        drawn = DatasetUse(
            name=DRAWINGS,
            role="parity",
            sha256="",
            samples=count,
            attribution="drawn by edgecnn",
            licence="Apache-2.0",
            note=f"seed {_DRAWING_SEED}",
        )
        return Samples(tensors, DRAWINGS, count, _DRAWING_SEED, use=drawn)
    if isinstance(samples, Mapping):
        count = len(next(iter(samples.values()), ()))
        return Samples(samples, use.name if use else "", count, use=use)
    return dataset_samples(samples, metadata, limit=_COUNT)


def dataset_samples(
    dataset: Dataset, metadata: ModelMetadata, *, limit: int, seed: int = 0
) -> Samples:
    """Draw examples of a dataset, its classes as evenly as they allow, and preprocess them.

    Raises
    ------
    DataError
        It holds none, or is of another kind than the contract's input.
    """
    info = dataset.info
    if not len(dataset):
        raise DataError(f"{info.name} holds no examples")
    chosen = draw(len(dataset), limit, targets=dataset.targets, seed=seed)
    use = info.use("parity", len(chosen))
    return Samples(
        dataset.inputs(metadata.input, chosen),
        use.name,
        len(chosen),
        seed,
        use,
        again=lambda spec: dataset.inputs(spec, chosen[:_AGAIN]),
    )


def checked_samples(
    samples: Tensors, metadata: ModelMetadata, *, batch: int | None = None
) -> Tensors:
    """Return the samples in the contract's order; their names, shapes and number must be its.

    Where the batch is free there are three rows at least, and whole batches where it is not: the
    first are repeated for it.
    """
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
    n = len(next(iter(ordered.values())))
    wanted_rows = max(n, _LEAST_ROWS) if batch is None else -(-n // batch) * batch
    if wanted_rows == n:
        return ordered
    rows = np.arange(wanted_rows)
    return {name: np.take(x, rows, axis=0, mode="wrap") for name, x in ordered.items()}
