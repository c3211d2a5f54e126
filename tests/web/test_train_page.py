"""The page's server: what it shows, and who may change what."""

import http.client
import json
import socket
import threading
import time
import urllib.request

import pytest

from edgecnn.errors import UsageError
from edgecnn.web.address import Address
from edgecnn.web.train_page import TrainPage


class Wishes(list):
    """Keeps what the page asked for, and refuses some of it."""

    def __call__(self, wish):
        if wish.get("set") == "moon":
            raise UsageError("nobody can change the moon")
        self.append(wish)


@pytest.fixture
def serve():
    pages = []

    def make(token=None):
        wishes = Wishes()
        page = TrainPage(Address("127.0.0.1", 0), wishes, token=token)
        page.wishes = wishes
        page.start()
        pages.append(page)
        return page

    yield make
    for page in pages:
        page.end({})


@pytest.fixture
def page(serve):
    return serve()


def _port(page):
    return int(page.url.partition("?")[0].rsplit(":", 1)[1].strip("/"))


def _get(page, path=""):
    with urllib.request.urlopen(page.url + path, timeout=60) as response:
        return response.headers.get_content_type(), response.read()


def _post(page, body, *, origin="own", kind="application/json", path="/control", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", _port(page), timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if origin == "own":
        origin = f"http://127.0.0.1:{_port(page)}"
    if origin is not None:
        sent["Origin"] = origin
    if kind is not None:
        sent["Content-Type"] = kind
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    connection.request("POST", path, body=body, headers=sent)
    response = connection.getresponse()
    told = response.read().decode()
    connection.close()
    return response.status, told


WISH = {"set": "momentum", "value": 0.5}


def test_the_page_and_its_parts_are_served(page):
    kind, content = _get(page)
    assert kind == "text/html"
    for name, wanted in (
        ("live.css", "text/css"),
        ("train.css", "text/css"),
        ("train.js", "text/javascript"),
        ("chart.js", "text/javascript"),
    ):
        assert name.encode() in content
        assert _get(page, name)[0] == wanted
    page.describe({"title": "digits"})
    assert json.loads(_get(page, "about.json")[1]) == {"title": "digits"}
    page.show({"layers": []})
    assert json.loads(_get(page, "snapshot.json")[1]) == {"layers": []}


def test_the_page_loads_nothing_from_elsewhere(page):
    for path in ("", "train.css", "train.js", "chart.js"):
        content = _get(page, path)[1].decode()
        assert "//" not in content.replace("// ", "").replace("http://www.w3.org", "")


def test_a_change_from_the_page_itself_is_handed_on(page):
    assert _post(page, WISH) == (204, "")
    assert _post(page, WISH, Sec_Fetch_Site="same-origin")[0] == 204
    assert _post(page, {"pause": True}, kind="application/json; charset=utf-8")[0] == 204
    assert page.wishes == [WISH, WISH, {"pause": True}]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"origin": None}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        # Another port of this machine is the same site to a browser, and yet another page.
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        # What a form of another site can send.
        ({"kind": "text/plain"}, 415),
        ({"kind": "application/x-www-form-urlencoded"}, 415),
        ({"kind": "multipart/form-data; boundary=x"}, 415),
        ({"kind": None}, 415),
        ({"Host": "evil.example"}, 421),
        ({"path": "/figures"}, 405),
        ({"path": "/"}, 405),
    ],
)
def test_another_pages_change_is_refused(page, changes, status):
    assert _post(page, WISH, **changes)[0] == status
    assert page.wishes == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_a_post_changes_anything(page, method):
    connection = http.client.HTTPConnection("127.0.0.1", _port(page), timeout=60)
    headers = {"Origin": f"http://127.0.0.1:{_port(page)}", "Content-Type": "application/json"}
    connection.request(method, "/control", body=json.dumps(WISH), headers=headers)
    assert connection.getresponse().status == 405
    connection.close()
    assert page.wishes == []


def test_a_change_needs_the_token(serve):
    page = serve(token="geheim")
    assert _post(page, WISH)[0] == 401
    assert _post(page, WISH, Cookie=f"edgecnn-{_port(page)}=falsch")[0] == 401
    assert _post(page, WISH, path="/control?token=geheim")[0] == 303
    assert page.wishes == []
    assert _post(page, WISH, Cookie=f"edgecnn-{_port(page)}=geheim")[0] == 204
    # The token does not stand in for the origin: a browser adds the cookie by itself.
    cookie = f"edgecnn-{_port(page)}=geheim"
    assert _post(page, WISH, Cookie=cookie, origin="http://evil.example")[0] == 403
    assert page.wishes == [WISH]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b"[1]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 1000, 400),
        (b" " * 1025, 413),
        (b"[" * 100_000, 413),
    ],
)
def test_what_is_no_change_is_refused(page, body, status):
    assert _post(page, body)[0] == status
    assert page.wishes == []


def test_a_refusal_is_told_in_its_own_words(page):
    assert _post(page, {"set": "moon"}) == (400, "nobody can change the moon")


def test_a_change_that_never_comes_is_not_waited_for(page, monkeypatch):
    monkeypatch.setattr("edgecnn.web.control._BODY_S", 0.2)
    host = f"127.0.0.1:{_port(page)}"
    with socket.create_connection(("127.0.0.1", _port(page)), timeout=60) as lazy:
        lazy.sendall(
            f"POST /control HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{".encode()
        )
        answer = b""
        while part := lazy.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 408")


def _events(response):
    while line := response.readline():
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def test_every_client_gets_all_points_and_then_the_new_ones(page):
    page.draw((0.1, 2.0))
    page.draw((0.2, 1.5))
    page.publish({"step": 2})
    with urllib.request.urlopen(page.url + "figures", timeout=60) as first:
        events = _events(first)
        assert next(events) == {"status": {"step": 2}, "from": 0, "rows": [[0.1, 2.0], [0.2, 1.5]]}
        page.draw((0.3, 1.0))
        page.publish({"step": 3})
        assert next(events) == {"status": {"step": 3}, "from": 2, "rows": [[0.3, 1.0]]}
        page.redraw([(0.2, 1.75), (0.3, 1.0)])
        page.publish({"step": 4})
        assert next(events) == {"status": {"step": 4}, "from": 0, "rows": [[0.2, 1.75], [0.3, 1.0]]}
        with urllib.request.urlopen(page.url + "figures", timeout=60) as second:
            assert next(_events(second))["rows"] == [[0.2, 1.75], [0.3, 1.0]]


def test_it_knows_whether_anyone_looks_on(page):
    def until(watched):
        limit = time.monotonic() + 30
        while page.watched != watched:
            page.publish({})
            assert time.monotonic() < limit
            time.sleep(0.01)

    assert not page.watched
    with urllib.request.urlopen(page.url + "figures", timeout=60):
        until(watched=True)
    until(watched=False)


def test_the_end_reaches_those_who_look_on(page):
    page.publish({"phase": "training"})
    with urllib.request.urlopen(page.url + "figures", timeout=60) as response:
        events = _events(response)
        next(events)
        page.end({"phase": "done"})
        assert [event["status"] for event in events] == [{"phase": "done"}]


def test_a_client_that_does_not_read_holds_up_nobody(page):
    with socket.create_connection(("127.0.0.1", _port(page))) as lazy:
        host = f"127.0.0.1:{_port(page)}"
        lazy.sendall(f"GET /figures HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        published = threading.Event()

        def publish() -> None:
            for number in range(200):
                page.redraw([(number, 0.5)] * 5000)
                page.publish({"step": number})
            published.set()

        threading.Thread(target=publish, daemon=True).start()
        assert published.wait(120)
        assert json.loads(_get(page, "about.json")[1]) == {}
