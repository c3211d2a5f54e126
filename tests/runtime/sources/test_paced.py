import time

import numpy as np
import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.sources.paced import Paced
from edgecnn.runtime.sources.registry import open_lasting
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.test_camera import TestCamera


def test_a_file_plays_at_its_own_speed():
    source = Paced(TestCamera("test:?pace=free&fps=40&frames=20&size=64x48"))
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    assert source.live
    seconds = (frames[-1].captured_ns - frames[0].captured_ns) / 1e9
    assert 0.47 < seconds < 2
    assert np.median(np.diff([f.captured_ns for f in frames])) > 12e6
    assert abs(time.monotonic_ns() - frames[-1].captured_ns) < 2e9


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
