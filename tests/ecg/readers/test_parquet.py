from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from edgecnn.ecg.readers import read_record
from edgecnn.errors import RecordError


def write(folder, table):
    parquet.write_table(table, folder / "r.parquet")
    return folder / "r.parquet"


def test_rate_and_units_of_the_schema(tmp_path):
    fields = [pa.field("II", pa.float32(), metadata={"unit": "uV"}), pa.field("who", pa.string())]
    schema = pa.schema(fields, metadata={"fs": "500"})
    table = pa.table([pa.array([1000, None, -500], pa.float32()), ["a", "b", "c"]], schema=schema)
    record = read_record(write(tmp_path, table))
    assert (record.leads, record.sampling_rate_hz) == (("II",), 500)
    assert np.array_equal(record.signal_mv[:, 0], [1, np.nan, -0.5], equal_nan=True)


def test_gaps_of_the_time_become_nan(tmp_path):
    times = np.array([0, 4, 8, 20, 24], dtype="m8[ms]") + np.datetime64("2020-01-01", "ms")
    table = pa.table({"when": times, "II": [1, 2, 3, 4, 5]})
    record = read_record(write(tmp_path, table))
    expected = [1, 2, 3, np.nan, np.nan, 4, 5]
    assert np.array_equal(record.signal_mv[:, 0], expected, equal_nan=True)
    assert record.sampling_rate_hz == 250


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (pa.table({"who": ["a", "b"]}), "holds no samples"),
        (pa.table({"II": pa.array([], pa.float64())}), "holds no samples"),
        (pa.table({"II": [1.0, 2.0]}), "no sampling rate"),
        (pa.table({"fs": [360], "ecg": [[0.1, 0.2]]}), "its column ecg holds a list in each row"),
        (pa.table({"time": pa.array([1, None], pa.timestamp("ms")), "II": [1, 2]}), "has holes"),
    ],
)
def test_what_is_no_recording_is_one_line(tmp_path, table, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(write(tmp_path, table))
    assert raised.value.hint


def test_a_broken_file_is_one_line(tmp_path):
    (tmp_path / "r.parquet").write_bytes(b"PAR1" + b"junk" * 100 + b"PAR1")
    with pytest.raises(RecordError, match="no readable Parquet file") as raised:
        read_record(tmp_path / "r.parquet", rate_hz=100)
    assert "\n" not in raised.value.message
    assert "Buffer" not in raised.value.message
