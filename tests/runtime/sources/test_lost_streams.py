"""A network camera that goes away in every way it can, and comes back, through the whole engine."""

import ssl
import subprocess
import time

import pytest

from edgecnn.runtime.sources.backoff import Backoff
from tests.runtime.sources.engine import READ_S, WAIT_S, await_gone, bad, good


@pytest.fixture
def watch_patiently(watch, monkeypatch):
    """Attempts that are far apart, so that only a sign, or being told, ends a wait.

    One that follows a sign has all the time that it may need: another would come too late.
    """
    monkeypatch.setattr(
        "edgecnn.runtime.sources.reopening.Backoff", lambda: Backoff(first_s=240, longest_s=240)
    )
    return lambda server: watch(server, open_s=60, read_s=60)


def test_a_stall_is_seen_in_time_and_got_over(camera_server, watch):
    server = camera_server()
    sink = watch(server)
    server.mode = "silent"
    seen = sink.wait(bad)
    last = max(when for when, row, _ in sink.rows if good(row))
    assert READ_S / 2 < seen - last < 30
    server.mode = "serve"
    sink.wait(good)
    assert [text.partition(" is back")[0] for text in sink.said[1:]] == [server.url]
    numbers = [row["frame"] for _, row, _ in sink.rows]
    assert numbers == sorted(set(numbers))


def test_a_server_that_accepts_and_says_nothing_is_tried_ever_more_rarely(camera_server, watch):
    server = camera_server()
    sink = watch(server)
    server.mode = "silent"
    sink.wait(bad)
    tried = server.connections
    time.sleep(1.5)
    assert server.connections - tried <= 3 + 3  # attempts, and looks whether the port accepts
    server.mode = "serve"
    sink.wait(good)


def test_a_server_that_goes_away_and_comes_back_is_found_at_once(camera_server, watch_patiently):
    server = camera_server()
    sink = watch_patiently(server)
    server.stop()
    sink.wait(bad)
    await_gone(sink)
    server.mode = "serve"
    server.size = (480, 270)
    server.start()
    sink.wait(good)
    assert sink.said[-1].endswith(", now 480x270")
    assert sink.rows[-1][2] == (270, 480, 3)


def test_connections_that_end_in_the_middle_of_a_picture_give_no_label(camera_server, watch):
    server = camera_server()
    sink = watch(server)
    server.mode = "drop"
    sink.wait(bad)
    server.mode = "serve"
    sink.wait(good)


def test_pictures_that_are_cut_short_are_failed_frames(camera_server, watch):
    server = camera_server()
    sink = watch(server)
    server.mode = "cut"
    sink.wait(bad)
    sink.wait(good)
    server.mode = "serve"
    assert {row["reason"] for _, row, _ in sink.rows if bad(row)} == {
        "the picture cannot be decoded"
    }
    assert sink.said == []


def test_pictures_of_another_size_come_as_they_are(camera_server, watch):
    server = camera_server()
    sink = watch(server)
    server.size = (480, 270)
    while sink.rows[-1][2] != (270, 480, 3):
        sink.wait(lambda row: True)
    assert {shape for _, _, shape in sink.rows} == {(240, 320, 3), (270, 480, 3)}
    assert all(good(row) for _, row, _ in sink.rows)


def test_one_that_does_not_come_back_is_given_up(camera_server, watch):
    server = camera_server()
    sink = watch(server, give_up_s=0.8)
    server.stop()
    sink.thread.join(WAIT_S)
    assert f"{server.url} did not come back within" in sink.said[-1]
    assert "did not come back" in sink.summary.ended


def test_an_engine_that_waits_for_it_stops_at_once(camera_server, watch_patiently):
    server = camera_server()
    sink = watch_patiently(server)
    server.stop()
    sink.wait(bad)
    await_gone(sink)
    sink.stop("enough")
    sink.thread.join(WAIT_S)
    assert not sink.thread.is_alive()
    assert sink.summary.ended == "enough"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def test_an_encrypted_stream_that_is_dropped_comes_back(certificate, camera_server, watch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = camera_server(tls=context)
    sink = watch(server)
    server.stop()
    sink.wait(bad)
    server.mode = "serve"
    server.start()
    sink.wait(good)
