"""Several sources at once, through the whole engine."""

import io
import json
import threading
import time

import numpy as np
import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.live import run_live
from edgecnn.runtime.mosaic import Mosaic
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.registry import open_all
from edgecnn.runtime.sources.settings import SourceSettings

QUICK = SourceSettings(read_s=0.5, give_up_s=0.5)


class Slow:
    title, provider, nodes_on_provider, card = "slow", "cpu", "1/1", {}

    def __init__(self, seconds=0.0):
        self._seconds = seconds

    def process(self, frame):
        time.sleep(self._seconds)
        return Result(frame.truth or "none", 1.0)

    def finish(self):
        return None


class Keep(Sink):
    def __init__(self):
        self.answers, self.summary, self.stream = [], None, None

    def open(self, stream):
        self.stream = stream

    def write(self, answer):
        self.answers.append(answer)

    def close(self, summary):
        self.summary = summary

    def numbers(self, source):
        return [a.frame.number for a in self.answers if a.frame.source == source]


def run(texts, processor=None, **options):
    sink, said = Keep(), []
    sources = open_all(texts, QUICK, said.append)
    pipeline = Pipeline(sources, processor or Slow(), [sink], say=said.append, **options)
    try:
        pipeline.run()
    finally:
        sink.said = said
        summary = sink.summary
        assert summary is None or summary.pending == 0
        for answer in sink.answers:
            for counts in (answer.ledger, answer.total):
                parts = counts.processed + counts.dropped + counts.failed + counts.pending
                assert counts.captured == parts
    total = {
        key: sum(one[key] for one in summary.sources.values())
        for key in ("captured", "processed", "dropped", "failed", "pending")
    }
    assert total == {key: getattr(summary, key) for key in total}
    return sink


def test_every_frame_of_several_files_in_turns():
    texts = [f"test:?pace=free&frames={n}&seed={n}&size=64x48" for n in (30, 20, 25)]
    sink = run(texts)
    names = sink.stream.sources
    assert names == ("test:digits", "test:digits #2", "test:digits #3")
    assert [sink.numbers(name) for name in names] == [list(range(n)) for n in (30, 20, 25)]
    assert sink.summary.captured == sink.summary.processed == 75
    assert [one["captured"] for one in sink.summary.sources.values()] == [30, 20, 25]


def test_a_busy_source_does_not_starve_a_slow_one():
    """A model that answers 100 frames a second, a camera that gives 500, and one that gives 20."""
    texts = ["test:?fps=500&size=64x48", "test:?fps=20&size=64x48&frames=15"]
    sink = Keep()
    pipeline = Pipeline(open_all(texts, QUICK), Slow(0.01), [sink])
    threading.Timer(1.0, pipeline.stop).start()
    summary = pipeline.run()
    busy, slow = (sink.numbers(name) for name in sink.stream.sources)
    assert slow == list(range(len(slow)))
    assert len(slow) >= 8
    assert len(busy) >= 20
    waits = [a.latency_ms for a in sink.answers if a.frame.source.endswith("#2")]
    assert np.median(waits) < 60  # a turn of the other, and its own
    assert summary.dropped > 50


def test_two_busy_cameras_share_evenly():
    sink = Keep()
    texts = ["test:?fps=300&size=64x48", "test:?fps=300&size=64x48&seed=1"]
    pipeline = Pipeline(open_all(texts, QUICK), Slow(0.005), [sink], frames=80)
    pipeline.run()
    first, second = (len(sink.numbers(name)) for name in sink.stream.sources)
    # Without turns, the first would have them all.
    assert min(first, second) >= 25


def test_one_that_is_lost_for_good_is_told_and_the_others_go_on():
    sink, said = Keep(), []
    texts = ["fault:lost=1min?fps=50&every=0.2&size=64x48", "test:?fps=40&frames=60&size=64x48"]
    pipeline = Pipeline(open_all(texts, QUICK, said.append), Slow(), [sink], say=said.append)
    with pytest.raises(SourceError, match="did not come back"):
        pipeline.run()
    assert len(sink.numbers("test:digits")) >= 55
    assert any(text.endswith("the other sources go on") for text in said)
    assert sink.summary.sources["fault drill"]["failed"] == 1


def test_one_that_cannot_be_opened_ends_it_before_it_begins(tmp_path):
    sink = Keep()
    sources = open_all(["test:?size=64x48", str(tmp_path / "no.mp4")], QUICK)
    with pytest.raises(Exception, match=r"no\.mp4"):
        Pipeline(sources, Slow(), [sink]).run()
    assert sink.stream is None


def test_a_batch_gives_each_source_its_own_answer():
    model = load_model("bundled:mnist-lenet5", check=False, spinning=False)
    texts = [f"test:?pace=free&frames=40&hold=0.1&seed={n}" for n in range(3)]
    sink = run(texts, ImageProcessor(model))
    right = [a.result.label == a.frame.truth for a in sink.answers]
    assert len(right) == 120
    assert sum(right) >= 116
    for name in sink.stream.sources:
        assert sink.numbers(name) == list(range(40))


def test_broken_frames_among_good_ones_are_counted_at_their_source():
    texts = [
        "fault:corrupt=0.5s,end?fps=20&every=0.5&pace=free&size=64x48",
        "test:?pace=free&frames=30&size=64x48",
    ]
    sink = run(texts)
    assert sink.summary.sources["fault drill"]["failed"] == 10
    assert sink.summary.sources["test:digits"]["failed"] == 0


def test_json_lines_have_both_ledgers():
    out = io.StringIO()
    texts = ["test:?pace=free&frames=3&size=64x48", "test:?pace=free&frames=4&size=64x48&seed=2"]
    run_live(open_all(texts, QUICK), Slow(), outputs=Outputs(as_json=True), out=out)
    *rows, last = map(json.loads, out.getvalue().splitlines())
    assert {row["source"] for row in rows} == {"test:digits", "test:digits #2"}
    assert max(row["ledger"]["processed"] for row in rows) == 4
    assert max(row["ledger_total"]["processed"] for row in rows) == 7
    assert last["summary"]["sources"]["test:digits #2"]["processed"] == 4


def test_lines_for_people_say_which():
    out = io.StringIO()
    texts = ["test:?pace=free&frames=3&size=64x48", "test:?pace=free&frames=4&size=64x48&seed=2"]
    run_live(open_all(texts, QUICK), Slow(), outputs=Outputs(), out=out)
    assert "test:digits     8 " in out.getvalue()
    assert "test:digits #2: 4 frames, 4 answered, 0 dropped, 0 failed" in out.getvalue()


def test_pictures_lie_side_by_side():
    texts = [f"test:?pace=free&frames=2&size=320x240&seed={n}" for n in range(3)]
    sink = run(texts)
    pictures = [answer.picture() for answer in sink.answers]
    assert {picture.shape for picture in pictures} == {(960, 1280, 3)}
    tiles = [pictures[-1][y : y + 480, x : x + 640] for y in (0, 480) for x in (0, 640)]
    assert [tile.max() > 200 for tile in tiles] == [True, True, True, False]
    assert not any(np.shares_memory(pictures[0], each) for each in pictures[1:])


def test_a_mosaic_fits_pictures_of_any_shape():
    mosaic = Mosaic(["a", "b", "c", "d", "e"])
    for name, shape in (("a", (10, 900)), ("e", (900, 10)), ("c", (1, 1))):
        whole = mosaic.show(name, np.full((*shape, 3), 90, np.uint8))
    assert whole.shape == (720, 1440, 3)
    assert (whole[:360, :480] == 90).any()
