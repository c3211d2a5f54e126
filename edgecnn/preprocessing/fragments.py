"""Signal fragments to input tensors, as the file's :class:`~edgecnn.metadata.SignalInput` says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.metadata import SignalInput
from edgecnn.preprocessing.boxcar import MICROVOLTS_PER_MV, filter_boxcar

__all__ = ["filtered_mv", "fragment_inputs", "fragment_tensors"]

#: What :func:`~edgecnn.preprocessing.boxcar.filter_boxcar` counts in.
_FILTERED_PER_UV = 16


def fragment_inputs(
    signal_uv: NDArray[np.int64], starts: NDArray[np.integer], spec: SignalInput
) -> dict[str, NDArray[np.float32]]:
    """Cut fragments out of a recording and turn them into the network's input.

    Parameters
    ----------
    signal_uv : ndarray of int64, shape (leads, samples)
        In microvolts at ``spec.sampling_rate_hz``, the leads in the order of ``spec.leads``.
    starts : ndarray of int, shape (N,)
        First sample of each fragment.
    spec : SignalInput
        From the file's metadata.

    Returns
    -------
    dict
        ``spec.name``: float32, shape ``(N, leads, spec.samples)``, in mV or normalised.

    Raises
    ------
    DataError
        Another number of leads, or a fragment that is not wholly inside the signal.

    Examples
    --------
    >>> spec = SignalInput(sampling_rate_hz=100, leads=("II",), samples=4, normalisation="none")
    >>> fragment_inputs(np.arange(8)[None] * 500, np.array([0, 4]), spec)["signal"].tolist()
    [[[0.0, 0.5, 1.0, 1.5]], [[2.0, 2.5, 3.0, 3.5]]]
    """
    if signal_uv.ndim != 2 or len(signal_uv) != len(spec.leads):
        raise DataError(f"a signal of shape {signal_uv.shape} for {len(spec.leads)} leads")
    at = starts.astype(np.int64)
    last = signal_uv.shape[1] - spec.samples
    if at.size and (np.minimum.reduce(at) < 0 or np.maximum.reduce(at) > last):
        raise DataError(
            f"a fragment of {spec.samples} samples is not wholly inside the signal of "
            f"{signal_uv.shape[1]}"
        )
    return {spec.name: fragment_tensors(filtered_mv(signal_uv, spec), at, spec)}


def fragment_tensors(
    signal_mv: NDArray[np.float64], starts: NDArray[np.int64], spec: SignalInput
) -> NDArray[np.float32]:
    """Cut a signal that is filtered already, shape ``(leads, samples)`` in mV, and normalise."""
    tensors = np.empty((len(starts), *spec.shape), dtype=np.float32)
    for row, start in zip(tensors, starts.tolist(), strict=True):
        window = signal_mv[:, start : start + spec.samples]
        if spec.normalisation == "fragment-standard":
            # The ufuncs' own reductions: called between two runs, methods cost twice as much.
            window = window - np.add.reduce(window, axis=1, keepdims=True) / spec.samples
            variance = np.add.reduce(window * window, axis=1, keepdims=True) / spec.samples
            deviation = np.sqrt(variance)
            # A flat line has no size of its own; a thousandth of a millivolt is below any
            # converter.
            window /= np.maximum(deviation, 1e-3)
        row[:] = window
    return tensors


def filtered_mv(signal_uv: NDArray[np.int64], spec: SignalInput) -> NDArray[np.float64]:
    """Filter a whole recording as the contract says; shape ``(leads, samples)`` in mV."""
    if spec.filter is None:
        return signal_uv / MICROVOLTS_PER_MV
    band, rate = spec.filter, spec.sampling_rate_hz
    filtered = np.stack([filter_boxcar(lead, band, rate) for lead in signal_uv])
    return filtered / (_FILTERED_PER_UV * MICROVOLTS_PER_MV)
