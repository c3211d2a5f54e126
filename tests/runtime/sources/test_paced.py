import time

import numpy as np
import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.sources.paced import Paced
from edgecnn.runtime.sources.registry import open_lasting
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.test_camera import TestCamera
from tests.runtime.sources.clock import Clock


def test_a_file_plays_at_its_own_speed(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edgecnn.runtime.sources.paced.time", clock)
    source = Paced(TestCamera("test:?pace=free&fps=40&frames=20&size=64x48"))
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    assert source.live
    assert len(frames) == 20
    assert np.diff([f.captured_ns for f in frames]) / 1e6 == pytest.approx(25, abs=0.01)
    assert frames[-1].captured_ns == clock.now_ns


def test_it_waits_by_the_real_clock():
    source = Paced(TestCamera("test:?pace=free&fps=40&frames=20&size=64x48"))
    source.open()
    started = time.monotonic()
    while source.read() is not None:
        pass
    assert time.monotonic() - started > 0.4


def test_only_a_file_is_paced_and_only_when_asked():
    newest = SourceSettings(policy="newest")
    assert isinstance(open_lasting("walk.mp4", newest), Paced)
    assert not isinstance(open_lasting("walk.mp4", SourceSettings()), Paced)
    assert not isinstance(open_lasting("test:", newest), Paced)


def test_pictures_have_no_speed(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(SourceError, match="no frame rate"):
        open_lasting(str(tmp_path), SourceSettings(policy="newest")).open()
