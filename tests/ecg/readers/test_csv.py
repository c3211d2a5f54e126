from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.ecg.readers.csv import looks_like_samples, write_csv
from edgecnn.errors import RecordError

ROWS = [[0.1, -0.2], [0.25, 1.0], [0.5, 2.0], [0.75, -1.5]]


def table(folder, text, name="r.csv"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", ", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_separator_is_understood(tmp_path, separator, end):
    lines = [separator.join(map(str, row)) for row in ROWS]
    record = read_record(table(tmp_path, end.join(lines) + end), rate_hz=250)
    assert record.signal_mv.tolist() == ROWS
    assert record.leads == ("", "")
    assert record.sampling_rate_hz == 250


def test_one_column_without_a_header(tmp_path):
    record = read_record(table(tmp_path, "0.1\n0.2\n\n-0.3\n"), rate_hz=250, lead="MLII")
    assert record.signal_mv.tolist() == [[0.1], [0.2], [-0.3]]


def test_names_units_comments_and_rate(tmp_path):
    text = "\ufeff# made by hand\n# Sampling Rate (Hz):= 500.00\n'MLII (uV)','V5 [mV]',art_mV\n"
    record = read_record(table(tmp_path, text + "1000,1,2\n-500,2,3\n"))
    assert record.leads == ("MLII", "V5", "art")
    assert record.signal_mv.tolist() == [[1.0, 1.0, 2.0], [-0.5, 2.0, 3.0]]
    assert record.sampling_rate_hz == 500
    assert read_record(tmp_path / "r.csv", lead="II").leads == ("MLII",)


@pytest.mark.parametrize(
    ("name", "unit", "step"),
    [("time", 1.0, 0.004), ("Time (s)", 1.0, 0.004), ("t_ms", 1e3, 4.0), ("timestamp", 1.0, 0.004)],
)
def test_a_time_column_gives_the_rate(tmp_path, name, unit, step):
    lines = [f"{name},MLII"] + [f"{i * step},{i}" for i in range(50)]
    record = read_record(table(tmp_path, "\n".join(lines)))
    assert record.sampling_rate_hz == pytest.approx(250)
    assert record.leads == ("MLII",)
    assert record.signal_mv[:, 0].tolist() == list(range(50))


def test_a_rounded_time_column_gives_the_true_rate(tmp_path):
    lines = ["time,II"] + [f"{i / 360:.3f},{i}" for i in range(1000)]
    assert read_record(table(tmp_path, "\n".join(lines))).sampling_rate_hz == 360


def test_gaps_of_the_time_column_become_nan(tmp_path):
    kept = [*range(20), *range(26, 50)]
    lines = ["time,II"] + [f"{i / 250},{i}" for i in kept]
    record = read_record(table(tmp_path, "\n".join(lines)))
    expected = np.arange(50.0)
    expected[20:26] = np.nan
    assert np.array_equal(record.signal_mv[:, 0], expected, equal_nan=True)
    assert "6 samples missing" in record.notes[0]


def test_without_a_header_a_rising_first_column_is_the_time(tmp_path):
    lines = [f"{i * 0.002:.3f} {i} {2 * i}" for i in range(20)]
    record = read_record(table(tmp_path, "\n".join(lines), "r.txt"))
    assert record.sampling_rate_hz == 500
    assert record.signal_mv.shape == (20, 2)


def test_sample_numbers_are_no_signal(tmp_path):
    text = "'sample #','MLII','V5'\n" + "".join(f"{i},{i / 10},0\n" for i in range(5))
    assert read_record(table(tmp_path, text), rate_hz=360).leads == ("MLII", "V5")
    text = "".join(f"{i},{i % 3}\n" for i in range(9))
    assert read_record(table(tmp_path, text), rate_hz=360).signal_mv.shape == (9, 1)


def test_physionet_exports_are_understood(tmp_path):
    text = "'Elapsed time','ECG'\n'hh:mm:ss.mmm','uV'\n"
    text += "".join(f"'0:00.{4 * i:03d}',{1000 * i}\n" for i in range(20))
    record = read_record(table(tmp_path, text))
    assert record.sampling_rate_hz == 250
    assert record.signal_mv[:3, 0].tolist() == [0, 1, 2]


def test_missing_samples_are_nan(tmp_path):
    record = read_record(table(tmp_path, "II,V1\n1,2\n,3\nNaN,NA\n-,4\n"), rate_hz=250)
    nan = np.nan
    expected = [[1, 2], [nan, 3], [nan, nan], [nan, 4]]
    assert np.array_equal(record.signal_mv, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "r.csv is empty"),
        ("\n", "holds no samples"),
        ("# nothing\n\n", "holds no samples"),
        ("MLII\n", "holds no samples"),
        ("MLII\n0.1\nhello\n0.2\n", "line 3: 'hello' is no number"),
        ("0.1\n0.2\nEnd of file\n", "line 3"),
        ("1,2\n3\n", "line 2: 1 columns, 2 before"),
        ("a,b,c\n1,2\n3,4\n", "3 names for 2 columns"),
        ("MLII (mmHg)\n1\n2\n", "'mmHg' is no unit of an ECG"),
        ("time,II\n0,1\n0,2\n0.1,3\n", "does not rise"),
        ("time,II\n0,1\n0.004,2\n0.008,3\n9000,3\n", "mostly gaps"),
        ("time,II\n0,1\n,2\n", "has holes"),
    ],
)
def test_a_broken_table_is_one_line_with_a_hint(tmp_path, text, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(table(tmp_path, text), rate_hz=250)
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_column_in_another_unit_is_no_lead(tmp_path):
    text = "# Sampling rate: 100\nII (filtered),ABP [mmHg]\n" + "0.1,90\n" * 20
    record = read_record(table(tmp_path, text))
    assert record.leads == ("II (filtered)",)
    assert record.notes == ("ABP left out: its unit is mmHg",)
    steps = table(tmp_path, "# Sampling rate: 100\nMLII (adu)\n" + "12\n" * 20)
    with pytest.raises(RecordError, match="'adu' is no unit of an ECG") as raised:
        read_record(steps, lead="MLII")
    assert "layout" in raised.value.hint


def test_without_any_rate_it_is_asked_for(tmp_path):
    with pytest.raises(RecordError, match="no sampling rate") as raised:
        read_record(table(tmp_path, "0.1\n0.2\n"))
    assert "--rate" in (raised.value.hint or "")
    with pytest.raises(RecordError, match="-1 Hz"):
        read_record(tmp_path / "r.csv", rate_hz=-1)


def test_a_binary_file_is_no_table(tmp_path):
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe\x00\x01" * 50)
    with pytest.raises(RecordError, match="no text"):
        read_record(tmp_path / "r.csv", rate_hz=250)


def test_what_is_written_is_read_back(tmp_path):
    signal = np.random.default_rng(0).normal(size=500).round(4)
    signal[7] = np.nan
    for lead in ("MLII", ""):
        write_csv(tmp_path / "r.csv", signal, rate_hz=257.5, lead=lead)
        record = read_record(tmp_path / "r.csv")
        assert record.leads == (lead,)
        assert record.sampling_rate_hz == 257.5
        assert np.array_equal(record.signal_mv[:, 0], signal, equal_nan=True)


def test_a_readme_does_not_look_like_samples(tmp_path):
    assert looks_like_samples(table(tmp_path, "# c\nMLII\n0.5\n0.6\n"))
    assert looks_like_samples(table(tmp_path, "0.5;0.6\n"))
    assert not looks_like_samples(table(tmp_path, "These are recordings.\nThey are good.\n"))
    assert not looks_like_samples(table(tmp_path, ""))
    assert not looks_like_samples(tmp_path / "absent.txt")


@pytest.mark.data
def test_real_tables(data_root):
    folder = data_root / "ecg-extra" / "csv"
    first = read_record(folder / "e0103.csv", rate_hz=250)
    assert first.signal_mv.shape == (30_000, 1)
    second = read_record(folder / "biosppy-ecg.txt")
    assert (second.signal_mv.shape, second.sampling_rate_hz) == ((15_000, 1), 1000)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("name", ["r.csv", "r.txt"])
def test_what_spreadsheets_write(tmp_path, encoding, name):
    # Long enough that its first part ends within a row.
    text = "time,II [µV]\r\n" + "".join(f"{i / 250},{1000 * i}\r\n" for i in range(999))
    (tmp_path / name).write_bytes(text.encode(encoding))
    record = read_record(tmp_path / name)
    assert record.signal_mv[:, 0].tolist() == list(range(999))
    assert looks_like_samples(tmp_path / name)


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%fZ", "[%H:%M:%S.%f %d/%m/%Y]", "%H:%M:%S.%f"],
)
def test_times_of_day_go_on_after_midnight(tmp_path, form):
    moments = [
        datetime(2024, 2, 28, 23, 59, 59) + timedelta(milliseconds=4 * i) for i in range(600)
    ]
    del moments[300:310]
    lines = ["time,II"] + [f"{moment.strftime(form)},{i}" for i, moment in enumerate(moments)]
    record = read_record(table(tmp_path, "\n".join(lines)))
    assert record.sampling_rate_hz == 250
    assert np.flatnonzero(np.isnan(record.signal_mv[:, 0])).tolist() == list(range(300, 310))


def test_a_decimal_comma_is_told(tmp_path):
    with pytest.raises(RecordError, match="'0,5' is no number") as raised:
        read_record(table(tmp_path, "II;V1\n0,5;0,25\n"), rate_hz=250)
    assert 'decimal = ","' in raised.value.hint
