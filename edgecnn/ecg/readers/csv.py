"""Text tables: one or more columns of samples, with or without a header.

Layout, found in this order:

* Lines that begin with ``#`` are comments; one with ``Sampling Rate ... = 360`` states the rate.
* The separator is ``;``, tab, comma or white space: the first of these in the first data line.
* A first line with words is the header. A unit may follow a name: ``MLII (uV)``, ``II [mV]``,
  ``V1_mV``; without one, samples are millivolts. A second line with words states units too.
* A column called ``time``, ``t``, ``timestamp`` or ``elapsed time`` (in seconds, or with ``ms`` as
  its unit, or as ``h:mm:ss.sss``) gives the rate, and its gaps become NaN; ``sample``, ``sample #``
  and ``index`` are left out. Without a header, a first of several columns that rises by a constant
  step is the time in seconds, or a count of samples if that step is 1.
* An empty cell, ``nan``, ``NA`` and ``-`` are missing samples: NaN.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import choose_lead
from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage, millivolts_per
from edgecnn.errors import RecordError
from edgecnn.files import write_text

__all__ = ["looks_like_samples", "read", "write_csv"]

_SEPARATORS = (";", "\t", ",")
_RATE = re.compile(
    r"(?:sampling[\s_]*(?:rate|frequency)|sample[\s_]*rate|\bfs)\b[^=:]*[:=]+\s*([-+]?[\d.]+(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)
_UNIT = re.compile(r"^(.*?)\s*(?:[(\[]\s*(\S+?)\s*[)\]]|_(mV|uV|µV|μV|nV|V|ms|s))$", re.IGNORECASE)
_TIMES = ("time", "t", "timestamp", "elapsed time", "seconds", "sec")
_COUNTS = ("sample", "sample #", "sample#", "samples", "index", "n", "")
_MISSING = ("", "nan", "na", "n/a", "null", "none", "-")
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_SNIFFED_BYTES = 4096
#: In a shorter table a rising first column may be a signal as well as the time.
_FEWEST_ROWS = 9
#: Most samples that gaps may add for each one in the file.
_MOST_GAPS = 10


@dataclass(frozen=True)
class _Column:
    name: str
    unit: str


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a text table (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is no text", hint="is it a CSV file?") from error
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    lines = text.splitlines()
    stated: float | str | None = _stated_rate(lines)
    start = _first_data(lines)
    if start is None:
        raise RecordError(f"{path} holds no samples", hint="is the file complete?")
    separator = _separator(lines[start])
    header, first_row = _header(lines, start, separator)
    table = _numbers(path, lines, first_row, separator)
    if header and len(header) != table.shape[1]:
        raise RecordError(
            f"{path}: {len(header)} names for {table.shape[1]} columns", hint="mend its first line"
        )
    columns = header or [_Column("", "mV")] * table.shape[1]

    times, signals = _roles(columns, table, named=bool(header))
    notes: tuple[str, ...] = ()
    place: NDArray[np.int64] | None = None
    if times is not None:
        timed, place = _timing(path, table[:, times], columns[times].unit)
        stated = stated if stated is not None else timed
    rate, said = settle_rate(path, stated, rate_hz)
    notes += said
    names = [columns[c].name for c in signals]
    picked = list(range(len(signals)))
    if lead is not None:
        picked = [choose_lead(names, lead, source=str(path))]
    kept = [p for p in picked if is_voltage(columns[signals[p]].unit)]
    if not kept:
        millivolts_per(columns[signals[picked[0]]].unit, source=str(path))
    notes += tuple(
        f"{names[p]} left out: its unit is {columns[signals[p]].unit}"
        for p in picked
        if p not in kept
    )
    scale = [millivolts_per(columns[signals[p]].unit, source=str(path)) for p in kept]
    signal_mv = table[:, [signals[p] for p in kept]] * np.array(scale)
    if place is not None and place[-1] + 1 != len(place):
        whole = np.full((int(place[-1]) + 1, len(kept)), np.nan)
        whole[place] = signal_mv
        notes += (f"{len(whole) - len(place)} samples missing by the time column",)
        signal_mv = whole
    return Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(names[p] for p in kept),
        signal_mv=signal_mv,
        notes=notes,
    )


def write_csv(
    path: Path, signal_mv: NDArray[np.floating], *, rate_hz: float, lead: str = ""
) -> None:
    """Write one lead as a table that :func:`read` understands: its rate, its name, its samples.

    Parameters
    ----------
    path : Path
        Written whole or not at all.
    signal_mv : ndarray of float, shape (samples,)
        In millivolts, written to a tenth of a microvolt; NaN as an empty line's ``nan``.
    rate_hz : float
    lead : str
        Its name; without one the table has no header.
    """
    lines = [f"# Sampling rate (Hz): {rate_hz!r}"]
    if lead:
        lines.append(f"{lead} (mV)")
    lines += [f"{value:.4f}" for value in signal_mv.tolist()]
    write_text(path, "\n".join(lines) + "\n")


def looks_like_samples(path: Path) -> bool:
    """Say whether a text file begins like a table of samples (and is no README)."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    lines = head.splitlines()
    start = _first_data(lines)
    if start is None:
        return False
    separator = _separator(lines[start])
    rows = [_cells(line, separator) for line in lines[start : start + 4] if line.strip()]
    return any(all(_is_number(cell) for cell in row) for row in rows)


def _stated_rate(lines: list[str]) -> str | None:
    for line in lines:
        if line.lstrip().startswith("#"):
            if match := _RATE.search(line):
                return match[1]
        elif line.strip():
            return None
    return None


def _first_data(lines: list[str]) -> int | None:
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return None


def _separator(line: str) -> str | None:
    return next((s for s in _SEPARATORS if s in line), None)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip("'\"").strip() for cell in line.split(separator)]


def _is_number(cell: str) -> bool:
    if cell.lower() in _MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _header(lines: list[str], start: int, separator: str | None) -> tuple[list[_Column], int]:
    """Return the columns' names and units (none without a header), and the first row of numbers."""
    cells = _cells(lines[start], separator)
    below = lines[start + 1 : start + 2]
    if separator is None and len(cells) > 1 and below and len(_cells(below[0], None)) == 1:
        # Several words and no separator above one number: a name with spaces, `MLII (mV)`.
        cells = [lines[start].strip()]
    if all(_is_number(cell) or ":" in cell for cell in cells) and any(cells):
        return [], start
    columns = [_named(cell) for cell in cells]
    after = start + 1
    if after < len(lines):
        units = _cells(lines[after], separator)
        if len(units) == len(cells) and any(is_voltage(unit) for unit in units):
            columns = [
                _Column(column.name, unit) for column, unit in zip(columns, units, strict=True)
            ]
            after += 1
    return columns, after


def _named(cell: str) -> _Column:
    if match := _UNIT.match(cell):
        unit = match[2] or match[3]
        if is_voltage(unit) or unit.lower() in _SECONDS:
            return _Column(match[1].strip(), unit)
    return _Column(cell, "mV")


def _numbers(
    path: Path, lines: list[str], first: int, separator: str | None
) -> NDArray[np.float64]:
    rows = lines[first:]
    try:
        # The quick way: C code, for a table of numbers and nothing else.
        return np.loadtxt(rows, dtype=np.float64, delimiter=separator, comments="#", ndmin=2)
    except (ValueError, UserWarning):
        pass
    values: list[list[float]] = []
    for number, line in enumerate(rows, start=first + 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        row = [_value(path, cell, number) for cell in _cells(line, separator)]
        if values and len(row) != len(values[0]):
            raise RecordError(
                f"{path}, line {number}: {len(row)} columns, {len(values[0])} before",
                hint="is the file complete?",
            )
        values.append(row)
    if not values:
        raise RecordError(f"{path} holds no samples", hint="is the file complete?")
    return np.array(values, dtype=np.float64)


def _value(path: Path, cell: str, number: int) -> float:
    if cell.lower() in _MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        total = 0.0
        for part in cell.strip("[]").split(" ")[0].split(":"):
            total = total * 60 + float(part)
    except ValueError:
        raise RecordError(
            f"{path}, line {number}: {cell[:40]!r} is no number",
            hint="an ECG table holds numbers, after comments (#) and one line of names",
        ) from None
    return total


def _roles(
    columns: list[_Column], table: NDArray[np.float64], *, named: bool
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
