"""Several sources at once, through the whole engine."""

import io
import json

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
from edgecnn.runtime.sources.test_camera import TestCamera
from tests.runtime.stepped import SteppedCamera

QUICK = SourceSettings(read_s=0.5, give_up_s=0.5)


class Label:
    title, provider, nodes_on_provider, card = "label", "cpu", "1/1", {}

    def process(self, frame):
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
    pipeline = Pipeline(sources, processor or Label(), [sink], say=said.append, **options)
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


class Stepping(Label):
    """While it answers one frame, each camera gives what ``plan`` says for that turn."""

    def __init__(self, cameras, plan):
        self._cameras, self._plan, self._turn = cameras, plan, 0

    def process(self, frame):
        self._turn += 1
        for camera, frames in zip(self._cameras, self._plan(self._turn), strict=True):
            if frames:
                camera.give(frames)
        return super().process(frame)


def run_stepped(counts, plan):
    """Run two cameras to their ends; the first gives its first frame by itself."""
    cameras = [SteppedCamera(name, count) for name, count in zip("ab", counts, strict=True)]

    class Begun(Keep):
        def open(self, stream):
            super().open(stream)
            cameras[0]._allowed = 1

    sink = Begun()
    summary = Pipeline(cameras, Stepping(cameras, plan), [sink]).run()
    return sink, summary


@pytest.mark.parametrize("first_is_busy", [True, False])
def test_a_busy_source_does_not_starve_a_slow_one(first_is_busy):
    """One gives five frames in the time of an answer, the other one in that of five answers."""

    def plan(turn):
        counts = 5, int(turn % 5 == 0)
        return counts if first_is_busy else counts[::-1]

    sink, summary = run_stepped((200, 8) if first_is_busy else (8, 200), plan)
    busy, slow = ("a", "b") if first_is_busy else ("b", "a")
    assert sink.numbers(slow) == list(range(8))
    assert len(sink.numbers(busy)) >= 30
    assert summary.dropped == 208 - len(sink.answers) > 100
    # It has the next turn but one at most: the other had the one at hand.
    turns = [turn for turn, answer in enumerate(sink.answers) if answer.frame.source == slow]
    given = range(5, 5 * 8 + 1, 5) if first_is_busy else [0, *range(5, 5 * 7 + 1, 5)]
    assert all(turn - after in (0, 1) for turn, after in zip(turns, given, strict=True))


def test_two_busy_cameras_share_evenly():
    sink, _ = run_stepped((160, 160), lambda turn: (4, 4))
    # Without turns, the first would have them all.
    sources = [answer.frame.source for answer in sink.answers]
    assert sources[:40] == ["a", "b"] * 20


def test_one_that_is_lost_for_good_is_told_and_the_others_go_on():
    sink, said, answered = Keep(), [], []

    def say(text):
        said.append(text)
        if text.endswith("the other sources go on"):
            answered.append(len(sink.numbers("test:digits")))

    class Lasting(TestCamera):
        """Ends twenty frames after the other was given up."""

        left = 20

        def read(self):
            self.left -= len(answered)
            return super().read() if self.left >= 0 else None

    (drill,) = open_all(["fault:lost=1min?fps=50&every=0.2&size=64x48"], QUICK, say)
    camera = Lasting("test:?fps=40&size=64x48")
    with pytest.raises(SourceError, match="did not come back"):
        Pipeline([drill, camera], Label(), [sink], say=say).run()
    assert len(answered) == 1
    assert len(sink.numbers("test:digits")) > answered[0]
    assert sink.summary.sources["fault drill"]["failed"] == 1


def test_one_that_cannot_be_opened_ends_it_before_it_begins(tmp_path):
    sink = Keep()
    sources = open_all(["test:?size=64x48", str(tmp_path / "no.mp4")], QUICK)
    with pytest.raises(Exception, match=r"no\.mp4"):
        Pipeline(sources, Label(), [sink]).run()
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
    run_live(open_all(texts, QUICK), Label(), outputs=Outputs(as_json=True), out=out)
    *rows, last = map(json.loads, out.getvalue().splitlines())
    assert {row["source"] for row in rows} == {"test:digits", "test:digits #2"}
    assert max(row["ledger"]["processed"] for row in rows) == 4
    assert max(row["ledger_total"]["processed"] for row in rows) == 7
    assert last["summary"]["sources"]["test:digits #2"]["processed"] == 4


def test_lines_for_people_say_which():
    out = io.StringIO()
    texts = ["test:?pace=free&frames=3&size=64x48", "test:?pace=free&frames=4&size=64x48&seed=2"]
    run_live(open_all(texts, QUICK), Label(), outputs=Outputs(), out=out)
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
