"""The shipped fault drill through the whole engine, with its time codes read back at the sink."""

from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.registry import open_lasting
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.timecode import read_timecode

DRILL = (
    "fault:stall=0.6s,corrupt=0.2s,freeze=0.2s,resize=0.3s,burst=0.2s,wrong-shape=0.2s,lost=0.4s,end"
    "?fps=50&every=0.4&hold=0.2"
)


class Decode(Sink):
    def __init__(self):
        self.rows, self.summary = [], None

    def write(self, answer):
        self.rows.append((answer.row(), read_timecode(answer.frame.data)))

    def close(self, summary):
        self.summary = summary


def test_every_fault_is_accounted_for_and_none_gets_a_label():
    said, sink = [], Decode()
    source = open_lasting(DRILL, SourceSettings(read_s=0.45), said.append)
    model = load_model("bundled:mnist-lenet5", check=False, spinning=False)
    summary = Pipeline(source, ImageProcessor(model), [sink]).run()
    for row, _ in sink.rows:
        ledger = row["ledger"]
        assert ledger.pop("captured") == sum(ledger.values())
    parts = summary.processed + summary.dropped + summary.failed
    assert (summary.captured, summary.pending) == (parts, 0)
    # 0.2 s of broken pictures, 0.2 s of wrong shape, and one frame for each time it was lost: the
    # stall that is longer than the time-out, and the loss.
    reasons = [row["reason"] for row, _ in sink.rows if row["state"] == "unknown"]
    assert summary.failed == len(reasons)
    assert {reason for reason in reasons if "cannot be" in reason}
    assert sum("gave nothing" in reason or "on purpose" in reason for reason in reasons) == 2
    assert [text.partition(" after ")[0] for text in said[1::2]] == ["fault drill is back"] * 2
    # Whoever knows the answer gave it, and the code at the sink is the one of its frame.
    known = [(row, code) for row, code in sink.rows if row.get("truth") in set("0123456789")]
    assert sum(row["label"] == row["truth"] for row, _ in known) > 0.95 * len(known) > 15
    codes = [code.frame for _, code in known]
    assert codes == sorted(codes)
    assert summary.ended == "end of source"
