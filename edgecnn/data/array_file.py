"""Arrays of one's own in ``.npy`` and ``.npz`` files: pictures, or a model's tensors."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import PictureArray
from edgecnn.data.classes import numbered_labels
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError, DatasetError
from edgecnn.files import sha256_of
from edgecnn.metadata import CharacterInput, InputSpec, TextInput
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["ARRAY_SUFFIXES", "TensorArrays", "open_array_file", "open_tensor_file"]

ARRAY_SUFFIXES = frozenset({".npy", ".npz"})

_LABELS = ("labels", "label", "targets", "target", "y")


class TensorArrays:
    """A dataset of what a network reads: nothing is done to it.

    Parameters
    ----------
    info : DatasetInfo
    tensors : mapping of str to ndarray
        By the names of the model's inputs; a single one may have any name.
    targets : ndarray of int64, shape (N,), or None
    """

    groups: NDArray[np.str_] | None = None

    def __init__(
        self,
        info: DatasetInfo,
        tensors: Mapping[str, NDArray[np.generic]],
        targets: NDArray[np.int64] | None,
    ) -> None:
        self.info = info
        self.tensors = dict(tensors)
        self.targets = targets

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Return rows as they are; see :meth:`edgecnn.data.dataset.Dataset.inputs`.

        Raises
        ------
        DataError
            The arrays are not named or shaped as the model's inputs.
        """
        arrays, shapes = self.tensors, spec.tensors
        if len(arrays) == len(shapes) == 1:
            arrays = dict(zip(shapes, arrays.values(), strict=True))
        free = getattr(spec, "free_axes", {})
        chosen = slice(None) if indices is None else np.asarray(indices)
        found: dict[str, NDArray[np.float32 | np.int64]] = {}
        # Word and character numbers are whole, all else is not.
        is_text = isinstance(spec, TextInput | CharacterInput)
        for name, shape in shapes.items():
            array = arrays.get(name)
            loose = {axis - 1 for axis in free.get(name, {})}
            if (
                array is None
                or array.ndim != len(shape) + 1
                or any(
                    have != want
                    for axis, (have, want) in enumerate(zip(array.shape[1:], shape, strict=True))
                    if axis not in loose
                )
            ):
                told = {key: ("N", *value.shape[1:]) for key, value in arrays.items()}
                raise DataError(
                    f"{self.info.name} holds tensors {told}, the model reads {shapes}",
                    hint="arrays of an .npz are named as the model's inputs",
                )
            whole = is_text and array.dtype.kind in "iu"
            rows = np.asarray(array[chosen])
            found[name] = rows.astype(np.int64) if whole else rows.astype(np.float32)
        return found


def open_array_file(path: Path, *, labels: tuple[str, ...] | None = None) -> PictureArray:
    """Open pictures in an array: ``uint8``, RGB or grey, shape ``(N, H, W)`` or ``(N, H, W, C)``.

    Channels may come first where the last axis cannot be them. An ``.npz`` may hold class numbers
    or names as ``labels`` (or ``targets``, ``y``).

    Parameters
    ----------
    path : Path
    labels : tuple of str, optional
        The model's, which targets shall index.

    Raises
    ------
    DatasetError
        No such arrays.
    """
    arrays, targets, names = _read(path, labels)
    if len(arrays) != 1:
        raise DatasetError(
            f"{path} holds {len(arrays)} arrays: {', '.join(sorted(arrays))}",
            hint=f"one of pictures, and labels; preprocessed tensors: tensors:{path}",
        )
    pictures = next(iter(arrays.values()))
    if pictures.dtype != np.uint8:
        raise DatasetError(
            f"{path} holds {pictures.dtype}, pictures are uint8",
            hint=f"if these are preprocessed tensors, say so: tensors:{path}",
        )
    if pictures.ndim == 4 and pictures.shape[3] not in (1, 3, 4) and pictures.shape[1] in (1, 3, 4):
        pictures = pictures.transpose(0, 2, 3, 1)
    if pictures.ndim not in (3, 4) or (pictures.ndim == 4 and pictures.shape[3] not in (1, 3, 4)):
        raise DatasetError(
            f"{path} has shape {pictures.shape}", hint="(N, H, W) or (N, H, W, 3) are pictures"
        )
    if pictures.ndim == 4 and pictures.shape[3] > 1:
        # OpenCV's order; a view, so that a mapped file stays on the disk.
        order = [2, 1, 0] if pictures.shape[3] == 3 else [2, 1, 0, 3]
        pictures = pictures[..., ::-1] if len(order) == 3 else pictures[..., order]
    return PictureArray(_info(path, names), pictures, targets)  # type: ignore[arg-type]


def open_tensor_file(path: Path, *, labels: tuple[str, ...] | None = None) -> TensorArrays:
    """Open a model's own tensors, preprocessed elsewhere: floats, the example first.

    Raises
    ------
    DatasetError
        No such arrays, or of different lengths.
    """
    arrays, targets, names = _read(path, labels)
    if not arrays:
        raise DatasetError(f"{path} holds no tensors")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise DatasetError(f"{path}: {name} is of type {array.dtype}, not numbers")
    return TensorArrays(_info(path, names), arrays, targets)


def _info(path: Path, labels: tuple[str, ...]) -> DatasetInfo:
    return DatasetInfo(
        name=path.name,
        split="all",
        labels=labels,
        sha256=sha256_of(path),
        attribution="the user's own arrays",
        licence="not stated",
    )


def _read(
    path: Path, labels: tuple[str, ...] | None
) -> tuple[dict[str, NDArray[np.generic]], NDArray[np.int64] | None, tuple[str, ...]]:
    """Return arrays by name, targets, and the labels that they index."""
    try:
        if path.suffix.lower() == ".npy":
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            arrays = {path.stem: loaded}
        else:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{path} is no readable NumPy file: {' '.join(str(error).split())[:120]}",
            hint="numbers saved by numpy.save or numpy.savez, whole and not pickled",
        ) from error
    key = next((name for name in _LABELS if name in arrays), None) if len(arrays) > 1 else None
    written = arrays.pop(key) if key is not None else None
    lengths = {array.shape[0] if array.ndim else 0 for array in arrays.values()}
    if written is not None:
        lengths.add(written.size)
    if len(lengths) > 1:
        raise DatasetError(f"{path} holds arrays of different lengths: {sorted(lengths)}")
    if not arrays or lengths == {0}:
        raise DatasetError(f"{path} holds no examples")
    if written is None:
        return arrays, None, labels or ()
    names, targets = numbered_labels([str(v) for v in written.ravel()], labels, source=str(path))
    return arrays, targets, names
