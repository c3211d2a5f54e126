import io
import json

import pytest

from edgecnn.runtime.sinks.jsonl import JsonLines
from edgecnn.runtime.sinks.text import TextLines


def test_json_lines_hold_the_agreed_keys_and_the_summary_is_last(make_answer, make_stream, summary):
    out = io.StringIO()
    sink = JsonLines(out)
    sink.open(make_stream())
    sink.write(make_answer(3, name="a.png"))
    sink.close(summary)
    first, last = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["source"] == "numbers"
    assert first["frame"] == 3
    assert first["captured_ns"] == 1_120_000_000
    assert first["latency_ms"] == 1.5
    assert (first["state"], first["reason"], first["label"], first["score"]) == (
        "ok",
        "",
        "seven",
        0.9,
    )
    assert first["top"] == [["seven", 0.9]]
    assert first["ledger"] == {
        "captured": 4,
        "processed": 4,
        "dropped": 0,
        "failed": 0,
        "pending": 0,
    }
    assert first["name"] == "a.png"
    assert last["summary"]["latency_ms"] == {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    assert last["summary"]["pending"] == 0


def test_after_a_broken_pipe_nothing_more_is_written(make_answer, make_stream, summary):
    class Broken(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    for sink in (JsonLines(Broken()), TextLines(Broken())):
        sink.open(make_stream())
        with pytest.raises(BrokenPipeError):
            sink.write(make_answer())
        sink.close(summary)
