from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.errors import RecordError


def described(folder, layout, text="0;1024;7\n4;1224;x\n8;824;7\n", name="r.toml"):
    (folder / "r.csv").write_text(text)
    (folder / name).write_text(layout)
    return folder / "r.csv"


COLUMNS = """columns = [{name = "t", unit = "ms", time = true},
  {name = "II", gain = 200, offset = 1024}, {skip = true}]
"""


@pytest.mark.parametrize("name", ["r.toml", "layout.toml"])
def test_columns_are_what_the_layout_says(tmp_path, name):
    record = read_record(described(tmp_path, COLUMNS, name=name))
    assert record.leads == ("II",)
    assert record.sampling_rate_hz == 250
    assert record.signal_mv[:, 0].tolist() == [0, 1, -1]


def test_a_tables_own_layout_goes_before_the_folders(tmp_path):
    (tmp_path / "layout.toml").write_text("sampling_rate_hz = 100")
    path = described(tmp_path, "sampling_rate_hz = 200", "1\n2\n")
    assert read_record(path).sampling_rate_hz == 200
    (tmp_path / "other.csv").write_text("1\n2\n")
    assert read_record(tmp_path / "other.csv").sampling_rate_hz == 100


def test_a_number_may_stand_for_nothing(tmp_path):
    layout = 'missing = ["-32768", "x"]\nsampling_rate_hz = 100'
    record = read_record(described(tmp_path, layout, "1\n-32768\nx\n2\n"))
    expected = [1, np.nan, np.nan, 2]
    assert np.array_equal(record.signal_mv[:, 0], expected, equal_nan=True)


def test_a_decimal_comma(tmp_path):
    path = described(tmp_path, 'decimal = ","\nseparator = ";"\nsampling_rate_hz = 100',
                     "II (uV);V1\n1000,5;-0,25\n;2\n")  # fmt: skip
    record = read_record(path)
    assert np.allclose(record.signal_mv, [[1.0005, -0.25], [np.nan, 2]], equal_nan=True)


@pytest.mark.parametrize(
    ("layout", "what"),
    [
        ("sampling_rate = 360", "contains unknown field `sampling_rate`"),
        ("sampling_rate_hz = 'fast'", "Expected `float | null`, got `str`"),
        ("= 3", "cannot be read"),
        ('columns = [{name = "II"}]', "its layout has 1 columns, the table 3"),
        ("columns = [{skip = true}, {skip = true}, {skip = true}]", "describes no lead"),
        ("columns = [{gain = 0}, {}, {}]", "gain of 0"),
        ('decimal = ""', "decimal"),
        ("sampling_rate_hz = 0", "sampling rate of 0 Hz"),
        ("skip_lines = 9\nsampling_rate_hz = 100", "holds no samples"),
        ("sampling_rate_hz = 100", "line 2: 'x' is no number"),
    ],
)
def test_a_broken_layout_is_one_line_with_a_hint(tmp_path, layout, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(described(tmp_path, layout, "0;1;2\n4;2;x\n" if "'x'" in what else "0;1;2\n"))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_wrong_key_is_told_with_those_that_there_are(tmp_path):
    with pytest.raises(RecordError) as raised:
        read_record(described(tmp_path, "sampling_rate = 360"))
    assert "sampling_rate_hz, separator" in raised.value.hint
    assert "gain" in raised.value.hint
