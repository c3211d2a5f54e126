"""MATLAB files without a WFDB header: an array of samples, named as in :mod:`.npy`.

MATLAB 5 to 7 by scipy; 7.3, which is HDF5, by h5py. A structure's fields count as arrays.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.npy import record_of_arrays
from edgecnn.ecg.readers.signals import one_line
from edgecnn.ecg.record import Record
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["read"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
#: MATLAB puts a text of so many bytes ahead of the HDF5 file.
_USER_BLOCK = 512
#: The best that compression makes of plain zeros; a file that claims more holds no such data.
_MOST_COMPRESSED = 2000
_SMALL = 1 << 24


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a ``.mat`` file (see :func:`edgecnn.ecg.readers.read_record`)."""
    arrays = _arrays_7_3(path) if _is_hdf5(path) else _arrays_5(path)
    return record_of_arrays(path, arrays, rate_hz=rate_hz, lead=lead)


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_USER_BLOCK + len(_HDF5))
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    return head.startswith(_HDF5) or head[_USER_BLOCK:] == _HDF5


def _arrays_5(path: Path) -> dict[str, NDArray[Any]]:
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped, unused-ignore]
        from scipy.io.matlab import MatReadError  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: MATLAB files need scipy", hint="pip install 'edgecnn[ecg]'"
        ) from error
    try:
        content = loadmat(str(path))
    except (
        *(OSError, ValueError, NotImplementedError, TypeError, KeyError, IndexError),
        *(zlib.error, MatReadError),
    ) as error:
        raise RecordError(
            f"{path} is no readable MATLAB file: {one_line(error)}", hint="save it again, complete"
        ) from error
    return dict(_flat((name, np.asarray(v)) for name, v in content.items() if name[0] != "_"))


def _flat(items: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield arrays, of a structure its fields, and of a cell array of texts the texts."""
    for name, array in items:
        if array.dtype.names and array.size == 1:
            element = array.reshape(-1)[0]
            yield from _flat((field, np.asarray(element[field])) for field in array.dtype.names)
        elif array.dtype == object:
            cells = [np.asarray(cell).reshape(-1) for cell in array.flat]
            yield name, np.array([str(cell[0]) for cell in cells if cell.dtype.kind == "U"])
        else:
            yield name, array


def _arrays_7_3(path: Path) -> dict[str, NDArray[Any]]:
    try:
        import h5py
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: MATLAB 7.3 files need h5py",
            hint="pip install 'edgecnn[ecg]', or save it with -v7",
        ) from error
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _datasets(file, h5py.Group):
                arrays[name] = _array(path, file, dataset)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, IndexError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(
            f"{path} is no readable MATLAB file: {one_line(error)}", hint="save it again, complete"
        ) from error
    return arrays


def _datasets(group: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the variables, of a structure (a group) its fields: those of one within it, too."""
    for name, item in group.items():
        if isinstance(item, kind):
            # MATLAB keeps what cells point to in `#refs#`.
            yield from () if name.startswith("#") else _datasets(item, kind)
        elif hasattr(item, "dtype"):
            yield name, item


def _array(path: Path, file: Any, dataset: Any) -> NDArray[Any]:
    """Return a variable as MATLAB has it: HDF5 lists its dimensions the other way round."""
    claimed = dataset.size * dataset.dtype.itemsize
    if claimed > _SMALL + _MOST_COMPRESSED * dataset.id.get_storage_size():
        raise RecordError(
            f"{path} promises {dataset.size} samples in {dataset.name}, it holds "
            f"{dataset.id.get_storage_size()} bytes of them",
            hint="save it again, complete",
        )
    if dataset.attrs.get("MATLAB_empty", 0):
        return np.empty(0)
    kind = dataset.attrs.get("MATLAB_class", b"")
    if kind == b"char":
        return np.array([_text(dataset)])
    if kind == b"cell":
        cells = [file[reference] for reference in np.asarray(dataset).T.reshape(-1)]
        return np.array([_text(cell) for cell in cells if cell.dtype.kind in "ui"])
    return np.asarray(dataset).T


def _text(dataset: Any) -> str:
    return "".join(map(chr, np.asarray(dataset).T.reshape(-1).tolist()))
