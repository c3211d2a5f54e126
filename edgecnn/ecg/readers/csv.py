"""Text tables: one or more columns of samples, with or without a header.

Layout, found in this order:

* Lines that begin with ``#`` are comments; one with ``Sampling Rate ... = 360`` states the rate.
* The separator is ``;``, tab, comma or white space: the first of these in the first data line.
* A first line with words is the header. A unit may follow a name: ``MLII (uV)``, ``II [mV]``,
  ``V1_mV``; without one, samples are millivolts. A second line with words states units too.
* A column called ``time``, ``t``, ``timestamp`` or ``elapsed time`` (in seconds, or with ``ms`` as
  its unit, as ``h:mm:ss.sss``, or with the date: :mod:`.clock`) gives the rate, and its gaps become
  NaN; ``sample``, ``sample #`` and ``index`` are left out. Without a header, a first of several
  columns that rises by a constant step is the time in seconds, or a count of samples if that step
  is 1.
* An empty cell, ``nan``, ``NA`` and ``-`` are missing samples: NaN.

What a table does not say of itself, a layout file beside it may (:mod:`.layout`).
"""

from __future__ import annotations

import codecs
import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.clock import seconds_of
from edgecnn.ecg.readers.layout import Layout, layout_of
from edgecnn.ecg.readers.table import Column, named_column, record_of_table
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage
from edgecnn.errors import RecordError
from edgecnn.files import write_text

__all__ = ["looks_like_samples", "read", "write_csv"]

_SEPARATORS = (";", "\t", ",")
_RATE = re.compile(
    r"(?:sampling[\s_]*(?:rate|frequency)|sample[\s_]*rate|\bfs)\b[^=:]*[:=]+\s*([-+]?[\d.]+(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)
_SNIFFED_BYTES = 4096
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a text table (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        text = _decoded(path.read_bytes())
    except UnicodeDecodeError as error:
        raise RecordError(f"{path} is no text", hint="is it a CSV file?") from error
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    lines = text.splitlines()
    layout = layout_of(path)
    start = _first_data(lines, layout)
    if start is None:
        raise RecordError(f"{path} holds no samples", hint="is the file complete?")
    separator = layout.separator or _separator(lines[start])
    header, first_row = _header(lines, start, separator, layout)
    table = _numbers(path, lines, first_row, separator, layout)
    if header and len(header) != table.shape[1]:
        raise RecordError(
            f"{path}: {len(header)} names for {table.shape[1]} columns", hint="mend its first line"
        )
    return record_of_table(
        path, header, table, layout, stated=_stated_rate(lines), rate_hz=rate_hz, lead=lead
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
            head = _decoded(file.read(_SNIFFED_BYTES))
    except (OSError, UnicodeDecodeError):
        return False
    lines = head.splitlines()
    start = _first_data(lines)
    if start is None:
        return False
    separator = _separator(lines[start])
    rows = [_cells(line, separator) for line in lines[start : start + 4] if line.strip()]
    return any(all(Layout().is_number(cell) for cell in row) for row in rows)


def _decoded(content: bytes) -> str:
    """Return text in UTF-8, in UTF-16 with its mark (as spreadsheets save it), or of Windows.

    Raises
    ------
    UnicodeDecodeError
        No text.
    """
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "cp1252"
    if encoding == "cp1252":
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    text = content.decode(encoding)
    # Almost any bytes are letters of Windows: what cannot be printed is in no table.
    if not "".join(text[:_SNIFFED_BYTES].split()).isprintable():
        raise UnicodeDecodeError(encoding, content, 0, len(content), "no text")
    return text


def _stated_rate(lines: list[str]) -> str | None:
    for line in lines:
        if line.lstrip().startswith("#"):
            if match := _RATE.search(line):
                return match[1]
        elif line.strip():
            return None
    return None


def _first_data(lines: list[str], layout: Layout = Layout()) -> int | None:  # noqa: B008 - frozen
    for number, line in enumerate(lines):
        if number < layout.skip_lines:
            continue
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return None


def _separator(line: str) -> str | None:
    return next((s for s in _SEPARATORS if s in line), None)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip("'\"").strip() for cell in line.split(separator)]


def _header(
    lines: list[str], start: int, separator: str | None, layout: Layout
) -> tuple[list[Column], int]:
    """Return the columns' names and units (none without a header), and the first row of numbers."""
    cells = _cells(lines[start], separator)
    below = lines[start + 1 : start + 2]
    if separator is None and len(cells) > 1 and below and len(_cells(below[0], None)) == 1:
        # Several words and no separator above one number: a name with spaces, `MLII (mV)`.
        cells = [lines[start].strip()]
    if all(layout.is_number(cell) or ":" in cell for cell in cells) and any(cells):
        return [], start
    columns = [named_column(cell) for cell in cells]
    after = start + 1
    if after < len(lines):
        units = _cells(lines[after], separator)
        if len(units) == len(cells) and any(is_voltage(unit) for unit in units):
            columns = [
                Column(column.name, unit) for column, unit in zip(columns, units, strict=True)
            ]
            after += 1
    return columns, after


def _numbers(
    path: Path, lines: list[str], first: int, separator: str | None, layout: Layout
) -> NDArray[np.float64]:
    rows = lines[first:]
    skipped = {number for number, column in enumerate(layout.columns) if column.skip}
    try:
        if layout.decimal != "." or layout.missing or skipped:
            raise ValueError
        # The quick way: C code, for a table of numbers and nothing else.
        return np.loadtxt(rows, dtype=np.float64, delimiter=separator, comments="#", ndmin=2)
    except (ValueError, UserWarning):
        pass
    values: list[list[float]] = []
    for number, line in enumerate(rows, start=first + 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        row = [
            math.nan if column in skipped else _value(path, cell, number, layout)
            for column, cell in enumerate(_cells(line, separator))
        ]
        if values and len(row) != len(values[0]):
            raise RecordError(
                f"{path}, line {number}: {len(row)} columns, {len(values[0])} before",
                hint="is the file complete?",
            )
        values.append(row)
    if not values:
        raise RecordError(f"{path} holds no samples", hint="is the file complete?")
    return np.array(values, dtype=np.float64)


def _value(path: Path, cell: str, number: int, layout: Layout) -> float:
    if layout.is_missing(cell):
        return float("nan")
    if layout.is_number(cell):
        return layout.number(cell)
    try:
        return seconds_of(cell)
    except ValueError:
        raise RecordError(
            f"{path}, line {number}: {cell[:40]!r} is no number",
            hint='with decimal commas it wants a file layout.toml beside it that says decimal = ","'
            if _DECIMAL_COMMA.fullmatch(cell)
            else "an ECG table holds numbers, after comments (#) and one line of names",
        ) from None
