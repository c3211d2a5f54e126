"""NumPy files: an array of samples, ``(samples,)`` or ``(samples, leads)``, in millivolts.

Of a two-dimensional array the longer axis is time. In an ``.npz`` the signal is the array called
``signal_mv``, ``signal``, ``ecg``, ``p_signal``, ``val`` or ``data``, else the largest; ``fs``,
``rate`` or ``sampling_rate_hz`` states the rate, ``leads`` or ``sig_name`` the names, ``unit`` or
``units`` the unit. Pickled objects are never loaded: they can run code.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import millivolts_per
from edgecnn.errors import RecordError

__all__ = ["read", "record_of_arrays"]

_SIGNALS = ("signal_mv", "signal", "ecg", "p_signal", "val", "data")
_RATES = (
    *("sampling_rate_hz", "sampling_rate", "rate_hz", "rate", "fs", "sfreq", "sample_rate"),
    *("samplingrate", "samplerate", "sampling_frequency", "samplingfrequency", "fs_hz"),
)
_LEADS = ("leads", "lead", "sig_name", "channels", "names")
_UNITS = ("unit", "units")


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a ``.npy`` or ``.npz`` file (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        # Opened here: numpy leaves a file open that turns out to be broken.
        with path.open("rb") as file:
            loaded: Any = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                arrays = {"signal": loaded}
            else:
                with loaded:
                    arrays = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        text = " ".join(str(error).split())
        hint = "save plain numbers" if "pickle" in text.lower() else "is the file complete?"
        raise RecordError(f"{path} is no readable NumPy file: {text[:120]}", hint=hint) from error
    return record_of_arrays(path, arrays, rate_hz=rate_hz, lead=lead)


def record_of_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], *, rate_hz: float | None, lead: str | None
) -> Record:
    """Make a record of named arrays, as the module's text says.

    Raises
    ------
    RecordError
        No array of numbers that can be a signal, or no sampling rate.
    """
    lower = {name.lower(): array for name, array in arrays.items()}
    signal = _signal(path, lower)
    stated = _first(lower, _RATES)
    if (
        stated is not None
        and (different := set(stated.reshape(-1).tolist()))
        and len(different) > 1
    ):
        raise RecordError(
            f"{path} states {len(different)} sampling rates: {', '.join(map(str, different))}"[
                :120
            ],
            hint="bring its leads to one rate, and state that",
        )
    rate, notes = settle_rate(
        path, stated.reshape(-1)[0].item() if stated is not None else None, rate_hz
    )
    if signal.ndim == 1:
        signal = signal[:, None]
    elif signal.shape[0] < signal.shape[1]:
        signal = signal.T
    names = _first(lower, _LEADS)
    leads = tuple(str(name).strip() for name in names.reshape(-1)) if names is not None else ()
    if len(leads) != signal.shape[1]:
        leads = ("",) * signal.shape[1]
    unit = _first(lower, _UNITS)
    scale = millivolts_per(str(unit.reshape(-1)[0]), source=str(path)) if unit is not None else 1.0
    record = Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=leads,
        signal_mv=signal.astype(np.float64) * scale,
        notes=notes,
    )
    return record if lead is None else record.select(lead)


def _first(arrays: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> NDArray[Any] | None:
    return next((arrays[name] for name in names if name in arrays and arrays[name].size), None)


def _signal(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    signals = {
        name: array
        for name, array in arrays.items()
        if array.dtype.kind in "iuf" and array.ndim in (1, 2) and name not in _RATES
    }
    if not signals:
        shapes = ", ".join(f"{name} {array.dtype}{array.shape}" for name, array in arrays.items())
        raise RecordError(
            f"{path} holds no array of samples ({shapes[:120] or 'nothing'})",
            hint="samples, or samples × leads, of numbers",
        )
    named = next((signals[name] for name in _SIGNALS if name in signals), None)
    return named if named is not None else max(signals.values(), key=lambda array: array.size)
