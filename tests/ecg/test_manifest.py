from __future__ import annotations

import json

import pytest

from edgecnn.ecg.manifest import Manifest, read_manifest
from edgecnn.ecg.record_files import RecordFile
from edgecnn.errors import DataError, MissingFileError

ROWS = [
    {"path": "a/100.hea", "record": "first", "lead": "V5", "rate_hz": 250, "beats": "atr"},
    {"path": "b.csv", "hospital": "elsewhere"},
]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_both_kinds_say_the_same(tmp_path, kind):
    path = tmp_path / f"list.{kind}"
    if kind == "csv":
        path.write_text(
            "hospital,path,record,lead,rate_hz,beats\n"
            ",a/100.hea,first,V5,250,atr\n\nelsewhere,b.csv,,,,\n"
        )
    else:
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    records = (
        RecordFile(tmp_path / "a" / "100.hea", "first", lead="V5", rate_hz=250.0, beats="atr"),
        RecordFile(tmp_path / "b.csv", ""),
    )
    assert read_manifest(path) == Manifest(records, unused=("hospital",))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.csv", "file,lead\na,b\n", "has no column path"),
        ("m.csv", "", "has no column path"),
        ("m.csv", "path,lead\n,II\n", "line 2 has no path"),
        ("m.csv", "path,rate_hz\na.csv,fast\n", "line 2: a sampling rate of 'fast'"),
        ("m.csv", "path,rate_hz\na.csv,-1\n", "line 2: a sampling rate of '-1'"),
        ("m.csv", "path,record\na.csv,../../b\n", "is no name of a record"),
        ("m.csv", b"path\n\xff\xfe\n", "no UTF-8 text"),
        ("m.jsonl", '{"path": "a"}\n{"path"\n', "line 2 is no JSON"),
        ("m.jsonl", '["a"]\n', "line 1 is no object"),
        ("m.jsonl", '{"path": 3}\n', "line 1 has no path"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=said):
        read_manifest(path)


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(MissingFileError, match="no such manifest"):
        read_manifest(tmp_path / "none.csv")
