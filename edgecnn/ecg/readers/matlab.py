"""MATLAB 5 files without a WFDB header: an array of samples, named as in :mod:`.npy`."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from edgecnn.ecg.readers.npy import record_of_arrays
from edgecnn.ecg.record import Record
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["read"]


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a ``.mat`` file (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: MATLAB files need scipy", hint="pip install 'edgecnn[ecg]'"
        ) from error
    try:
        content = loadmat(str(path))
    except (
        *(OSError, ValueError, NotImplementedError, TypeError, KeyError, IndexError),
        zlib.error,
    ) as error:
        text = " ".join(str(error).split())
        raise RecordError(
            f"{path} is no readable MATLAB file: {text[:120]}", hint="save it with -v7, complete"
        ) from error
    arrays = {name: np.asarray(value) for name, value in content.items() if name[0] != "_"}
    return record_of_arrays(path, arrays, rate_hz=rate_hz, lead=lead)
