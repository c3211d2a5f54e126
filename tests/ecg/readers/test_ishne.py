from __future__ import annotations

import struct

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.errors import RecordError


@pytest.fixture
def holter(recording_of):
    return recording_of("ishne")


def patched(path, at, form, *values):
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, *values)
    path.write_bytes(bytes(content))
    return path


def test_resolution_is_each_leads_own(holter, drawn):
    whole = read_record(holter)
    assert whole.notes == ()
    record = read_record(patched(holter, 206, "<3h", 5000, 2500, 1000))
    assert np.allclose(record.signal_mv, whole.signal_mv * [1, 0.5, 0.2])
    assert record.notes == ("checksum differs from the header's, the file was changed",)


def test_a_lead_without_a_known_place_has_no_name(holter):
    assert read_record(patched(holter, 158, "<3h", 6, 1, 99)).leads == ("II", "", "")


def test_samples_may_be_counted_over_all_leads(holter, drawn):
    path = patched(holter, 14, "<i", 3 * len(drawn.steps))
    assert len(read_record(path).signal_mv) == len(drawn.steps)


@pytest.mark.parametrize(
    ("at", "form", "values", "what"),
    [
        (0, "8s", (b"ANN  1.0",), "annotations without a signal"),
        (0, "8s", (b"ISHNE2.0",), "is no ISHNE file"),
        (14, "<i", (2_000_000_000,), "promises 2000000000 samples, it holds 1003"),
        (14, "<i", (-1,), "no sound ISHNE file"),
        (14, "<i", (0,), "holds no samples"),
        (22, "<i", (100,), "no sound ISHNE file"),
        (22, "<i", (10**9,), "no sound ISHNE file"),
        (156, "<h", (0,), "no sound ISHNE file: 0 leads"),
        (156, "<h", (500,), "no sound ISHNE file: 500 leads"),
        (206, "<h", (0,), "resolution of 0 nV for lead I"),
        (272, "<h", (0,), "sampling rate of 0 Hz"),
    ],
)
def test_a_broken_file_is_one_line_with_a_hint(holter, at, form, values, what):
    with pytest.raises(RecordError, match=what) as raised:
        read_record(patched(holter, at, form, *values))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_date_that_is_none_is_left_out(holter):
    assert read_record(patched(holter, 138, "<3h", 0, 0, 0)).start is None
