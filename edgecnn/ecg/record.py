"""One ECG recording in memory: its leads in millivolts, its sampling rate, its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import choose_lead
from edgecnn.errors import RecordError

__all__ = ["Record"]

_DEAD = "is the electrode connected, and the file the right one?"


@dataclass(frozen=True, eq=False)
class Record:
    """An ECG recording.

    Attributes
    ----------
    name : str
        The record's own name: ``"100"``.
    path : Path
        The file that was read; of a WFDB record, its header.
    sampling_rate_hz : float
    leads : tuple of str
        Names of the columns of ``signal_mv``. A lead that the file gives no name is ``""``.
    signal_mv : ndarray of float, shape (samples, leads)
        In millivolts; NaN where there is no signal.
    start : datetime, optional
        When the recording began, without a time zone.
    notes : tuple of str
        What a reader of the results should know about the file.

    Examples
    --------
    >>> record = Record("a", Path("a.csv"), 250.0, ("MLII",), np.zeros((500, 1)))
    >>> record.duration_s
    2.0
    """

    name: str
    path: Path
    sampling_rate_hz: float
    leads: tuple[str, ...]
    signal_mv: NDArray[np.floating]
    start: datetime | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no recording can be.

        Raises
        ------
        RecordError
            No samples, a sampling rate that is not positive, or names that do not fit the columns.
        """
        rate = self.sampling_rate_hz
        if not (np.isfinite(rate) and rate > 0):
            raise RecordError(
                f"{self.path} states a sampling rate of {rate:g} Hz",
                hint="give the true one with --rate, or mend the file",
            )
        if self.signal_mv.ndim != 2 or self.signal_mv.shape[1] != len(self.leads):
            raise RecordError(
                f"{self.path}: {len(self.leads)} lead names for a signal of shape "
                f"{self.signal_mv.shape}",
                hint="a signal is samples × leads",
            )
        if self.signal_mv.size == 0:
            raise RecordError(f"{self.path} holds no samples", hint="is the file complete?")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(len(self.signal_mv) / self.sampling_rate_hz)

    def select(self, lead: str) -> Record:
        """Return the record with one lead only.

        Parameters
        ----------
        lead : str
            Its name or an alias of it (see :mod:`edgecnn.ecg.leads`).

        Raises
        ------
        RecordError
            The record has no such lead.
        """
        column = choose_lead(self.leads, lead, source=str(self.path))
        return replace(
            self, leads=(self.leads[column],), signal_mv=self.signal_mv[:, column : column + 1]
        )

    def lead_mv(self, lead: str) -> NDArray[np.floating]:
        """Return the samples of one lead in millivolts, shape ``(samples,)``.

        Raises
        ------
        RecordError
            The record has no such lead, or not one sample of it is a number.
        """
        signal: NDArray[np.floating] = self.select(lead).signal_mv[:, 0]
        if not np.isfinite(signal).any():
            raise RecordError(f"{self.path}: lead {lead} has no valid sample", hint=_DEAD)
        return signal
