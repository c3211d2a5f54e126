"""A few calibration examples that many forms of a network are run on, prepared once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.sessions import writing_to
from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.evaluate import predict_dataset
from edgecnn.metadata import CharacterInput, InputSpec
from edgecnn.runtime.session import Model

__all__ = ["Probe", "sqnr_db"]

#: Examples per run: what is held is the activations of this many.
_BATCH = 2


class Probe:
    """Runs models on the same inputs.

    Parameters
    ----------
    dataset : Dataset
    spec : InputSpec
    indices : ndarray of int
        Which examples.
    folder : Path
        Where they are put: in memory they would be in the way of calibration. The caller removes
        it.
    """

    def __init__(
        self, dataset: Dataset, spec: InputSpec, indices: NDArray[np.integer], folder: Path
    ) -> None:
        self._dataset, self._indices = dataset, indices
        self._files: dict[str, tuple[Path, np.dtype[Any], tuple[int, ...]]] | None = None
        # Running text is no set of rows: a network that writes is run character by character.
        if not isinstance(spec, CharacterInput):
            self._files = {}
            for number, (name, tensor) in enumerate(dataset.inputs(spec, indices).items()):
                path = folder / f"probe-{number}"
                with writing_to(folder):
                    path.write_bytes(np.ascontiguousarray(tensor).data)
                self._files[name] = (path, tensor.dtype, tensor.shape)

    def __call__(self, model: Model) -> NDArray[np.float32]:
        """Return the model's outputs, one row an example."""
        if self._files is None:
            return predict_dataset(model, self._dataset, indices=self._indices)
        fixed = model.session.get_inputs()[0].shape[:1] == [1]
        size = 1 if fixed else _BATCH
        inputs = {
            name: np.memmap(path, dtype, "r", shape=shape)
            for name, (path, dtype, shape) in self._files.items()
        }
        return np.concatenate(
            [
                model.run({name: x[start : start + size] for name, x in inputs.items()})
                for start in range(0, len(self._indices), size)
            ]
        )


def sqnr_db(answer: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the signal-to-quantization-noise ratio of outputs, in dB.

    10 log10 of the power of the reference over that of the difference; -inf where a value is no
    number.

    Examples
    --------
    >>> round(sqnr_db(np.array([1.1, -1.1]), np.array([1.0, -1.0])), 3)
    20.0
    """
    signal = float(np.mean(reference.astype(np.float64) ** 2))
    noise = float(np.mean((answer.astype(np.float64) - reference) ** 2))
    if not np.isfinite(noise):
        return float("-inf")
    return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)))
