import io
import json
import threading
import time

import numpy as np
import pytest

from edgecnn.errors import EdgeCNNError, ImageError, UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.live import run_live
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.processor import Result


class _Source:
    fps = None

    def __init__(self, *, live, count=6, name="a source"):
        self.live, self.description = live, name
        self._count, self._given = count, 0
        self.opened = False
        self.answered = threading.Semaphore(0)

    def open(self):
        self.opened = True

    def read(self):
        # After the answer to the last one, so that a live source drops none.
        if self.live and self._given:
            assert self.answered.acquire(timeout=240)
        if self._given == self._count:
            return None
        number = self._given
        self._given += 1
        return Frame("a source", number, time.monotonic_ns(), np.full((4, 4, 3), number, np.uint8))

    def close(self):
        pass


class _Refusing:
    title, provider, nodes_on_provider, card = "model", "cpu", "1/1", {}

    def __init__(self, refuse, sources=()):
        self._refuse, self._sources = set(refuse), sources

    def process(self, frame):
        for source in self._sources:
            source.answered.release()
        if frame.number in self._refuse:
            raise ImageError("refused")
        return Result("seen", 1.0)

    def finish(self):
        return None


def _run(source, refuse=(), **options):
    out = io.StringIO()
    sources = source if isinstance(source, list) else [source]
    try:
        return run_live(
            source, _Refusing(refuse, sources), outputs=Outputs(as_json=True), out=out, **options
        ), None
    except EdgeCNNError as error:
        return json.loads(out.getvalue().splitlines()[-1])["summary"], error


def test_one_failed_frame_of_a_file_is_an_error_after_the_summary():
    summary, error = _run(_Source(live=False), refuse=[2, 3])
    assert error.message == "2 of 6 frames from a source could not be answered"
    assert (summary["processed"], summary["failed"], summary["ended"]) == (4, 2, "end of source")


def test_beside_a_camera_a_failed_frame_of_a_file_is_an_error_too():
    camera, file = _Source(live=True, name="camera"), _Source(live=False, name="file")
    _, error = _run([camera, file], refuse=[2])
    assert error.message == "1 of 6 frames from file could not be answered"


def test_failed_frames_of_a_live_source_are_counted():
    summary, error = _run(_Source(live=True), refuse=[2, 3])
    assert error is None
    assert (summary.captured, summary.failed) == (6, 2)


@pytest.mark.parametrize("live", [True, False])
def test_nothing_but_failed_frames_is_an_error(live):
    summary, error = _run(_Source(live=live), refuse=range(6))
    assert (
        error.message == f"{summary['failed']} of {summary['captured']} frames from a source"
        " could not be answered"
    )


def test_the_opening_remark_comes_with_the_stream_and_not_before():
    said = []
    source = _Source(live=False)

    def say(text):
        assert source.opened
        said.append(text)

    _run(source, opening="model on cpu", say=say)
    assert said == ["model on cpu\nfrom a source"]


@pytest.mark.parametrize("options", [{"web": "a..b:80"}, {"web": "nowhere"}, {"record": "out.avi"}])
def test_what_is_wrong_is_said_before_the_source_is_opened(options, tmp_path):
    source, said = _Source(live=False), []
    if "record" in options:
        options = {"record": tmp_path / options["record"]}
    with pytest.raises(UsageError):
        run_live(
            source,
            _Refusing([]),
            outputs=Outputs(**options),
            opening="model",
            say=said.append,
        )
    assert not source.opened
    assert said == []
