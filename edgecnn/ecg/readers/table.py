"""Tables of samples: which column is the time, which are leads, and what the gaps of time are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.clock import DAY_S
from edgecnn.ecg.readers.layout import Layout
from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import pick_signals
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage
from edgecnn.errors import RecordError

__all__ = ["Column", "named_column", "record_of_table"]

_UNIT = re.compile(r"^(.*?)\s*(?:[(\[]\s*(\S+?)\s*[)\]]|_(mV|uV|µV|μV|nV|V|ms|s))$", re.IGNORECASE)
_TIMES = ("time", "t", "timestamp", "elapsed time", "seconds", "sec")
_COUNTS = ("sample", "sample #", "sample#", "samples", "index", "n", "")
#: Units in brackets that are no voltage; any other word there belongs to the name: `II (filtered)`.
_OTHER = frozenset({"mmhg", "kpa", "bpm", "%", "°c", "ohm", "l/min", "g", "rpm", "nu", "hz"})
_OTHER |= {"adu", "au", "a.u.", "lsb", "count", "counts", "raw", "digit", "digits", "steps"}
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
#: In a shorter table a rising first column may be a signal as well as the time.
_FEWEST_ROWS = 9
#: Longest step that a clock without a date may take over midnight.
_LONGEST_AT_MIDNIGHT_S = 60.0
#: Most samples that gaps may add for each one in the file.
_MOST_GAPS = 10


@dataclass(frozen=True)
class Column:
    """A column's name and unit."""

    name: str
    unit: str


def named_column(cell: str) -> Column:
    """Split a column's title into name and unit; without a unit it is millivolts.

    Examples
    --------
    >>> named_column("MLII (uV)"), named_column("V1_mV"), named_column("aVR")
    (Column(name='MLII', unit='uV'), Column(name='V1', unit='mV'), Column(name='aVR', unit='mV'))
    >>> named_column("ABP [mmHg]"), named_column("II (filtered)")
    (Column(name='ABP', unit='mmHg'), Column(name='II (filtered)', unit='mV'))
    """
    if match := _UNIT.match(cell):
        unit = match[2] or match[3]
        if is_voltage(unit) or unit.lower() in _SECONDS or unit.lower() in _OTHER:
            return Column(match[1].strip(), unit)
    return Column(cell, "mV")


def record_of_table(
    path: Path,
    header: Sequence[Column],
    table: NDArray[np.float64],
    layout: Layout,
    *,
    stated: float | str | None,
    rate_hz: float | None,
    lead: str | None,
) -> Record:
    """Make a record of a table.

    Parameters
    ----------
    path : Path
    header : sequence of Column
        None for a table without a line of names.
    table : ndarray of float64, shape (rows, columns)
    layout : Layout
        What is known besides; its columns replace those of the header.
    stated : float, str or None
        Sampling rate by the file.
    rate_hz, lead : optional
        As of :func:`edgecnn.ecg.readers.read_record`.

    Raises
    ------
    RecordError
    """
    columns = list(header) or [Column("", "mV")] * table.shape[1]
    if layout.columns:
        if len(layout.columns) != table.shape[1]:
            raise RecordError(
                f"{path}: its layout has {len(layout.columns)} columns, the table {table.shape[1]}",
                hint="describe each column; skip = true leaves one out",
            )
        columns = [Column(column.name, column.unit) for column in layout.columns]
        times = next((c for c, column in enumerate(layout.columns) if column.time), None)
        signals = [c for c, d in enumerate(layout.columns) if not (d.time or d.skip)]
        if not signals:
            raise RecordError(f"{path}: its layout describes no lead", hint="describe one")
        for column, described in enumerate(layout.columns):
            table[:, column] = (table[:, column] - described.offset) / described.gain
    else:
        times, signals = _roles(columns, table, named=bool(header))
    notes: tuple[str, ...] = ()
    place: NDArray[np.int64] | None = None
    if layout.sampling_rate_hz is not None:
        stated = layout.sampling_rate_hz
    if times is not None:
        timed, place = _timing(path, table[:, times], columns[times].unit)
        stated = stated if stated is not None else timed
    rate, said = settle_rate(path, stated, rate_hz)
    notes += said
    picked = pick_signals(
        path, [columns[c].name for c in signals], [columns[c].unit for c in signals], lead
    )
    kept = [signals[column] for column in picked.columns]
    signal_mv = table[:, kept] * np.array(picked.millivolts)
    notes += picked.notes
    if place is not None and place[-1] + 1 != len(place):
        whole = np.full((int(place[-1]) + 1, len(kept)), np.nan)
        whole[place] = signal_mv
        notes += (f"{len(whole) - len(place)} samples missing by the time column",)
        signal_mv = whole
    return Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(columns[column].name for column in kept),
        signal_mv=signal_mv,
        start=layout.start,
        notes=notes,
    )


def _roles(
    columns: list[Column], table: NDArray[np.float64], *, named: bool
) -> tuple[int | None, list[int]]:
    """Tell the time column from those of samples."""
    signals = list(range(len(columns)))
    if named:
        times = next((c for c in signals if columns[c].name.lower() in _TIMES), None)
        counts = [c for c in signals if columns[c].name.lower() in _COUNTS and len(signals) > 1]
        rest = [c for c in signals if c != times and c not in counts]
        return times, rest or signals[-1:]
    if len(signals) < 2 or len(table) < _FEWEST_ROWS:
        return None, signals
    steps = np.diff(table[:, 0])
    if not (np.isfinite(steps).all() and steps.min() > 0):
        return None, signals
    # Times are often rounded, so that their steps differ a little.
    if np.ptp(steps) > 0.5 * steps.mean():
        return None, signals
    counts_samples = bool(np.all(steps == 1))
    return (None if counts_samples else 0), signals[1:]


def _timing(path: Path, column: NDArray[np.float64], unit: str) -> tuple[float, NDArray[np.int64]]:
    """Return the sampling rate in Hz and the place of each row on its grid."""
    if len(column) < 2 or not np.isfinite(column).all():
        raise RecordError(f"{path}: its time column has holes", hint="leave it out and give --rate")
    seconds = column * _SECONDS.get(unit.lower(), 1.0)
    steps = np.diff(seconds)
    # A clock begins anew at midnight.
    midnights = (steps <= 0) & (steps + DAY_S > 0) & (steps + DAY_S < _LONGEST_AT_MIDNIGHT_S)
    steps[midnights] += DAY_S
    if steps.min() <= 0:
        row = int(np.argmin(steps)) + 2
        raise RecordError(
            f"{path}: its time does not rise at row {row}",
            hint="sort it, or give --rate without it",
        )
    with np.errstate(over="ignore"):
        usual = float(np.median(steps))
        # Times are rounded (0.003, 0.006, 0.008 s): the mean of the plain steps is the true one.
        step = float(steps[steps < 1.75 * usual].mean())
    rate = 1 / step
    if not 0 < rate < math.inf:
        raise RecordError(
            f"{path}: its time column holds no times", hint="leave it out and give --rate"
        )
    nearest = round(rate)
    if nearest and abs(rate - nearest) < 0.002 * nearest:
        rate = float(nearest)
    if steps.max() < 1.75 * usual:
        return rate, np.arange(len(column))
    place = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(steps * rate)))]).astype(np.int64)
    if place[-1] > _MOST_GAPS * len(place):
        raise RecordError(
            f"{path}: its time column is mostly gaps ({len(place)} rows in {place[-1] + 1})",
            hint="cut it into several records",
        )
    return rate, place
