"""Parquet tables, by ``pyarrow``: as text tables (:mod:`.csv`), with names and units in the titles.

A sampling rate may stand in the schema's metadata (``sampling_rate_hz`` or ``fs``), a unit in that
of a field (``unit``). A column of time stamps is the time; a missing value is NaN.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.layout import layout_of
from edgecnn.ecg.readers.signals import one_line
from edgecnn.ecg.readers.table import Column, named_column, record_of_table
from edgecnn.ecg.record import Record
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["read"]

_RATES = (b"sampling_rate_hz", b"sampling_rate", b"rate_hz", b"fs")


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a Parquet file (see :func:`edgecnn.ecg.readers.read_record`)."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: Parquet files need pyarrow", hint="pip install 'edgecnn[cluster]'"
        ) from error
    try:
        # Opened here: what pyarrow makes of a name may be a folder, or elsewhere.
        with path.open("rb") as file:
            content: Any = parquet.read_table(file)
    except (OSError, pa.ArrowException, ValueError) as error:
        # Of its own handle: `Could not open Parquet input source '<Buffer>': ...`.
        said = one_line(error).partition("'<Buffer>': ")
        raise RecordError(
            f"{path} is no readable Parquet file: {said[2] or said[0]}",
            hint="is the file complete?",
        ) from error
    lists = [field.name for field in content.schema if _is_list(pa, field.type)]
    if lists:
        raise RecordError(
            f"{path}: its column {lists[0]} holds a list in each row",
            hint="a row for each sample is read: give each recording a file of its own",
        )
    header, columns = [], []
    for field, column in zip(content.schema, content.columns, strict=True):
        if pa.types.is_timestamp(field.type) or pa.types.is_duration(field.type):
            values = column.cast(pa.int64()).to_numpy().astype(np.float64)
            header.append(Column("time", field.type.unit))
            columns.append(values - values[:1] if len(values) else values)
        elif _is_number(pa, field.type):
            named = named_column(field.name)
            unit = (field.metadata or {}).get(b"unit")
            header.append(Column(named.name, unit.decode()) if unit else named)
            columns.append(_numbers(column))
    if not columns or not content.num_rows:
        raise RecordError(f"{path} holds no samples", hint="columns of numbers are leads")
    metadata = content.schema.metadata or {}
    stated = next((metadata[key].decode() for key in _RATES if key in metadata), None)
    return record_of_table(
        *(path, header, np.column_stack(columns), layout_of(path)),
        stated=stated, rate_hz=rate_hz, lead=lead,
    )  # fmt: skip


def _is_number(pa: Any, kind: Any) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_list(pa: Any, kind: Any) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _numbers(column: Any) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast("float64").to_numpy()
    return values
