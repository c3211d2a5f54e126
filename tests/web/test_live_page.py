import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from edgecnn.web.address import Address
from edgecnn.web.live_page import _FIGURES_S, LivePage

STATUS = {"frame": 1, "label": "seven"}


@pytest.fixture
def page():
    shown = LivePage(
        Address("127.0.0.1", 0), {"source": "cam", "model": "digits", "card": {"Task": "classify"}}
    )
    shown.start()
    yield shown
    shown.end({})


def _get(page, path=""):
    with urllib.request.urlopen(page.url + path, timeout=60) as response:
        return response.headers.get_content_type(), response.read()


def _until(condition, seconds=30):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_the_page_and_its_parts_are_served(page):
    kind, content = _get(page)
    assert kind == "text/html"
    for name, wanted in (("live.css", "text/css"), ("live.js", "text/javascript")):
        assert name.encode() in content
        assert _get(page, name)[0] == wanted
    assert json.loads(_get(page, "about.json")[1])["card"] == {"Task": "classify"}


def test_the_page_loads_nothing_from_elsewhere(page):
    for path in ("", "live.css", "live.js"):
        content = _get(page, path)[1].decode()
        assert "//" not in content.replace("// ", "").replace("http://www.w3.org", "")


@pytest.mark.parametrize("path", ["live.html", "static/live.js", "..%2faddress.py", "%2e%2e/x"])
def test_nothing_else_is_served(page, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        _get(page, path)
    with caught.value:
        assert caught.value.code == 404


class _Parts:
    """Goes on reading where the last call stopped: within a part that has begun."""

    def __init__(self, response):
        self._response, self._part = response, None

    def read(self, count):
        parts = []
        while len(parts) < count:
            line = self._response.readline()
            if not line:
                break
            if line.startswith(b"--edgecnn-frame"):
                if self._part:
                    parts.append(self._part.removesuffix(b"\r\n"))
                if line.rstrip().endswith(b"--"):
                    break
                assert self._response.readline() == b"Content-Type: image/jpeg\r\n"
                assert self._response.readline() == b"\r\n"
                self._part = b""
            elif self._part is not None:
                self._part += line
        return parts


def test_a_client_gets_the_newest_picture_and_then_each_new_one(page):
    page.publish(STATUS, b"\xff\xd8old")
    page.publish(STATUS, b"\xff\xd8first")
    with urllib.request.urlopen(page.url + "picture.mjpeg", timeout=60) as response:
        assert response.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
        parts = _Parts(response)
        assert parts.read(1) == [b"\xff\xd8first"]
        page.publish(STATUS)
        page.publish(STATUS, b"\xff\xd8second")
        assert parts.read(1) == [b"\xff\xd8second"]


def test_pictures_are_wanted_only_while_someone_looks(page):
    assert not page.watched
    page.publish(STATUS, b"\xff\xd8x")
    with urllib.request.urlopen(page.url + "picture.mjpeg", timeout=60) as response:
        _Parts(response).read(1)
        assert page.watched

    # The server notices a client that went away when it sends the next time.
    def gone():
        page.publish(STATUS, b"\xff\xd8" + bytes(100_000))
        return not page.watched

    _until(gone)


def test_a_client_that_does_not_read_holds_up_nobody(page):
    host, port = "127.0.0.1", page.url.rsplit(":", 1)[1].strip("/")
    with socket.create_connection((host, int(port))) as lazy:
        lazy.sendall(f"GET /picture.mjpeg HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        _until(lambda: page.watched)
        # More than any socket holds: whoever waits for the client to read waits for ever.
        picture = b"\xff\xd8" + bytes(1_000_000)
        published = threading.Event()

        def publish():
            for _ in range(100):
                page.publish(STATUS, picture)
            published.set()

        threading.Thread(target=publish, daemon=True).start()
        assert published.wait(120)
        with urllib.request.urlopen(page.url + "picture.mjpeg", timeout=60) as response:
            parts = _Parts(response)
            for number in range(5):
                newest = b"\xff\xd8" + bytes([number])
                page.publish(STATUS, newest)
                while parts.read(1) != [newest]:
                    pass


def _events(response, count):
    found = []
    while len(found) < count:
        line = response.readline()
        if not line:
            break
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
    return found


def test_figures_come_as_events_and_not_too_many(page):
    page.publish({"frame": 0})
    with urllib.request.urlopen(page.url + "figures", timeout=60) as response:
        assert response.headers.get_content_type() == "text/event-stream"
        assert _events(response, 1) == [{"frame": 0}]
        started = time.monotonic()
        seen = [0]
        for turn in range(6):
            for number in range(20):
                page.publish({"frame": 20 * turn + number + 1})
            # The newest comes, and not each in a queue.
            while seen[-1] < 20 * turn + 20:
                seen += [event["frame"] for event in _events(response, 1)]
        took = time.monotonic() - started
    assert seen == sorted(set(seen))
    # One of the first two may have waited while the test began.
    assert len(seen) - 3 <= took / _FIGURES_S


def test_the_last_figures_reach_everyone_before_the_server_ends():
    page = LivePage(Address("127.0.0.1", 0), {})
    page.start()
    page.publish({"frame": 1}, b"\xff\xd8a")
    with (
        urllib.request.urlopen(page.url + "figures", timeout=60) as figures,
        urllib.request.urlopen(page.url + "picture.mjpeg", timeout=60) as pictures,
    ):
        assert _events(figures, 1)
        parts = _Parts(pictures)
        assert parts.read(1)
        page.end({"summary": {"captured": 2}}, b"\xff\xd8b")
        assert _events(figures, 9) == [{"summary": {"captured": 2}}]
        assert set(parts.read(9)) == {b"\xff\xd8b"}
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.url, timeout=2)


def test_a_client_that_does_not_read_is_cut_off_at_the_end_without_a_word(capfd):
    page = LivePage(Address("127.0.0.1", 0), {})
    page.start()
    host, port = page.url[7:].strip("/").split(":")
    with socket.create_connection((host, int(port))) as lazy:
        lazy.sendall(f"GET /picture.mjpeg HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        _until(lambda: page.watched)
        for _ in range(20):
            page.publish(STATUS, b"\xff\xd8" + bytes(4_000_000))
            time.sleep(0.01)
        ended = threading.Thread(target=page.end, args=[{}], daemon=True)
        ended.start()
        ended.join(60)
        assert not ended.is_alive()
    assert capfd.readouterr() == ("", "")
