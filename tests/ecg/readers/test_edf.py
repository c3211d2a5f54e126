from __future__ import annotations

import numpy as np
import pyedflib
import pytest

from edgecnn.ecg.readers import iter_chunks, open_record, read_record
from edgecnn.ecg.readers.edf_annotations import read_edf_annotations, read_edf_beats
from edgecnn.errors import RecordError


def signal(label="ECG II", unit="mV", samples=100, steps=(-1000, 1000), physical=(-10, 10)):
    return {"label": label, "unit": unit, "samples": samples, "steps": steps, "physical": physical}


def edf(path, signals, records, *, seconds="1", count=None, kind="", magic=b"0       "):
    """Write a file by the standard's table; ``records`` holds the bytes of each data record."""

    def field(value, width):
        content = value if isinstance(value, bytes) else str(value).encode("latin-1")
        return content.ljust(width)[:width]

    head = magic + field("X X X X", 80) + field("Startdate 02-JAN-1986 X X X", 80)
    head += field("02.01.86", 8) + field("03.04.05", 8) + field(256 * (len(signals) + 1), 8)
    head += field(kind, 44) + field(len(records) if count is None else count, 8)
    head += field(seconds, 8) + field(len(signals), 4)
    for width, get in (
        (16, lambda s: s["label"]),
        (80, lambda s: ""),
        (8, lambda s: s["unit"]),
        (8, lambda s: s["physical"][0]),
        (8, lambda s: s["physical"][1]),
        (8, lambda s: s["steps"][0]),
        (8, lambda s: s["steps"][1]),
        (80, lambda s: ""),
        (8, lambda s: s["samples"]),
        (32, lambda s: ""),
    ):
        head += b"".join(field(get(s), width) for s in signals)
    path.write_bytes(head + b"".join(records))
    return path


def ramp(first, samples=100):
    return np.arange(first, first + samples, dtype="<i2").tobytes()


def tal(*texts, size=60):
    return "".join(f"{text}\x14\0" for text in texts).encode().ljust(size, b"\0")


NOTES = signal("EDF Annotations", "", 30, (-32768, 32767), (-1, 1))


def test_several_rates_are_each_leads_own_or_the_highest(tmp_path):
    signals = [signal("ECG II", "uV", 100), signal("ECG V1", "mV", 50)]
    slow = [np.arange(50 * n, 50 * (n + 1), dtype="<i2") for n in range(2)]
    records = [ramp(100 * n) + slow[n].tobytes() for n in range(2)]
    path = edf(tmp_path / "r.edf", signals, records)
    one = read_record(path, lead="V1")
    assert one.sampling_rate_hz == 50
    assert np.allclose(one.signal_mv[:, 0], np.arange(100) / 100)
    both = read_record(path)
    assert both.sampling_rate_hz == 100
    assert both.notes == ("leads brought from 50 Hz to 100 Hz",)
    assert np.allclose(both.signal_mv[:, 0], np.arange(200) / 100_000)
    assert np.allclose(both.signal_mv[:199, 1], np.arange(199) / 200)
    # Past the last sample nothing is known.
    assert np.isnan(both.signal_mv[199, 1])


def test_start_and_names(tmp_path):
    record = read_record(edf(tmp_path / "r.edf", [signal("EKG lead ii")], [ramp(0)]))
    assert str(record.start) == "1986-01-02 03:04:05"
    assert record.leads == ("lead ii",)
    assert read_record(tmp_path / "r.edf", lead="MLII").leads == ("lead ii",)


def test_signals_of_other_kinds_are_no_ecg(tmp_path):
    sleep = [signal("EEG Fpz-Cz", "uV"), signal("EOG horizontal", "uV"), signal("ECG", "uV")]
    path = edf(tmp_path / "r.edf", sleep, [ramp(0) + ramp(200) + ramp(400)])
    # The only ECG of a sleep recording is the lead that a model asks for.
    record = read_record(path, lead="MLII")
    assert record.leads == ("ECG",)
    assert record.signal_mv[0, 0] == pytest.approx(0.004)
    path = edf(tmp_path / "r.edf", sleep[:2], [ramp(0) + ramp(200)])
    with pytest.raises(RecordError, match="holds no ECG: its signals are EEG Fpz-Cz, EOG"):
        read_record(path)


def test_24_bits_keep_their_sign(tmp_path):
    steps = np.array([-8_388_608, -1, 0, 1, 8_388_607])
    content = b"".join(int(s).to_bytes(3, "little", signed=True) for s in steps)
    wide = signal("II", "uV", 5, (-8_388_608, 8_388_607), (-8_388_608, 8_388_607))
    path = edf(tmp_path / "r.bdf", [wide], [content], magic=b"\xffBIOSEMI", seconds="0.01")
    record = read_record(path)
    assert record.sampling_rate_hz == 500
    assert np.allclose(record.signal_mv[:, 0], steps / 1000)


def test_time_between_data_records_is_a_gap(tmp_path):
    records = [ramp(100 * n) + tal(f"+{t}\x14") for n, t in enumerate((5, 6, 8.5))]
    path = edf(tmp_path / "r.edf", [signal(), NOTES], records, kind="EDF+D")
    record = read_record(path)
    expected = np.full(450, np.nan)
    expected[:200], expected[350:] = np.arange(200) / 100, np.arange(200, 300) / 100
    assert np.allclose(record.signal_mv[:, 0], expected, equal_nan=True)
    assert record.notes == ("150 samples missing between data records",)
    for seconds in (0.07, 1, 1.3, 9):
        pieces = np.concatenate(list(iter_chunks(path, seconds)))
        assert np.array_equal(pieces, record.signal_mv, equal_nan=True)
    # The same in a continuous file is no gap: its times are not looked at.
    edf(tmp_path / "c.edf", [signal(), NOTES], records, kind="EDF+C")
    assert len(read_record(tmp_path / "c.edf").signal_mv) == 300


def test_annotations_are_beats_at_samples(tmp_path):
    texts = tal("+5\x14", "+5.25\x14N", "+5.5\x150.1\x14+ (AFIB\x14second", size=60)
    path = edf(tmp_path / "r.edf", [signal(), NOTES], [ramp(0) + texts], kind="EDF+C")
    beats = read_edf_beats(path, 100.0)
    assert beats.samples.tolist() == [25, 50, 50]
    assert beats.symbols == ("N", "+", '"')
    assert beats.aux == ("", "(AFIB", "second")
    assert beats.sampling_rate_hz == 100
    assert [a.duration_s for a in read_edf_annotations(path)] == [None, 0.1, 0.1]


@pytest.mark.parametrize("records", [[], [ramp(0)]])
def test_a_file_without_annotations_has_none(tmp_path, records):
    path = edf(tmp_path / "r.edf", [signal()], records)
    if records:
        assert read_edf_annotations(path) == ()
        assert len(read_edf_beats(path, 100.0)) == 0
    else:
        with pytest.raises(RecordError, match="holds no samples"):
            read_record(path)


def test_a_recorder_that_was_switched_off_left_the_count_open(tmp_path):
    path = edf(tmp_path / "r.edf", [signal()], [ramp(0), ramp(100), b"1234"], count=-1)
    assert len(read_record(path).signal_mv) == 200


def test_the_lead_alone_may_have_a_unit_of_its_own(tmp_path):
    signals = [signal("II", "mV"), signal("V1", "mmHg")]
    path = edf(tmp_path / "r.edf", signals, [ramp(0) + ramp(0)])
    assert read_record(path).notes == ("V1 left out: its unit is mmHg",)
    with pytest.raises(RecordError, match="'mmHg' is no unit of an ECG"):
        read_record(path, lead="V1")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"count": 1_000_000}, "promises 1000000 data records, it holds 1"),
        ({"count": "x"}, "number of data records is 'x', no number"),
        ({"count": "1.5"}, "no whole number"),
        ({"seconds": "0"}, "states no sampling rate"),
        ({"seconds": "-1"}, "holds no samples"),
        ({"seconds": "1e-9"}, "no ECG's"),
        ({"seconds": "nan"}, "no number"),
        ({"magic": b"1       "}, "no EDF or BDF file"),
        ({"signals": [signal(steps=(5, 5))]}, "between the steps 5 and 5"),
        ({"signals": [signal(samples=-4)]}, "has -4 samples"),
        ({"signals": [signal(samples=0), signal("V1")]}, "has no sample in a data record"),
        ({"signals": [signal(physical=("", 3))]}, "physical minimum of ECG II is ''"),
        ({"signals": [NOTES]}, "annotations without a signal"),
        ({"kind": "EDF+D", "signals": [signal(), NOTES]}, "does not say when it begins"),
    ],
)
def test_a_broken_file_is_one_line_with_a_hint(tmp_path, changed, what):
    signals = changed.pop("signals", [signal()])
    size = sum(max(0, s["samples"]) for s in signals)
    path = edf(tmp_path / "r.edf", signals, [bytes(2 * size or 200)], **changed)
    with pytest.raises(RecordError, match=what) as raised:
        read_record(path)
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_data_record_of_no_length_needs_a_rate(tmp_path):
    path = edf(tmp_path / "r.edf", [signal()], [ramp(0)], seconds="0")
    assert read_record(path, rate_hz=250).sampling_rate_hz == 250


@pytest.mark.parametrize("times", [(0, 0.5), (3, 1), (0, 1e7)])
def test_times_that_cannot_be_are_refused(tmp_path, times):
    records = [ramp(0) + tal(f"+{t:.1f}\x14") for t in times]
    path = edf(tmp_path / "r.edf", [signal(), NOTES], records, kind="EDF+D")
    with pytest.raises(RecordError, match=r"begins before|mostly gaps"):
        open_record(path)


def test_pyedflib_reads_the_same(recording_of):
    for form in ("edf", "bdf"):
        path = recording_of(form)
        record = read_record(path)
        with pyedflib.EdfReader(str(path)) as theirs:
            for column in range(3):
                assert np.allclose(record.signal_mv[:, column] * 1000, theirs.readSignal(column))
            onsets, _, texts = theirs.readAnnotations()
        beats = read_edf_beats(path, 250.0)
        assert beats.samples.tolist() == [round(t * 250) for t in onsets]
        assert list(beats.symbols) == texts.tolist() == ["N", "V"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mitdb-209-first5min", "mitdb/209"),
        ("georgia-E07500-12lead", "ecg-extra/cinc2021-georgia/E07500"),
    ],
)
def test_real_files_equal_their_source(data_root, name, source):
    record = read_record(data_root / "ecg-extra" / "edf" / f"{name}.edf")
    other = read_record(data_root / source)
    assert record.leads == other.leads
    assert record.sampling_rate_hz == other.sampling_rate_hz
    assert np.abs(record.signal_mv - other.signal_mv[: len(record.signal_mv)]).max() < 1e-13


@pytest.mark.data
def test_a_file_that_pyedflib_refuses(data_root, tmp_path):
    """For a degree sign in the unit of another signal; without it, both read the same."""
    path = data_root / "ecg-extra" / "wfdb-samples" / "test_generator_2.edf"
    record = read_record(path)
    assert (record.leads, record.signal_mv.shape) == (("ECG",), (120_000, 1))
    content = path.read_bytes()
    (tmp_path / "r.edf").write_bytes(content[:4000].replace(b"\xb0", b"d") + content[4000:])
    with pyedflib.EdfReader(str(tmp_path / "r.edf")) as theirs:
        assert np.allclose(record.signal_mv[:, 0], theirs.readSignal(3) / 1000, atol=1e-12)


@pytest.mark.data
def test_annotations_alone_are_told(data_root):
    path = data_root / "ecg-extra" / "wfdb-samples" / "test_edfann.edf"
    with pytest.raises(RecordError, match="annotations without a signal"):
        read_record(path)
    assert read_edf_annotations(path)[2].text == "Lights off@@EEG F4-A1"
