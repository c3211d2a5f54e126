import io

import cv2
import numpy as np
import pytest

from edgecnn.runtime.sinks.matroska import MatroskaWriter
from edgecnn.runtime.sources import matroska_extent
from edgecnn.runtime.sources.matroska_extent import matroska_pictures


@pytest.fixture
def recording(tmp_path):
    """Content of a recording of 100 pictures in two clusters, killed and closed."""
    path = tmp_path / "a.mkv"
    writer = MatroskaWriter(path, 64, 48)
    for number in range(100):
        jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), number, np.uint8))[1].tobytes()
        writer.write(jpeg, 33 * number)
    killed = path.read_bytes()
    writer.close()
    return killed, path.read_bytes()


def _pictures(content):
    return matroska_pictures(io.BytesIO(content), len(content))


def test_a_recording_has_as_many_blocks_as_pictures(recording):
    killed, closed = recording
    assert _pictures(killed) == (100, False)
    assert _pictures(closed) == (100, False)


def test_a_cut_is_seen_where_the_size_is_stated(recording):
    killed, closed = recording
    assert _pictures(closed[: len(closed) // 2]) == (None, True)
    counted, cut = _pictures(killed[: len(killed) // 2])
    assert counted == pytest.approx(50, abs=2)
    assert not cut


def test_a_cut_in_the_index_costs_no_picture(recording):
    _, closed = recording
    assert _pictures(closed[:-5]) == (100, False)


def test_laced_blocks_and_other_tracks_are_not_counted_as_pictures(recording):
    killed, _ = recording
    at = killed.index(b"\xff\xd8") - 4  # track, time, flags
    for position, value, wanted in ((0, 0x82, (99, False)), (3, 0x08, (99, False)), (3, 6, None)):
        content = bytearray(killed)
        content[at + position] = value
        assert _pictures(bytes(content)) == wanted


def test_a_file_that_takes_too_long_says_nothing(recording, monkeypatch):
    monkeypatch.setattr(matroska_extent, "_PATIENCE_S", -1.0)
    assert _pictures(recording[1]) is None
