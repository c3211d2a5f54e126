"""A table that stays whole: continued after a restart, and after half a row."""

import csv
import json
from datetime import datetime

import pytest

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.sinks.csv_rows import COLUMNS, CsvRows


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_answer_that_says_what_the_json_line_says(
    tmp_path, make_answer, make_stream
):
    path = tmp_path / "new" / "out.csv"
    sink = CsvRows(path)
    sink.open(make_stream())
    answer = make_answer(3, 'a "quoted", label\nÄ', name="b,c.png")
    sink.write(answer)
    # Readable now: nobody may get to close it.
    (row,) = _rows(path)
    sink.close(None)
    assert tuple(row) == COLUMNS
    assert row["label"] == 'a "quoted", label\nÄ'
    assert row["name"] == "b,c.png"
    assert (row["frame"], row["state"], row["processed"], row["truth"]) == ("3", "ok", "4", "")
    assert float(row["score"]) == 0.9
    assert json.loads(row["more"])["top"] == [['a "quoted", label\nÄ', 0.9]]
    assert datetime.fromisoformat(row["time"]).utcoffset().total_seconds() == 0
    told = answer.row()
    assert set(COLUMNS) - {"time", "fps", "more"} <= {*told, *told["ledger"], "truth"}


def test_a_table_is_continued_also_behind_half_a_row(tmp_path, make_answer, make_stream):
    path = tmp_path / "out.csv"
    for number in (1, 2):
        sink = CsvRows(path)
        sink.open(make_stream())
        sink.write(make_answer(number))
        sink.close(None)
    with path.open("ab") as file:
        file.write(b"2026-11-29T07")
    sink = CsvRows(path)
    sink.open(make_stream())
    sink.write(make_answer(3))
    sink.close(None)
    assert [row["frame"] for row in _rows(path)] == ["1", "2", None, "3"]


def test_another_table_is_left_alone(tmp_path, make_stream):
    path = tmp_path / "out.csv"
    path.write_text("name,salary\nBob,1\n")
    with pytest.raises(EdgeCNNError, match="other columns"):
        CsvRows(path).open(make_stream())
    assert path.read_text() == "name,salary\nBob,1\n"


def test_where_no_table_can_be_written_is_one_line(tmp_path, make_stream):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeCNNError, match="cannot write"):
        CsvRows(tmp_path / "file" / "out.csv").open(make_stream())
