"""The layout of a table, described in a TOML file.

``r.toml`` beside ``r.csv`` describes that table; ``layout.toml`` in its folder describes all tables
there that have none of their own. Everything is optional::

    sampling_rate_hz = 360
    separator = ";"
    decimal = ","
    skip_lines = 2                      # before the line of names or the first samples
    missing = ["-32768", "x"]           # besides an empty cell, nan, NA and -
    start = 2024-05-01T10:30:00
    columns = [                         # each column, in order, instead of the line of names
      {name = "t", unit = "ms", time = true},
      {name = "MLII", unit = "mV", gain = 200, offset = 1024},   # (steps - offset) / gain
      {name = "button", skip = true},
    ]
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from edgecnn.errors import RecordError

__all__ = ["Layout", "LayoutColumn", "layout_of"]

_SHARED = "layout.toml"
_MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "-"))


class LayoutColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column: a lead, the time (``time``), or nothing of interest (``skip``).

    A value is ``(number - offset) / gain`` of its unit.
    """

    name: str = ""
    unit: str = "mV"
    gain: float = 1.0
    offset: float = 0.0
    time: bool = False
    skip: bool = False


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a table does not say of itself; the default is nothing."""

    sampling_rate_hz: float | None = None
    separator: str | None = None
    decimal: str = "."
    skip_lines: int = 0
    missing: tuple[str, ...] = ()
    start: datetime | None = None
    columns: tuple[LayoutColumn, ...] = ()

    def is_missing(self, cell: str) -> bool:
        """Say whether a cell stands for a sample that is not there."""
        return cell.lower() in _MISSING or cell in self.missing

    def number(self, cell: str) -> float:
        """Return a cell's number; ValueError if it has none."""
        return float(cell.replace(self.decimal, "."))

    def is_number(self, cell: str) -> bool:
        """Say whether a cell holds a number or a missing one."""
        if self.is_missing(cell):
            return True
        try:
            self.number(cell)
        except ValueError:
            return False
        return True


def layout_of(path: Path) -> Layout:
    """Return the layout that is described for a table; the default one without a description.

    Raises
    ------
    RecordError
        The description cannot be read.
    """
    own, shared = path.with_suffix(".toml"), path.with_name(_SHARED)
    file = next((file for file in (own, shared) if file.is_file()), None)
    if file is None:
        return Layout()
    try:
        layout = msgspec.toml.decode(file.read_bytes(), type=Layout)
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise RecordError(
            f"{path}: its layout {file.name} cannot be read: {error}",
            hint=f"it may have {', '.join(Layout.__struct_fields__)}; a column "
            f"{', '.join(LayoutColumn.__struct_fields__)}",
        ) from error
    odd = [column.name for column in layout.columns if column.gain == 0]
    if odd or layout.skip_lines < 0 or len(layout.decimal) != 1:
        raise RecordError(
            f"{path}: its layout {file.name} has a gain of 0, negative skip_lines, or a decimal "
            "sign that is not one character",
            hint="mend it",
        )
    return layout
