import io
import struct

import pytest

from edgecnn.runtime.sources.mp4_extent import mp4_pictures


def _box(kind, *contents):
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind, *words):
    return _box(kind, bytes(4), struct.pack(f">{len(words)}i", *words))


def _video(*, count=100, edits=(), delay=0, handler=b"vide", extra=b"", first=b"ftyp"):
    """Write an index of pictures 40 ms long: 1000 units a second in movie and track."""
    duration = 40 * count
    times = _full(b"ctts", 1, count, delay) if delay else b""
    table = _box(b"stbl", times, _full(b"stsz", 0, count))
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, 0, 1000, duration),
        _box(b"hdlr", bytes(8), handler),
        _box(b"minf", table),
    )
    edit = _full(b"elst", len(edits), *(word for each in edits for word in (*each, 0x10000)))
    track = _box(b"trak", _box(b"edts", edit) if edits else b"", media)
    index = _box(b"moov", _full(b"mvhd", 0, 0, 1000, duration), track, extra)
    return _box(first, b"isom") + index + _box(b"mdat", bytes(5000))


def _pictures(content):
    return mp4_pictures(io.BytesIO(content), len(content))


def test_the_index_tells_how_many_pictures_there_are():
    assert _pictures(_video()) == (100, False)


def test_pictures_beyond_the_end_of_the_file_are_cut():
    assert _pictures(_video()[:-2000]) == (100, True)


def test_what_follows_the_pictures_may_be_lost():
    content = _video() + _box(b"free", bytes(100))
    assert _pictures(content[:-50]) == (100, False)


@pytest.mark.parametrize(
    ("edits", "delay", "wanted"),
    [
        ([(4000, 0)], 0, 100),
        ([(4000, 80)], 80, 100),  # stored in another order than shown: nothing is left out
        ([(500, -1), (4000, 0)], 0, 100),  # a pause first
        ([(0, 0)], 0, 100),  # no length stated
        ([(2000, 2000)], 0, None),  # its start is left out
        ([(2000, 0)], 0, None),  # its end is left out
        ([(1000, 0), (1000, 2000)], 0, None),
    ],
)
def test_a_trimmed_video_does_not_show_all_that_is_listed(edits, delay, wanted):
    assert _pictures(_video(edits=edits, delay=delay)) == (wanted, False)


def test_without_one_track_of_pictures_in_one_index_there_is_no_number():
    assert _pictures(_video(handler=b"soun")) == (None, False)
    assert _pictures(_video(extra=_box(b"mvex", b""))) == (None, False)
    assert _pictures(_box(b"ftyp", b"isom") + _box(b"mdat", bytes(100))) == (None, False)
