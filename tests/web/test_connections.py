"""Real sockets: some say nothing, some say half of something, some look on for ever."""

import asyncio
import contextlib
import http.client
import socket
import time

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from edgecnn.web import connections
from edgecnn.web.address import Address
from edgecnn.web.server import WebServer


async def _hello(request):
    return PlainTextResponse("hello")


async def _endless(request):
    async def drip():
        while True:
            yield b"drip"
            await asyncio.sleep(0.05)

    return StreamingResponse(drip())


@pytest.fixture
def server():
    routes = [Route("/", _hello), Route("/stream", _endless)]
    running = WebServer(routes, Address("127.0.0.1", 0))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def connect(server):
    """Open a connection and send what is given."""
    with contextlib.ExitStack() as opened:

        def make(content=b""):
            client = socket.create_connection(("127.0.0.1", server.address.port), timeout=60)
            opened.enter_context(client)
            client.sendall(content)
            return client

        yield make


def _request(server, path="/"):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.address.port}\r\n\r\n".encode()


def _status(server, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def _await_closed(client):
    """Wait until the other side has closed a connection."""
    client.settimeout(60)
    with contextlib.suppress(ConnectionError):
        while client.recv(1000):
            pass


@pytest.fixture
def for_ever(monkeypatch):
    """Let idle connections be, so that one that is closed is so for another reason."""
    monkeypatch.setattr(connections, "_IDLE_S", 1000)


def test_connections_that_say_nothing_keep_nobody_out(server, connect, for_ever):
    idle = [connect() for _ in range(200)]
    assert _status(server) == 200
    # The ones that had waited longest made room.
    _await_closed(idle[0])
    idle[-1].sendall(_request(server))
    assert idle[-1].recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("content", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127"])
def test_a_connection_without_a_request_is_closed_after_a_while(connect, content, monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_S", 0.5)
    started = time.monotonic()
    _await_closed(connect(content))
    assert time.monotonic() - started > 0.3


def test_a_request_that_trickles_in_is_not_waited_for(connect, monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_S", 0.5)
    client = connect(b"GET / HTTP/1.1\r\n")
    limit = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        while True:
            assert time.monotonic() < limit
            client.sendall(b"X-Slow: 1\r\n")
            time.sleep(0.05)


def test_a_connection_is_used_again_and_closed_when_it_is_not(server, connect, monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_S", 3.0)
    client = connect()
    # In all, longer than one may be idle.
    for _ in range(5):
        time.sleep(0.65)
        client.sendall(_request(server))
        answer = b""
        while not answer.endswith(b"hello"):
            answer += (part := client.recv(4000))
            assert part
        used = time.monotonic()
    _await_closed(client)
    assert time.monotonic() - used > 1.5


def test_a_stream_goes_on_for_longer_than_an_idle_connection(server, connect, monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_S", 0.3)
    client = connect(_request(server, "/stream"))
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        assert client.recv(1000)


def test_viewers_are_limited_and_a_place_gets_free_again(server, connect, monkeypatch):
    monkeypatch.setattr(connections, "_MOST_REQUESTS", 5)
    viewers = [connect(_request(server, "/stream")) for _ in range(5)]
    for viewer in viewers:
        assert viewer.recv(1000).startswith(b"HTTP/1.1 200")
    assert _status(server, "/stream") == 503
    assert _status(server) == 503
    viewers[0].close()
    until = time.monotonic() + 30
    while _status(server) != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_so_many_viewers_as_are_allowed_are_let_in(server, connect):
    viewers = [connect(_request(server, "/stream")) for _ in range(connections._MOST_REQUESTS)]
    for viewer in viewers:
        assert viewer.recv(1000).startswith(b"HTTP/1.1 200")
    assert _status(server) == 503


def test_when_all_are_busy_the_new_one_is_cut_off(server, connect, for_ever, monkeypatch):
    monkeypatch.setattr(connections, "_MOST_CONNECTIONS", 3)
    for _ in range(3):
        assert connect(_request(server, "/stream")).recv(1000)
    _await_closed(connect())


def test_nonsense_in_the_middle_of_an_answer_is_cut_off_without_a_word(server, connect, caplog):
    head = _request(server, "/stream").replace(
        b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    client = connect(head)
    assert client.recv(1000).startswith(b"HTTP/1.1 200")
    client.sendall(b"no length\r\n\r\n")
    _await_closed(client)
    assert _status(server) == 200
    # asyncio logs what a protocol raises, with a traceback; pytest takes the log from stderr.
    assert caplog.records == []
