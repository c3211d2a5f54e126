"""A camera that speaks RTSP, played by FFmpeg through the whole engine."""

import json

import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.sources.registry import open_source
from tests.runtime.sources.engine import READ_S, await_gone, bad, good


def test_it_is_played_over_tcp_with_its_password(rtsp_camera, watch):
    server = rtsp_camera(user="admin:secret-9")
    sink = watch(server)
    for _ in range(20):
        sink.wait(good)
    asked = [each for each in server.requests if each.startswith("SETUP")]
    assert asked
    assert all("TCP" in each for each in asked)
    numbers = [int(row["label"]) for _, row, _ in sink.rows]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] >= 20
    assert "secret-9" not in json.dumps([row for _, row, _ in sink.rows])
    assert sink.rows[0][1]["source"].startswith("rtsp://***@127.0.0.1")


@pytest.mark.parametrize("how", ["stall", "gone"])
def test_it_is_found_again(rtsp_camera, watch, how):
    server = rtsp_camera(user="admin:secret-9")
    sink = watch(server)
    if how == "stall":
        server.mode = "silent"
    else:
        server.stop()
    seen = sink.wait(bad)
    last = max(when for when, row, _ in sink.rows if good(row))
    assert seen - last < READ_S + 30
    if how == "gone":
        await_gone(sink)
        server.size = (480, 272)
    server.mode = "serve"
    if how == "gone":
        server.start()
    sink.wait(good)
    if how == "gone":
        assert sink.said[-1].endswith(", now 480x272")
    assert "secret-9" not in " ".join(sink.said)


def test_a_wrong_password_is_told_without_it(rtsp_camera, watch):
    server = rtsp_camera(user="admin:secret-9")

    source = open_source(server.url.replace("secret-9", "guess-7"))
    with pytest.raises(SourceError) as caught:
        source.open()
    assert "guess-7" not in str(caught.value)
