"""The web socket that takes a browser's pictures: who may open it, and what it takes."""

import gc
import socket
import ssl
import threading
import time
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from edgecnn.web import camera as camera_module
from edgecnn.web import connections
from edgecnn.web.address import Address
from edgecnn.web.camera import MOST_BYTES
from edgecnn.web.live_page import LivePage
from edgecnn.web.tls import own_certificate

ABOUT = {"source": "browser camera", "model": "m", "card": {}, "camera": {"size": 640, "fps": 20}}


@pytest.fixture
def page():
    pages = []

    def make(**options):
        taken = []
        made = LivePage(Address("127.0.0.1", 0), ABOUT, camera=taken.append, **options)
        made.start()
        made.taken = taken
        made.port = int(made.url.split(":")[2].partition("/")[0])
        pages.append(made)
        return made

    yield make
    for made in pages:
        made.end({})


def _open(page, *, origin="own", path="camera", host=None, **headers):
    host = host or f"127.0.0.1:{page.port}"
    if origin == "own":
        origin = f"http://{host}"
    plain = socket.create_connection(("127.0.0.1", page.port), timeout=60)
    return connect(f"ws://{host}/{path}", sock=plain, origin=origin, additional_headers=headers)


def test_each_picture_is_taken_and_answered(page):
    shown = page()
    with _open(shown) as browser:
        for picture in (b"one", b"two" * 100_000):
            browser.send(picture)
            assert browser.recv(timeout=60) == "next"
    assert shown.taken == [b"one", b"two" * 100_000]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"host": "evil.example"}, 421),
        ({"path": "figures"}, 403),
        ({"path": "nothing"}, 403),
        ({"path": "control"}, 403),
    ],
)
def test_another_pages_camera_is_refused(page, changes, status):
    shown = page()
    with pytest.raises(InvalidStatus) as caught:
        _open(shown, **changes)
    assert caught.value.response.status_code == status
    assert shown.taken == []


def test_without_a_camera_there_is_no_web_socket(page):
    shown = LivePage(Address("127.0.0.1", 0), ABOUT)
    shown.start()
    shown.port = int(shown.url.split(":")[2].strip("/"))
    with pytest.raises(InvalidStatus):
        _open(shown)
    shown.end({})


def test_the_token_is_asked_for(page):
    shown = page(token="geheim")
    for headers in ({}, {"Cookie": f"edgecnn-{shown.port}=wrong"}):
        with pytest.raises(InvalidStatus) as caught:
            _open(shown, **headers)
        assert caught.value.response.status_code == 401
    with _open(shown, Cookie=f"edgecnn-{shown.port}=geheim") as browser:
        browser.send(b"mine")
        assert browser.recv(timeout=60) == "next"


def test_one_browser_at_a_time(page):
    shown = page()
    with _open(shown) as first:
        first.send(b"1")
        first.recv(timeout=60)
        with _open(shown) as second, pytest.raises(ConnectionClosed) as caught:
            second.recv(timeout=60)
        assert caught.value.rcvd.code == 1013
        first.send(b"2")
        assert first.recv(timeout=60) == "next"
    limit = time.monotonic() + 20
    while True:  # the place is free once the server has seen the first one go
        with _open(shown) as third:
            third.send(b"3")
            try:
                assert third.recv(timeout=60) == "next"
                break
            except ConnectionClosed:
                assert time.monotonic() < limit
    assert shown.taken == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("message", "code"), [("text", 1003), (bytes(MOST_BYTES + 1), 1009)], ids=["text", "too large"]
)
def test_what_is_no_picture_ends_it(page, message, code):
    shown = page()
    with _open(shown) as browser:
        browser.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            browser.recv(timeout=60)
    assert caught.value.rcvd.code == code
    assert shown.taken == []


def test_who_floods_is_cut_off(page, monkeypatch):
    # So few that no machine is too slow to send more.
    monkeypatch.setattr(camera_module, "_MOST_FPS", 5.0)
    shown = page()

    def flood():
        with _open(shown) as browser:
            while True:
                browser.send(b"x")
                browser.recv(timeout=60)

    started = time.monotonic()
    with pytest.raises(ConnectionClosed) as caught:
        flood()
    assert caught.value.rcvd.code == 1008
    # A second's worth at once, and what came due meanwhile.
    seconds = time.monotonic() - started
    assert 5 <= len(shown.taken) <= 5 * (1 + seconds)


def test_who_sends_nothing_makes_room(page, monkeypatch):
    monkeypatch.setattr(camera_module, "_SILENCE_S", 0.2)
    with _open(page()) as browser, pytest.raises(ConnectionClosed) as caught:
        browser.recv(timeout=60)
    assert caught.value.rcvd.code == 1008


def test_an_open_camera_outlasts_the_limit_of_idle_connections(page, monkeypatch):
    monkeypatch.setattr(connections, "_IDLE_S", 0.2)
    with _open(page()) as browser:
        for _ in range(4):
            time.sleep(0.15)
            browser.send(b"x")
            assert browser.recv(timeout=60) == "next"


def test_the_page_may_use_the_camera_only_where_it_is_the_source(page):
    shown, plain = page(), LivePage(Address("127.0.0.1", 0), ABOUT)
    plain.start()
    policies = []
    for each in (shown, plain):
        with urllib.request.urlopen(each.url, timeout=60) as response:
            policies.append(response.headers)
    assert "camera=(self)" in policies[0]["Permissions-Policy"]
    assert (
        f"connect-src 'self' ws://127.0.0.1:{shown.port};"
        in (policies[0]["Content-Security-Policy"])
    )
    assert "camera=()" in policies[1]["Permissions-Policy"]
    assert "connect-src 'self';" in policies[1]["Content-Security-Policy"]
    plain.end({})


def test_the_end_of_the_stream_is_not_held_up_by_a_camera(page, monkeypatch):
    monkeypatch.setattr(camera_module, "_SILENCE_S", 1000)
    shown = page()
    with _open(shown) as browser:
        browser.send(b"x")
        browser.recv(timeout=60)
        ending = threading.Thread(target=shown.end, args=({},), daemon=True)
        ending.start()
        ending.join(60)
        assert not ending.is_alive()
        with pytest.raises(ConnectionClosed):
            browser.recv(timeout=60)


# Python 3.11 forgets the socket of a TLS connection that is closed a second time.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_browser_that_is_just_leaving_does_not_disturb_the_end(page, tmp_path):
    """It has said goodbye, and its connection is not down yet: nothing is raised anywhere."""
    address = Address("127.0.0.1", 0)
    shown = page(tls=own_certificate([address], tmp_path))
    host = f"127.0.0.1:{shown.port}"
    head = {
        "Host": host,
        "Origin": f"https://{host}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    lines = ["GET /camera HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    context = ssl.create_default_context(cafile=tmp_path / "own.pem")
    with (
        socket.create_connection(("127.0.0.1", shown.port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as leaving,
    ):
        leaving.sendall("\r\n".join(lines).encode())
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += leaving.recv(4096)
        leaving.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
        # The answer; that TLS ends here as well, which the server now waits for, is never said.
        assert leaving.recv(4096).startswith(b"\x88")
        shown.end({})
        gc.collect()
