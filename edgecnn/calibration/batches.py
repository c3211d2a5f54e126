"""A calibration set, read batch by batch and as often as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError
from edgecnn.evaluation.evaluate import input_batches
from edgecnn.metadata import ImageInput, InputSpec
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["CalibrationBatches"]


class CalibrationBatches:
    """Chosen examples of a dataset, preprocessed by a model's metadata.

    Parameters
    ----------
    dataset : Dataset
    spec : InputSpec
        ``metadata.input`` of the model that is calibrated.
    indices : ndarray of int
        Which examples.
    batch : int
        Examples at a time.
    progress : callable, optional
        Called with the number of examples that are done with.
    """

    def __init__(
        self,
        dataset: Dataset,
        spec: InputSpec,
        indices: NDArray[np.integer],
        *,
        batch: int,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._dataset = dataset
        self._spec = spec
        self._indices = indices
        self._batch = batch
        self._progress = progress

    def __call__(self, start: int = 0) -> Iterator[Tensors]:
        """Start anew, or after this many examples.

        Raises
        ------
        DataError
            The data is of another kind or size than the model reads, or not finite.
        """
        for inputs in input_batches(
            self._dataset, self._spec, indices=self._indices[start:], batch=self._batch
        ):
            self._check(inputs)
            yield inputs
            start += len(next(iter(inputs.values())))
            if self._progress is not None:
                self._progress(start)

    def first(self) -> Tensors:
        """Return the first example alone, batch 1."""
        inputs = self._dataset.inputs(self._spec, self._indices[:1])
        self._check(inputs)
        return inputs

    def _check(self, inputs: Tensors) -> None:
        name = self._dataset.info.name
        found = {key: tensor.shape[1:] for key, tensor in inputs.items()}
        # Pictures that are left as they are have any size, all of them the same one.
        is_free = isinstance(self._spec, ImageInput) and self._spec.resize == "none"
        if found != self._spec.tensors and not is_free:
            raise DataError(f"{name} gives inputs {found}, the model reads {self._spec.tensors}")
        for key, tensor in inputs.items():
            if not np.isfinite(tensor).all():
                raise DataError(f"{name} holds values of {key} that are not finite")
