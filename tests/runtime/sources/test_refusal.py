"""What servers that are no cameras answer, and what a person is told of it."""

import contextlib
import socket

import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.sources.refusal import why_refused
from edgecnn.runtime.sources.stream import Stream
from tests.runtime.sources.listening import Listening

LONG_S = 20.0


class Answering(Listening):
    """Gives everybody the same bytes."""

    def __init__(self, answer):
        self._answer = answer
        self.requests = []
        super().__init__()

    def _talk(self, client):
        with contextlib.suppress(OSError), client:
            self.requests.append(client.recv(4096))
            client.sendall(self._answer)


@pytest.fixture
def answering():
    servers = []

    def make(answer):
        servers.append(Answering(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def http(status, kind="", body=b""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return f"{head}\r\n".encode() + body


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        (http("404 Gone Fishing"), "it answers 404 Not Found", "address"),
        (http("503 Busy"), "it answers 503 Service Unavailable", "address"),
        (http("799 Odd"), "it answers 799", "address"),
        (http("401 No"), "it wants a user name and a password", "http://USER:PASSWORD@"),
        (http("200 OK", "text/html", b"<html>"), "it is a web page, no video", "manual"),
        (http("200 OK", "application/json", b"{}"), "it gives application/json", "address"),
        (http("200 OK"), "its answer is empty", "address"),
        (b"SSH-2.0-server\r\n", "it hung up without an answer", "scheme and port"),
        (b"", "it hung up without an answer", "scheme and port"),
    ],
)
def test_what_a_web_server_answers(answering, answer, reason, hint):
    refusal = why_refused(f"http://127.0.0.1:{answering(answer).port}/cam", within_s=LONG_S)
    assert refusal.reason.startswith(reason)
    assert hint in refusal.hint


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", "it answers 404 Not Found"),
        (b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n", "it wants a user name"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it hung up without an answer"),
    ],
)
def test_what_a_server_for_rtsp_answers(answering, answer, reason):
    refusal = why_refused(f"rtsp://127.0.0.1:{answering(answer).port}/cam", within_s=LONG_S)
    assert refusal.reason.startswith(reason)


@pytest.mark.parametrize(
    ("answer", "url"),
    [
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", "rtsp://127.0.0.1:{}/cam"),
        (http("200 OK", "video/mp4", b"\0"), "http://127.0.0.1:{}/a.mp4"),
        (b"", "udp://127.0.0.1:{}"),
        (b"", "rtmp://127.0.0.1:{}/live"),
    ],
)
def test_what_may_be_a_video_is_left_to_ffmpeg(answering, answer, url):
    assert why_refused(url.format(answering(answer).port), within_s=LONG_S) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{}/", "nothing listens at port {} of 127.0.0.1"),
        ("rtsp://127.0.0.1:{}/", "nothing listens at port {} of 127.0.0.1"),
        ("http://127.0.0.1:{}0000/", "it is no address"),
        ("http://nowhere.invalid:{}/", "no host is known as nowhere.invalid"),
    ],
)
def test_what_is_not_there(url, reason):
    port = closed_port()
    assert why_refused(url.format(port), within_s=LONG_S).reason == reason.format(port)


def test_a_port_without_tls(answering):
    server = answering(http("200 OK"))
    refusal = why_refused(f"https://127.0.0.1:{server.port}/", within_s=LONG_S)
    assert refusal.reason == "its port speaks no TLS"
    assert refusal.hint.startswith("http://")


def test_a_server_that_says_nothing(answering):
    # It accepts what the system accepts for it, and reads nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert why_refused(url, within_s=0.2).reason == "127.0.0.1 does not answer"


def test_it_asks_without_the_password_and_tells_none(answering):
    server = answering(http("401 No"))
    url = f"http://bob:geheim@127.0.0.1:{server.port}/cam"
    refusal = why_refused(url, within_s=LONG_S)
    assert refusal.hint == "are user name and password right?"
    assert b"Authorization" not in server.requests[0]
    assert b"GET /cam" in server.requests[0]


def test_a_stream_that_does_not_open_says_why(answering, capfd):
    server = answering(http("404 Not Found"))
    source = Stream(f"http://bob:geheim@127.0.0.1:{server.port}/cam", open_s=LONG_S)
    with pytest.raises(SourceError, match="cannot be opened: it answers 404 Not Found") as caught:
        source.open()
    shown = f"{caught.value} {caught.value.hint} {capfd.readouterr()}"
    assert "geheim" not in shown
    assert f"{LONG_S:g} s" not in shown
