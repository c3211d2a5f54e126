import dataclasses
import io
import json

from edgecnn.runtime.sinks.jsonl import JsonLines
from edgecnn.runtime.sinks.on_change import OnChange


def test_a_line_comes_when_the_label_changes_and_the_summary_all_the_same(
    make_answer, make_stream, summary
):
    out = io.StringIO()
    sink = OnChange(JsonLines(out))
    sink.open(make_stream())
    for number, label in enumerate(["one", "one", "two", "two", "two", "one"]):
        sink.write(make_answer(number, label))
    sink.close(summary)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["frame"] for line in lines[:-1]] == [0, 2, 5]
    assert lines[-1]["summary"]["captured"] == 9


def test_each_source_has_its_own_label(make_answer, make_stream):
    out = io.StringIO()
    sink = OnChange(JsonLines(out))
    sink.open(make_stream())
    for number, (source, label) in enumerate([("a", "one"), ("b", "two")] * 3):
        answer = make_answer(number, label)
        answer.frame = dataclasses.replace(answer.frame, source=source)
        sink.write(answer)
    assert len(out.getvalue().splitlines()) == 2
