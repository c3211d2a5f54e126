from __future__ import annotations

import sys

import numpy as np
import pytest

from edgecnn.ecg.readers import iter_chunks, read_record
from edgecnn.errors import MissingPackageError, RecordError


def pack_212(samples):
    """Pack 12-bit samples: two in three bytes, a last odd one in two."""
    out = bytearray()
    values = [int(s) & 0xFFF for s in samples]
    for first, second in zip(values[::2], values[1::2], strict=False):
        out += bytes([first & 0xFF, (first >> 8) | (second >> 8) << 4, second & 0xFF])
    if len(values) % 2:
        out += bytes([values[-1] & 0xFF, values[-1] >> 8])
    return bytes(out)


def write(folder, header, **files):
    (folder / "r.hea").write_text(header)
    for name, content in files.items():
        (folder / f"{name}.dat").write_bytes(content)
    return folder / "r"


def steps(samples, signals, low, high):
    return np.random.default_rng(samples).integers(low, high, (samples, signals), endpoint=True)


@pytest.mark.parametrize("signals", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 7, 100, 101])
@pytest.mark.parametrize("form", ["16", "212"])
def test_every_sample_comes_back(tmp_path, form, samples, signals):
    low, high = (-32767, 32767) if form == "16" else (-2047, 2047)
    values = steps(samples, signals, low, high)
    flat = values.reshape(-1)
    content = flat.astype("<i2").tobytes() if form == "16" else pack_212(flat)
    lines = [f"r {signals} 250 {samples}"]
    lines += [f"a.dat {form} 200({n})/mV 12 0 0 {values[:, n].sum() % 65536} 0 L{n}"
              for n in range(signals)]  # fmt: skip
    record = read_record(write(tmp_path, "\n".join(lines), a=content))
    assert record.leads == tuple(f"L{n}" for n in range(signals))
    assert np.array_equal(record.signal_mv, (values - np.arange(signals)) / 200)
    assert record.notes == ()
    last = read_record(tmp_path / "r.hea", lead=f"L{signals - 1}")
    assert np.array_equal(last.signal_mv[:, 0], record.signal_mv[:, -1])


def test_missing_samples_are_nan_and_units_become_millivolts(tmp_path):
    header = "r 2 100 3 10:30:05 24/12/2020\na.dat 16 2(5)/uV 16 0 0 0 0 I\nb.dat 212 4 12 8 0 0 0"
    record = read_record(
        write(
            tmp_path,
            header,
            a=np.array([-32768, 5, 2005], "<i2").tobytes(),
            b=pack_212([-2048, 8, 12]),
        )
    )
    assert np.array_equal(record.signal_mv[:, 0], [np.nan, 0, 1], equal_nan=True)
    # Without a baseline the ADC's zero is it; without a unit it is mV.
    assert np.array_equal(record.signal_mv[:, 1], [np.nan, 0, 1], equal_nan=True)
    assert str(record.start) == "2020-12-24 10:30:05"
    assert record.leads == ("I", "")


def test_a_changed_signal_file_is_noted(tmp_path):
    base = write(tmp_path, "r 1 100 3\na.dat 16 1 16 0 0 99 0 II", a=bytes(6))
    assert any("checksum" in note for note in read_record(base).notes)


def test_the_length_may_be_left_to_the_file(tmp_path):
    base = write(tmp_path, "r 1\na.dat 16+4 1", a=bytes(4) + bytes(20))
    record = read_record(base)
    assert record.signal_mv.shape == (10, 1)
    assert record.sampling_rate_hz == 250
    assert any("250 Hz" in note for note in record.notes)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("", "is empty"),
        ("# only a comment", "is empty"),
        ("r", "no WFDB header"),
        ("r two 250 10", "no WFDB header"),
        ("r 1 250 10\na.dat sixteen 200", "'sixteen' is out of place"),
        ("r 1 250 10\na.dat 16 x/mV", "out of place"),
        ("r 2 250 10\na.dat 16 200", "promises 2 signals"),
        ("r 0 250 10", "describes no signals"),
        ("r 1 0 10\na.dat 16 200", "sampling rate of 0 Hz"),
        ("r 1 -5 10\na.dat 16 200", "sampling rate of -5 Hz"),
        ("r 1 250 11\na.dat 16 200", "promises 11 samples, a.dat holds 10"),
        ("r 1 250 900000000000000\na.dat 16 200", "a.dat holds 10"),
        ("r 1 250 -4\na.dat 16 200", "negative"),
        ("r 1 250 10\nabsent.dat 16 200", "absent.dat, which is not beside it"),
        ("r 1 250 10\n../r/a.dat 16 200", "not beside it"),
        ("r 1 250 10\na.dat 16 200/mmHg 16 0 0 0 0 ART", "'mmHg' is no unit"),
        ("r 2 250 5\na.dat 16 200\na.dat 212 200", "two formats"),
    ],
)
def test_a_broken_record_is_one_line_with_a_hint(tmp_path, header, what):
    base = write(tmp_path, header, a=bytes(20))
    with pytest.raises(RecordError, match=what) as raised:
        read_record(base)
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_signals_that_are_no_voltage_are_left_out(tmp_path):
    header = "r 2 250 5\na.dat 16 200 16 0 0 0 0 II\na.dat 16 200/NU 16 0 0 0 0 PLETH"
    base = write(tmp_path, header, a=bytes(20))
    record = read_record(base)
    assert record.leads == ("II",)
    assert record.notes == ("PLETH left out: its unit is NU",)
    with pytest.raises(RecordError, match="'NU' is no unit"):
        read_record(base, lead="PLETH")


def test_a_stated_rate_of_zero_can_be_given(tmp_path):
    base = write(tmp_path, "r 1 0 10\na.dat 16 200", a=bytes(20))
    assert read_record(base, rate_hz=360).sampling_rate_hz == 360
    base = write(tmp_path, "r 1 250 10\na.dat 16 200", a=bytes(20))
    assert "250 Hz itself" in read_record(base, rate_hz=360).notes[0]


def test_other_formats_need_the_package(tmp_path, monkeypatch):
    base = write(tmp_path, "r 1 250 10\na.dat 80 200", a=bytes(20))
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(MissingPackageError, match="format 80") as raised:
        read_record(base)
    assert "edgecnn[ecg]" in (raised.value.hint or "")


def test_other_formats_are_read_by_the_package(tmp_path):
    values = np.arange(10) - 5
    content = (values + 128).astype(np.uint8).tobytes()
    base = write(tmp_path, "r 1 250 10\na.dat 80 200/uV 8 0 0 0 0 II", a=content)
    record = read_record(base, lead="II")
    assert np.allclose(record.signal_mv[:, 0], values / 200 / 1000)
    base = write(tmp_path, "r 1 250 10\nabsent.dat 80 200")
    with pytest.raises(RecordError, match=r"absent\.dat, which is not beside it"):
        read_record(base)


def test_several_segments_are_read_by_the_package(tmp_path):
    (tmp_path / "r.hea").write_text("r/2 1 250 8\ns1 4\ns2 4\n")
    for name, first in (("s1", 0), ("s2", 4)):
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 250 4\n{name}.dat 16 1 16 0 0 0 0 II\n")
        (tmp_path / f"{name}.dat").write_bytes(np.arange(first, first + 4, dtype="<i2").tobytes())
    assert read_record(tmp_path / "r").signal_mv[:, 0].tolist() == list(range(8))


@pytest.mark.data
def test_mit_bih_is_bit_equal_to_wfdb(data_root):
    import wfdb

    headers = sorted((data_root / "mitdb").glob("*.hea"))
    assert len(headers) == 48
    # A sixth of them, all in turn over the runs of a year would be no better: 114 among them,
    # whose leads are swapped.
    for header in [*headers[::8], data_root / "mitdb" / "114.hea"]:
        theirs, ours = wfdb.rdrecord(str(header.with_suffix(""))), read_record(header)
        assert np.array_equal(ours.signal_mv, theirs.p_signal, equal_nan=True)
        assert ours.leads == tuple(theirs.sig_name)
        assert ours.notes == ()


@pytest.mark.data
@pytest.mark.parametrize(
    ("record", "leads", "rate"),
    [
        ("wfdb-samples/s0010_re", 15, 1000),
        ("wfdb-samples/a103l", 2, 250),
        ("cinc2021-georgia/E07500", 12, 500),
        ("cinc2021-georgia/E07503.mat", 12, 500),
    ],
)
def test_records_of_other_databases_are_bit_equal_to_wfdb(data_root, record, leads, rate):
    import wfdb

    base = data_root / "ecg-extra" / record
    theirs, ours = wfdb.rdrecord(str(base.with_suffix(""))), read_record(base)
    assert (len(ours.leads), ours.sampling_rate_hz) == (leads, rate)
    columns = [theirs.sig_name.index(lead) for lead in ours.leads]
    assert np.array_equal(ours.signal_mv, theirs.p_signal[:, columns], equal_nan=True)
    assert read_record(base, lead="MLII").leads[0].upper() == "II"


@pytest.mark.parametrize("named", ["../r.dat", "/r.dat", "sub/r.dat", ".."])
def test_a_signal_file_lies_beside_its_header(tmp_path, named):
    (tmp_path / "r.hea").write_text(f"r 1 360 100\n{named} 16 200 16 0 0\n")
    with pytest.raises(RecordError, match="is no WFDB header: the signal file"):
        read_record(tmp_path / "r.hea")


#: Formats that `wfdb` reads, and the bytes of the steps 0, 1, -1 in each (`signal(5)`).
BYTES = {
    "8": bytes([0, 1, 254]),  # differences
    "24": b"".join(step.to_bytes(3, "little", signed=True) for step in (0, 1, -1)),
    "32": np.array([0, 1, -1], "<i4").tobytes(),
    "61": np.array([0, 1, -1], ">i2").tobytes(),
    "80": bytes([128, 129, 127]),
    "160": np.array([32768, 32769, 32767], "<u2").tobytes(),
    # Three 10-bit steps in four bytes.
    "310": bytes([0, 0xF8, 2, 0xF8]),
    "311": bytes([0, 4, 0xF0, 0x3F]),
}


@pytest.mark.parametrize("form", BYTES)
def test_all_formats_of_the_package(tmp_path, form):
    header = f"r 1 250 3\na.dat {form} 1/uV 10 0 0 0 0 II\n"
    record = read_record(write(tmp_path, header, a=BYTES[form]))
    assert (record.signal_mv[:, 0] * 1000).round(9).tolist() == [0, 1, -1]
    with pytest.raises(RecordError, match="promises 99999999999 samples"):
        read_record(write(tmp_path, header.replace(" 3\n", " 99999999999\n", 1)))


def test_several_samples_in_a_frame_are_a_higher_rate(tmp_path):
    frames = np.array([[0, 10, 20, 100], [30, 40, 50, 130]])
    header = "r 2 100 2\na.dat 16x3 1/uV 16 0 0 0 0 II\na.dat 16 1/uV 16 0 0 0 0 V1\n"
    base = write(tmp_path, header, a=frames.astype("<i2").tobytes())
    for lead, rate, samples in (("II", 300, range(0, 60, 10)), ("V1", 100, (100, 130))):
        record = read_record(base, lead=lead)
        assert record.sampling_rate_hz == rate
        assert (record.signal_mv[:, 0] * 1000).round(9).tolist() == list(samples)
        pieces = np.concatenate(list(iter_chunks(base, 0.004, lead=lead)))
        assert np.array_equal(pieces, record.signal_mv)
    both = read_record(base)
    assert both.sampling_rate_hz == 300
    assert both.notes == ("leads brought from 100 Hz to 300 Hz",)
    found = (both.signal_mv[:, 1] * 1000).round(9)
    assert np.array_equal(found, [100, 110, 120, 130, np.nan, np.nan], equal_nan=True)


def segments(folder, *, first=4, rate=250, second="s2 4", total=11, lead="II", file=8, held=4):
    lines = [f"r/4 2 250 {total}", "r_layout 0", f"s1 {first}", "~ 3", second]
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    signals = "~ 0 1/mV 16 0 0 0 0 II\n~ 0 1/mV 16 0 0 0 0 V1\n"
    (folder / "r_layout.hea").write_text(f"r_layout 2 250 0\n{signals}")
    for name, named in (("s1", "II"), ("s2", lead)):
        text = f"{name} 1 {rate} {held}\n{name}.dat 16 1 16 0 0 0 0 {named}\n"
        (folder / f"{name}.hea").write_text(text)
        steps = np.arange(1, 5) + 4 * (name == "s2")
        (folder / f"{name}.dat").write_bytes(steps.astype("<i2").tobytes()[:file])
    return folder / "r.hea"


def test_gaps_between_segments_and_leads_that_one_lacks_are_nan(tmp_path):
    path = segments(tmp_path, lead="V1")
    record = read_record(path)
    nan = [np.nan]
    expected = np.transpose([[1, 2, 3, 4, *nan * 7], [*nan * 7, 5, 6, 7, 8]])
    assert record.leads == ("II", "V1")
    assert np.array_equal(record.signal_mv, expected, equal_nan=True)
    assert read_record(path, lead="V1").signal_mv[7:, 0].tolist() == [5, 6, 7, 8]


def test_segments_need_no_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wfdb", None)
    assert read_record(segments(tmp_path)).signal_mv[7:, 0].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"rate": 360}, "its segment s1 has 360 Hz, not 250 Hz"),
        ({"first": 5}, "promises 5 samples of its segment s1, which has 4"),
        ({"total": 12}, "promises 12 samples, its segments have 11"),
        ({"second": "s3 4"}, "the header of s3 is not beside it"),
        ({"second": "../s2 4"}, "is no WFDB header"),
        ({"second": "s2 -4"}, "is no WFDB header"),
        ({"second": "s2"}, "is no WFDB header"),
        ({"second": ""}, "is no WFDB header"),
        ({"second": "r 4"}, "its segment r has segments itself"),
        ({"second": "~ 90000000000", "total": 90000000007}, "all else is gaps"),
        ({"file": 6}, "promises 4 samples, s1.dat holds 3"),
        ({"file": 6, "held": ""}, "promises 4 samples of its segment s1, whose files hold 3"),
    ],
)
def test_broken_segments_are_one_line_with_a_hint(tmp_path, changed, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(segments(tmp_path, **changed))
    assert "\n" not in raised.value.message
    assert raised.value.hint
