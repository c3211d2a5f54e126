from __future__ import annotations

import numpy as np
import pydicom
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record_files import find_records
from edgecnn.errors import RecordError


@pytest.fixture
def changed(recording_of):
    """Write the recording after a change of its longest multiplex group."""

    def write(change):
        path = recording_of("dicom")
        content = pydicom.dcmread(path)
        change(content.WaveformSequence[1])
        pydicom.dcmwrite(path, content)
        return path

    return write


def test_the_longest_group_is_the_recording(changed):
    record = read_record(changed(lambda group: None))
    assert record.leads == ("I", "II", "V1")
    assert record.notes == ("the longest of 2 multiplex groups is read",)


def test_padding_is_missing(changed, drawn):
    def pad(group):
        group.add_new(0x5400100A, "OW", np.array(drawn.steps[4, 1], "<i2").tobytes())

    missing = np.isnan(read_record(changed(pad)).signal_mv)
    assert missing[4, 1]
    assert np.array_equal(missing, drawn.steps == drawn.steps[4, 1])


def test_sensitivity_has_a_correction_and_a_baseline(changed, drawn):
    def correct(group):
        channel = group.ChannelDefinitionSequence[1]
        channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "2", "100"

    record = read_record(changed(correct), lead="II")
    assert np.allclose(record.signal_mv[:, 0], drawn.signal_mv[:, 1] * 2 + 0.1)


def test_names_come_from_codes_in_words(changed):
    def name(group):
        first, second, third = group.ChannelDefinitionSequence
        first.ChannelSourceSequence[0].CodeMeaning = "Lead I (Einthoven)"
        second.ChannelSourceSequence[0].CodeValue = "2:91"
        second.ChannelSourceSequence[0].CodeMeaning = "Modified chest lead"
        del third.ChannelSourceSequence
        third.ChannelLabel = "aVF"

    assert read_record(changed(name)).leads == ("I", "Modified chest lead", "aVF")


@pytest.mark.parametrize(
    ("attribute", "value", "what"),
    [
        ("NumberOfWaveformSamples", 10**9, "promises 1000000000 samples of 3 channels"),
        ("NumberOfWaveformChannels", 0, "no readable DICOM file|no array"),
        ("WaveformSampleInterpretation", "MB", "of the kind MB are not read"),
        ("SamplingFrequency", "0", "sampling rate of 0 Hz"),
    ],
)
def test_a_broken_file_is_one_line_with_a_hint(changed, attribute, value, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(changed(lambda group: setattr(group, attribute, value)))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_unit_that_is_none_of_potential(changed):
    def pressure(group):
        for channel in group.ChannelDefinitionSequence:
            channel.ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"

    path = changed(pressure)
    content = pydicom.dcmread(path)
    del content.WaveformSequence[0]
    pydicom.dcmwrite(path, content)
    with pytest.raises(RecordError, match=r"'mm\[Hg\]' is no unit"):
        read_record(path)


def test_a_picture_is_no_recording(recording_of, tmp_path):
    content = pydicom.dcmread(recording_of("dicom"))
    del content.WaveformSequence
    pydicom.dcmwrite(tmp_path / "x.dcm", content)
    with pytest.raises(RecordError, match="holds no waveform"):
        read_record(tmp_path / "x.dcm")
    (tmp_path / "y.dcm").write_bytes(b"junk" * 100)
    with pytest.raises(RecordError, match="is no DICOM file"):
        read_record(tmp_path / "y.dcm")


@pytest.mark.parametrize(
    ("code", "words", "name"),
    [
        ("2:62", "aVR, augmented voltage, right", "aVR"),
        ("5.6.3-9-2", "", "II"),
        ("2:2", "Ableitung II", "II"),
        ("2:13", "", "V5R"),
        ("2:0", "MDC_ECG_LEAD_III", "III"),
        ("2:147", "Right Leg Lead", "Right Leg Lead"),
    ],
)
def test_a_lead_is_known_by_its_code_too(changed, code, words, name):
    def coded(group):
        source = group.ChannelDefinitionSequence[0].ChannelSourceSequence[0]
        source.CodeValue, source.CodeMeaning = code, words

    assert read_record(changed(coded)).leads[0] == name


def test_the_byte_order_is_that_of_the_transfer_syntax(recording_of, drawn):
    path = recording_of("dicom")
    content = pydicom.dcmread(path)
    for group in content.WaveformSequence:
        group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    content.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(path, content, implicit_vr=False, little_endian=False)
    assert np.allclose(read_record(path).signal_mv, drawn.signal_mv)


@pytest.mark.parametrize("name", ["IM000001", "1.2.826.0.1.3680043.2"])
def test_a_waveform_without_a_suffix_is_found(recording_of, name):
    path = recording_of("dicom")
    path = path.rename(path.with_name(name))
    (path.parent / "README").write_text("of the archive")
    (path.parent / "picture.1").write_bytes(b"\0" * 128 + b"DICM" + b"1.2.840.10008.5.1.4.1.1.2")
    assert [file.path for file in find_records([path.parent]).records] == [path]
    assert read_record(path, lead="II").leads == ("II",)


def test_samples_without_a_unit(changed):
    def bare(group):
        for channel in group.ChannelDefinitionSequence:
            del channel.ChannelSensitivityUnitsSequence

    path = changed(bare)
    content = pydicom.dcmread(path)
    del content.WaveformSequence[0]
    pydicom.dcmwrite(path, content)
    with pytest.raises(RecordError, match="its samples have no unit") as raised:
        read_record(path)
    assert raised.value.hint
