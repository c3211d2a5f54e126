from __future__ import annotations

import base64
import time

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.ecg.readers.xml import looks_like_ecg
from edgecnn.ecg.record_files import find_records
from edgecnn.errors import RecordError

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]>
<RestingECG>&e;</RestingECG>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<AnnotatedECG>&x;</AnnotatedECG>"""


def write(folder, text):
    (folder / "r.xml").write_text(text, encoding="utf-8")
    return folder / "r.xml"


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_entities_are_refused_at_once(tmp_path, text):
    started = time.perf_counter()
    with pytest.raises(RecordError, match="declares XML entities"):
        read_record(write(tmp_path, text))
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "r.xml is empty"),
        (" ", "no well-formed XML: no element found"),
        ("<RestingECG>", "no well-formed XML"),
        ("<?xml version='1.0' encoding='nonsense'?><a/>", "no well-formed XML"),
        ("<html/>", "no reader for the XML of 'html'"),
        ("<RestingECG/>", "no rhythm waveform"),
        ("<AnnotatedECG/>", "holds no ECG leads"),
    ],
)
def test_what_is_no_ecg_is_one_line(tmp_path, text, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(write(tmp_path, text))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_other_xml_in_a_folder_is_passed_over(tmp_path, recording_of):
    path = recording_of("muse")
    (path.parent / "settings.xml").write_text("<settings/>")
    assert [file.path for file in find_records([path.parent]).records] == [path]
    assert not looks_like_ecg(tmp_path / "absent.xml")


def test_an_empty_file_in_a_folder_is_told(tmp_path):
    (tmp_path / "r.xml").touch()
    assert [file.path for file in find_records([tmp_path]).records] == [tmp_path / "r.xml"]


def muse(leads, *, base="500", exponent="0", units="MICROVOLTS", total=None):
    body = "".join(
        f"<LeadData><LeadID>{name}</LeadID><LeadSampleCountTotal>{total or len(steps)}"
        f"</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
        f"<LeadAmplitudeUnits>{units}</LeadAmplitudeUnits><WaveFormData>"
        f"{base64.b64encode(np.array(steps, '<i2').tobytes()).decode()}</WaveFormData></LeadData>"
        for name, steps in leads.items()
    )
    return (
        f"<RestingECG><Waveform><WaveformType>Rhythm</WaveformType><SampleBase>{base}</SampleBase>"
        f"<SampleExponent>{exponent}</SampleExponent>{body}</Waveform></RestingECG>"
    )


def test_muse_leads_that_are_not_stored_are_made_of_i_and_ii(tmp_path):
    steps = {"I": [10, -20, 30], "II": [100, 50, -1], "V1": [1, 2, 3]}
    record = read_record(write(tmp_path, muse(steps)))
    assert record.leads == ("I", "II", "V1", "III", "aVR", "aVL", "aVF")
    one, two = (np.array(steps[name]) for name in ("I", "II"))
    expected = [one, two, steps["V1"], two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    assert np.allclose(record.signal_mv, np.transpose(expected) * 0.00488)
    assert record.notes == ("III, aVR, aVL, aVF made of I and II",)
    assert read_record(tmp_path / "r.xml", lead="II").notes == ()
    assert read_record(tmp_path / "r.xml", lead="avf").leads == ("aVF",)


def test_muse_sample_base_has_an_exponent(tmp_path):
    path = write(tmp_path, muse({"II": [1, 2]}, base="5", exponent="2"))
    assert read_record(path).sampling_rate_hz == 500


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (muse({"II": [1, 2]}, total=900), "promises 900 samples of II, it holds 2"),
        (muse({"II": [1, 2], "V1": [1]}), "leads differ in length"),
        (muse({"II": [1, 2]}, units="MMHG"), "'MMHG' is no unit"),
        (muse({"II": [1, 2]}, base="0"), "sampling rate of 0 Hz"),
        (muse({"II": [1, 2]}, base="fast"), "'fast': no number"),
        (muse({"II": [1, 2]}).replace("AQACAA==", "AQACA!=="), "no Base64"),
        (muse({"II": [1, 2]}).replace("AQACAA==", "AQAC"), "no Base64 of 16-bit"),
        (muse({"II": []}), "holds no samples"),
    ],
)
def test_a_broken_muse_file_is_one_line(tmp_path, text, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(write(tmp_path, text))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def aecg(*sets, unit="uV", scale="5", origin="0"):
    """Each set is its timing and its digits of lead II."""
    body = "".join(
        f'<component><sequenceSet><component><sequence><code code="{kind}"/><value>'
        f'<head value="{head}" unit="s"/><increment value="{step}" unit="s"/></value></sequence>'
        f'</component><component><sequence><code code="MDC_ECG_LEAD_II"/><value>'
        f'<origin value="{origin}" unit="{unit}"/><scale value="{scale}" unit="{unit}"/>'
        f"<digits>{digits}</digits></value></sequence></component></sequenceSet></component>"
        for kind, head, step, digits in sets
    )
    return (
        '<AnnotatedECG xmlns="urn:hl7-org:v3"><component><series>'
        f"{body}</series></component></AnnotatedECG>"
    )


ABSOLUTE, RELATIVE = "TIME_ABSOLUTE", "TIME_RELATIVE"


def test_aecg_sets_have_their_places_in_time(tmp_path):
    sets = [
        (ABSOLUTE, "20200101100000.000", "0.01", "1 2 3"),
        (ABSOLUTE, "20200101100000.050", "0.01", "4 5"),
    ]
    for order in (sets, sets[::-1]):
        record = read_record(write(tmp_path, aecg(*order, origin="1000")))
        expected = np.array([1, 2, 3, np.nan, np.nan, 4, 5]) * 0.005 + 1
        assert np.allclose(record.signal_mv[:, 0], expected, equal_nan=True)
        assert record.notes == ("2 samples missing between sequence sets",)
        assert str(record.start) == "2020-01-01 10:00:00"


def test_aecg_times_may_be_relative(tmp_path):
    sets = [(RELATIVE, "0", "0.01", "1 2"), (RELATIVE, "0.02", "0.01", "3")]
    record = read_record(write(tmp_path, aecg(*sets)))
    assert np.allclose(record.signal_mv[:, 0], [0.005, 0.010, 0.015])
    assert record.start is None


@pytest.mark.parametrize(
    ("step", "rate_hz"), [("0.002778", 360), ("0.00277778", 360), ("0.003", 1 / 0.003)]
)
def test_aecg_steps_are_rounded(tmp_path, step, rate_hz):
    record = read_record(write(tmp_path, aecg((RELATIVE, "0", step, "1 2 3"))))
    assert record.sampling_rate_hz == rate_hz


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (aecg((RELATIVE, "0", "0", "1 2")), "states no sampling rate"),
        (aecg((RELATIVE, "0", "x", "1 2")), "increment of TIME_RELATIVE is 'x', no number"),
        (aecg((RELATIVE, "0", "0.01", "1 two")), "a sample of MDC_ECG_LEAD_II is no number"),
        (aecg((RELATIVE, "0", "0.01", "")), "holds no samples"),
        (aecg((RELATIVE, "0", "0.01", "1"), unit="kPa"), "'kPa' is no unit"),
        (aecg((RELATIVE, "0", "0.01", "1"), scale="nan"), "scale of MDC_ECG_LEAD_II is 'nan'"),
        (
            aecg((RELATIVE, "0", "0.01", "1"), (RELATIVE, "1e9", "0.01", "1")),
            "is mostly gaps",
        ),
        (aecg((RELATIVE, "0", "0.01", "1")).replace('unit="s"', 'unit="h"'), "no unit of time"),
    ],
)
def test_a_broken_aecg_file_is_one_line(tmp_path, text, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(write(tmp_path, text))
    assert "\n" not in raised.value.message
    assert raised.value.hint
