import threading
import time

import numpy as np
import pytest

from edgecnn.errors import ImageError
from edgecnn.runtime.ahead import ahead_of
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gated import GatedProcessor
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink

COUNT = 12


class Pictures:
    """Gives pictures of one grey each; a live source paces them."""

    description, fps = "pictures", None

    def __init__(self, *, live=False, fault_at=None):
        self.live, self._fault_at, self._given = live, fault_at, 0

    def open(self):
        pass

    def read(self):
        if self._given == COUNT:
            return None
        if self.live:
            time.sleep(0.01)
        number = self._given
        self._given += 1
        data = np.full((60, 80, 3), 20 * number, np.uint8)
        fault = "broken" if number == self._fault_at else ""
        return Frame("pictures", number, time.monotonic_ns(), data, fault=fault)

    def close(self):
        pass


class Preparing:
    """Takes its time for each frame, and tells which thread prepared it."""

    title, provider, nodes_on_provider, card = "preparing", "cpu", "1/1", {}

    def __init__(self, *, refuse=(), waits=None):
        self.ahead = []
        self._refuse = set(refuse)
        self._waits = waits

    def prepare_ahead(self, frame):
        assert threading.current_thread() is not threading.main_thread()
        if frame.number in self._refuse:
            raise ImageError("cannot be prepared")
        self.ahead.append(frame.number)
        return f"made of {frame.number}"

    def process(self, frame):
        if self._waits is not None:
            self._waits(frame)
        if frame.ahead is not None:
            assert frame.ahead == f"made of {frame.number}"
        return Result(str(frame.ahead), 1.0)

    def finish(self):
        return None


class Keep(Sink):
    def __init__(self):
        self.answers = []

    def write(self, answer):
        self.answers.append(answer)


def _until_next_waits(source):
    """Make a processor wait until the frame after the next has been read, if there is one."""

    def wait(frame):
        limit = time.monotonic() + 20
        while source._given < min(COUNT, frame.number + 3) and time.monotonic() < limit:
            time.sleep(0.001)

    return wait


def test_frames_of_a_file_are_prepared_while_others_wait():
    source, keep = Pictures(), Keep()
    processor = Preparing(waits=_until_next_waits(source))
    Pipeline(source, processor, [keep]).run()
    assert [answer.frame.number for answer in keep.answers] == list(range(COUNT))
    assert len(processor.ahead) >= COUNT // 2
    assert processor.ahead == sorted(set(processor.ahead))
    made = {answer.frame.number for answer in keep.answers if answer.result.label != "None"}
    assert made == set(processor.ahead)


def test_a_live_frame_that_may_be_replaced_is_not_prepared_ahead():
    processor = Preparing()
    summary = Pipeline(Pictures(live=True), processor).run()
    assert summary.captured == COUNT
    assert processor.ahead == []


def test_what_cannot_be_prepared_ahead_has_its_turn_all_the_same():
    source, keep = Pictures(fault_at=5), Keep()
    processor = Preparing(refuse=range(COUNT), waits=_until_next_waits(source))
    summary = Pipeline(source, processor, [keep]).run()
    assert (summary.processed, summary.failed) == (COUNT - 1, 1)
    assert [answer.result.label for answer in keep.answers if not answer.frame.fault] == (
        ["None"] * (COUNT - 1)
    )


def test_an_error_of_programming_is_not_swallowed():
    class Broken(Preparing):
        def prepare_ahead(self, frame):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Pipeline(Pictures(), Broken(waits=lambda frame: time.sleep(0.05))).run()


def test_answers_are_the_same_prepared_ahead_or_not(picture_model):
    model = load_model(picture_model, provider="cpu")
    source, keep = Pictures(), Keep()
    wait = _until_next_waits(source)

    class Waiting(ImageProcessor):
        def process(self, frame):
            wait(frame)
            ahead.append(frame.ahead is not None)
            return super().process(frame)

    ahead = []
    Pipeline(source, GatedProcessor(Waiting(model), lambda frame: ()), [keep]).run()
    assert sum(ahead) >= COUNT // 2
    plain = ImageProcessor(model)
    for answer in keep.answers:
        bare = Frame("x", answer.frame.number, 0, answer.frame.data)
        assert plain.process(bare).top == answer.result.top
        assert answer.result.stages_ms["prepare"] > 0


def test_a_processor_without_it_gets_frames_as_they_are():
    class Plain:
        title, provider, nodes_on_provider, card = "plain", "cpu", "1/1", {}

        def process(self, frame):
            return Result("x", 1.0)

        def finish(self):
            return None

    frame = Frame("x", 0, 0, np.zeros((4, 4, 3), np.uint8))
    assert ahead_of(Plain())(frame) is frame
    assert ahead_of(GatedProcessor(Plain(), lambda frame: ()))(frame) is frame
