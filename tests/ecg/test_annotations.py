from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.errors import MissingFileError, RecordError, UsageError

BEATS = "NLRaVFJASEj/Q"


def word(code, value=0):
    return (code << 10 | value).to_bytes(2, "little")


def test_a_file_worked_out_by_hand(tmp_path):
    content = (
        word(28, 18)  # + at 18
        + word(63, 3) + b"(N\0" + b"\0"  # its text, padded to whole words
        + word(1, 59)  # N at 77
        + word(59) + (1).to_bytes(2, "little") + (2).to_bytes(2, "little")  # 65538 on
        + word(5, 5) + word(61, 0xFF) + word(62, 1) + word(60, 3)  # V, subtype -1, channel 1, num 3
        + word(1, 7)  # N: channel and number stay, the subtype does not
        + word(59) + (0xFFFF).to_bytes(2, "little") + (0xFFFE).to_bytes(2, "little")  # 2 back
        + word(8, 2)
        + word(0)
    )  # fmt: skip
    (tmp_path / "r.atr").write_bytes(content)
    read = read_annotations(tmp_path / "r", "atr")
    assert read.samples.tolist() == [18, 77, 65620, 65627, 65627]
    assert read.symbols == ("+", "N", "V", "N", "A")
    assert read.aux == ("(N\0", "", "", "", "")
    assert read.subtypes.tolist() == [0, 0, -1, 0, 0]
    assert read.channels.tolist() == [0, 0, 1, 1, 1]
    assert read.numbers.tolist() == [0, 0, 3, 3, 3]


def test_payload_that_looks_like_codes_is_payload(tmp_path):
    # Text and interval contain what would be SKIP, AUX and the end of the file.
    text = (word(59) + word(63, 9) + word(0)).decode("latin-1")
    content = word(28, 1) + word(63, 6) + text.encode("latin-1")
    content += word(59) + word(0) + word(63, 8) + word(1, 3) + word(0)
    (tmp_path / "r.atr").write_bytes(content)
    read = read_annotations(tmp_path / "r", "atr")
    assert read.symbols == ("+", "N")
    assert read.aux[0] == text
    assert read.samples[1] == 1 + (63 << 10 | 8) + 3


def test_notes_about_the_file_are_taken_out(tmp_path):
    samples, symbols = np.array([0, 0, 0, 0, 400]), ['"', '"', '"', '"', "N"]
    aux = [
        "## time resolution: 1000",
        "## annotation type definitions",
        "42 # something of one's own",
        "## end of definitions",
        "",
    ]
    write_annotations(tmp_path / "r.atr", samples, symbols, aux=aux)
    read = read_annotations(tmp_path / "r", "atr")
    assert (read.symbols, read.samples.tolist()) == (("N",), [400])
    assert read.sampling_rate_hz == 1000


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_written_is_read_back(tmp_path_factory, data):
    intervals = data.draw(st.lists(st.integers(0, 200_000), min_size=1, max_size=30))
    count = len(intervals)
    samples = np.cumsum(intervals)
    symbols = data.draw(st.lists(st.sampled_from(BEATS + "+~|"), min_size=count, max_size=count))
    plain = data.draw(st.booleans())
    extra = {} if plain else {
        "aux": data.draw(
            st.lists(
                st.text(st.characters(max_codepoint=255), max_size=20),
                min_size=count, max_size=count,
            )
        ),
        "subtypes": data.draw(st.lists(st.integers(-128, 127), min_size=count, max_size=count)),
        "channels": data.draw(st.lists(st.integers(0, 255), min_size=count, max_size=count)),
        "numbers": data.draw(st.lists(st.integers(-128, 127), min_size=count, max_size=count)),
    }  # fmt: skip
    base = tmp_path_factory.mktemp("a") / "100"
    write_annotations(base.with_name("100.edge"), samples, symbols, sampling_rate_hz=360, **extra)
    read = read_annotations(base, "edge")
    assert read.samples.tolist() == samples.tolist()
    assert read.symbols == tuple(symbols)
    assert read.sampling_rate_hz == 360
    assert read.aux == tuple(extra.get("aux", [""] * count))
    for name in ("subtypes", "channels", "numbers"):
        assert getattr(read, name).tolist() == extra.get(name, [0] * count)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # wfdb upon pandas
def test_wfdb_reads_what_is_written(tmp_path):
    import wfdb

    random = np.random.default_rng(0)
    samples = np.cumsum(random.integers(100, 3000, 500))
    symbols = random.choice(list(BEATS), 500).tolist()
    aux = [("(AFIB\0" if i % 50 == 0 else "") for i in range(500)]
    for name, texts in (("plain", None), ("texts", aux)):
        write_annotations(
            tmp_path / f"{name}.edge", samples, symbols, aux=texts, sampling_rate_hz=250
        )
        read = wfdb.rdann(str(tmp_path / name), "edge")
        assert read.fs == 250
        assert read.sample.tolist() == samples.tolist()
        assert read.symbol == symbols
        assert read.aux_note == (texts or [""] * 500)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # wfdb upon pandas
@pytest.mark.data
def test_every_mit_bih_file_is_read_as_wfdb_reads_it(data_root):
    import wfdb

    headers = sorted((data_root / "mitdb").glob("*.hea"))
    assert len(headers) == 48
    beats = 0
    for header in headers:
        base = header.with_suffix("")
        theirs, ours = wfdb.rdann(str(base), "atr"), read_annotations(base, "atr")
        assert ours.samples.tolist() == theirs.sample.tolist()
        assert ours.symbols == tuple(theirs.symbol)
        assert ours.aux == tuple(theirs.aux_note)
        assert ours.subtypes.tolist() == theirs.subtype.tolist()
        assert ours.channels.tolist() == theirs.chan.tolist()
        assert ours.numbers.tolist() == theirs.num.tolist()
        beats += len(ours)
    assert beats == 112_647


def test_an_absent_file_names_what_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match=r"100\.atr"):
        read_annotations(tmp_path / "100", "atr")


@pytest.mark.parametrize(
    "content",
    [b"", word(1, 5), word(1, 5) + word(63, 40) + b"abc", word(59) + b"\0\0", b"\x12"],
    ids=["empty", "no end", "text cut", "interval cut", "one byte"],
)
def test_a_file_cut_short_is_refused(tmp_path, content):
    (tmp_path / "r.atr").write_bytes(content)
    with pytest.raises(RecordError, match="middle of an annotation"):
        read_annotations(tmp_path / "r", "atr")


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "r.atr").write_bytes(word(55, 5) + word(0))
    with pytest.raises(RecordError, match="code 55"):
        read_annotations(tmp_path / "r", "atr")


@pytest.mark.parametrize(
    ("samples", "symbols", "aux", "what"),
    [
        ([5, 3], "NN", None, "do not fall"),
        ([-1], "N", None, "do not fall"),
        ([1, 2], "N", None, "one symbol each"),
        ([1], "%", None, "no annotation code"),
        ([1], "N", ["x" * 256], "256 characters"),
        ([1], "N", ["\u20ac"], "Latin-1"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, samples, symbols, aux, what):
    with pytest.raises(UsageError, match=what):
        write_annotations(tmp_path / "r.edge", np.array(samples), list(symbols), aux=aux)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore")  # of wfdb's own use of pandas
def test_a_file_with_a_stated_rate_by_the_wfdb_package_is_read(tmp_path, monkeypatch):
    import wfdb

    monkeypatch.chdir(tmp_path)
    samples, symbols = np.array([100, 390, 5000, 5300]), ["N", "V", "N", "A"]
    wfdb.wrann("r", "atr", samples, symbols, fs=360)
    read = read_annotations(tmp_path / "r", "atr")
    assert read.samples.tolist() == samples.tolist()
    assert list(read.symbols) == symbols
    assert read.sampling_rate_hz == 360
