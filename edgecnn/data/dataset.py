"""The one protocol through which training, calibration and evaluation read data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import DatasetRole, DatasetUse, InputSpec
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["Dataset", "DatasetInfo"]


@dataclass(frozen=True)
class DatasetInfo:
    """What a dataset is, where it comes from and under which licence.

    Attributes
    ----------
    name, split : str
        For example ``"mnist"`` and ``"test"``.
    labels : tuple of str
        Class names; an element of ``Dataset.targets`` indexes them.
    sha256 : str
        Of what was read: the file's hash, or the hash of all files' hashes in the order of their
        names. That of a folder of pictures covers their paths in it too, which tell the classes.
    attribution, licence : str
    note : str
        What a reader of results should know, for example that the pictures are lossy copies.
    shared : tuple of str
        Groups of a test set whose patient is in the training set that it belongs to: results are
        told without them too.
    """

    name: str
    split: str
    labels: tuple[str, ...]
    sha256: str
    attribution: str
    licence: str
    note: str = ""
    shared: tuple[str, ...] = ()

    def use(self, role: DatasetRole, samples: int) -> DatasetUse:
        """Describe what part the dataset took in making a file."""
        return DatasetUse(
            name=f"{self.name}:{self.split}",
            role=role,
            sha256=self.sha256,
            samples=samples,
            attribution=self.attribution,
            licence=self.licence,
            note=self.note,
        )


class Dataset(Protocol):
    """Labelled or unlabelled examples that can be turned into any model's inputs.

    Attributes
    ----------
    info : DatasetInfo
    targets : ndarray of int64, shape (N,), or None
        Class of each example; None when the examples are not labelled.
    groups : ndarray of str, shape (N,), or None
        What must not be split between training and test: an ECG beat's record.
    """

    info: DatasetInfo
    targets: NDArray[np.int64] | None
    groups: NDArray[np.str_] | None

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Preprocess examples by a model's own metadata.

        Parameters
        ----------
        spec : InputSpec
            ``metadata.input`` of the model that will read them.
        indices : ndarray of int, optional
            Which examples, in this order; the default is all.

        Returns
        -------
        mapping of str to ndarray
            By the names of the model's inputs; the first axis is the example.

        Raises
        ------
        DataError
            The data cannot be read, or is of another kind than the spec.
        """
        ...
