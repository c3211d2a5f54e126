import numpy as np
import pytest

from edgecnn.ecg.sample_format import sample_format
from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.options import Options

SIGNAL = np.round(np.sin(np.arange(500) / 9), 3)


def made(query):
    _, options = Options.split(f"x?{query}")
    found = sample_format(options)
    options.finish()
    return found


def fed(form, data, step):
    return np.concatenate([form.feed(data[i : i + step]) for i in range(0, len(data), step)])


@pytest.mark.parametrize("step", [1, 3, 64, 10**6])
@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("", "".join(f"{v}\n" for v in SIGNAL).encode()),
        ("unit=uV", "".join(f"{1000 * v:.0f}\r\n" for v in SIGNAL).encode()),
        ("column=3", "".join(f"{n}; 99;{v}\n" for n, v in enumerate(SIGNAL)).encode()),
        ("format=int16&gain=1000", np.round(1000 * SIGNAL).astype("<i2").tobytes()),
        ("format=int16be&unit=uV", np.round(1000 * SIGNAL).astype(">i2").tobytes()),
        ("format=int16&gain=1000&zero=512", np.round(1000 * SIGNAL + 512).astype("<i2").tobytes()),
        ("format=float32", SIGNAL.astype("<f4").tobytes()),
        (
            "format=float32&channels=3&channel=2",
            np.stack([9 * SIGNAL, SIGNAL, -SIGNAL], 1).astype("<f4").tobytes(),
        ),
    ],
)
def test_samples_come_out_however_the_bytes_are_cut(query, data, step):
    assert np.allclose(fed(made(query), data, step), SIGNAL, atol=1e-6)


def test_lines_that_are_no_numbers_take_up_their_time():
    values = made("").feed(b"1\noops\n\n# a remark\n2\nnan\ninf\n\xff\xfe\n3\n")
    assert np.array_equal(values, [1, np.nan, 2, np.nan, np.nan, np.nan, 3], equal_nan=True)


def test_a_stream_that_begins_within_a_line_does_not_make_up_a_number():
    form = made("")
    form.feed(b"1\n2\n123")
    form.restart(within=True)
    assert np.array_equal(form.feed(b".25\n4\n"), [np.nan, 4], equal_nan=True)


def test_half_a_binary_sample_is_forgotten_with_its_connection():
    form = made("format=int16&gain=1")
    assert form.feed(b"\x01\x00\x02").tolist() == [1]
    form.restart(within=True)
    assert form.feed(b"\x03\x00").tolist() == [3]


@pytest.mark.parametrize("data", [b"x" * 5000, b"GET / HTTP/1.0\n" * 150])
def test_what_is_no_text_of_numbers_is_an_error(data):
    with pytest.raises(SourceError, match="no lines with a number in column 1") as caught:
        made("").feed(data)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("format=int16", "how many are a millivolt"),
        ("unit=mV&gain=3", "one is enough"),
        ("unit=kg", "no unit of an ECG"),
        ("format=mp3", "is not one of"),
        ("format=float32&channels=2&channel=3", "no channel 3 of 2"),
        ("column=0", "count from 1"),
        ("gain=0.5&gain=2", "more than once"),
        ("format=float32&column=2", "unknown option column"),
    ],
)
def test_what_cannot_be_meant_is_refused(query, says):
    with pytest.raises(UsageError, match=says):
        made(query)
