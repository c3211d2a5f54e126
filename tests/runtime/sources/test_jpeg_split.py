import cv2
import numpy as np
import pytest

from edgecnn.runtime.sources.jpeg import decode_jpeg
from edgecnn.runtime.sources.jpeg_split import JpegSplitter


@pytest.fixture(scope="module")
def pictures():
    noise = [np.random.default_rng(i).integers(0, 256, (48, 64, 3), np.uint8) for i in range(9)]
    return [cv2.imencode(".jpg", each)[1].tobytes() for each in noise]


def split(stream, step):
    splitter = JpegSplitter()
    found = []
    for start in range(0, len(stream), step):
        found += splitter.feed(stream[start : start + step])
    return found, splitter.rest()


@pytest.mark.parametrize("step", [1, 2, 3, 50, 1000, 10**6])
@pytest.mark.parametrize(
    "between", [b"", b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"\xff"]
)
def test_whole_pictures_come_out_however_the_stream_is_cut(pictures, step, between):
    found, rest = split(b"".join(between + picture for picture in pictures), step)
    assert found == pictures
    assert rest == b""


def test_a_thumbnail_within_a_picture_is_part_of_it(pictures):
    inner = pictures[1]
    outer = pictures[0]
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2) + inner
    with_thumbnail = outer[:2] + segment + outer[2:]
    assert split(with_thumbnail + outer, 100)[0] == [with_thumbnail, outer]


@pytest.mark.parametrize("step", [7, 10**6])
def test_a_picture_that_breaks_off_costs_no_other(pictures, step):
    """It is told as broken, and those after it come out whole."""
    stream = b"".join(p if i % 3 else p[: len(p) // 2] for i, p in enumerate(pictures))
    found, _ = split(stream, step)
    assert [piece for piece in found if decode_jpeg(piece) is not None] == [
        p for i, p in enumerate(pictures) if i % 3
    ]
    assert len(found) == len(pictures)


def test_the_rest_is_what_the_stream_broke_off_in(pictures):
    half = pictures[1][:500]
    assert split(pictures[0] + half, 64) == ([pictures[0]], half)


def test_noise_is_passed_over_in_bounded_memory(pictures):
    splitter = JpegSplitter()
    for _ in range(50):
        assert splitter.feed(bytes(100_000)) == []
    assert len(splitter._buffer) <= 1
    assert splitter.feed(pictures[0]) == [pictures[0]]
