import http.client
import socket
import sys

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edgecnn.errors import EdgeCNNError, MissingPackageError
from edgecnn.web.address import Address
from edgecnn.web.server import WebServer


async def _hello(request):
    # What reads the address that the client used must not stumble over it.
    assert request.url.path
    return PlainTextResponse("hello")


@pytest.fixture
def serve():
    servers = []

    def make(address=None, token=None, **options):
        server = WebServer(
            [Route("/", _hello), Route("/data", _hello)],
            address or Address("127.0.0.1", 0),
            token=token,
            **options,
        )
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


def _ask(server, path="/", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_this_machine_needs_no_token(serve):
    server = serve()
    response, body = _ask(server)
    assert (response.status, body) == (200, "hello")
    assert server.url == f"http://127.0.0.1:{server.address.port}/"


def test_every_answer_keeps_the_page_to_itself(serve):
    server = serve()
    for path in ("/", "/nothing-here"):
        response, _ = _ask(server, path)
        policy = response.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert response.getheader("Referrer-Policy") == "no-referrer"
        assert response.getheader("Cache-Control") == "no-store"
        assert response.getheader("Server") is None


def test_another_name_is_refused(serve):
    server = serve()
    response, body = _ask(server, Host=f"evil.example:{server.address.port}")
    assert response.status == 421
    assert body != "hello"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_is_refused(serve, origin):
    response, body = _ask(serve(), Origin=origin)
    assert response.status == 403
    assert body != "hello"


def test_its_own_origin_is_fine(serve):
    server = serve()
    response, _ = _ask(server, Origin=f"http://127.0.0.1:{server.address.port}")
    assert response.status == 200


def test_another_site_may_link_to_the_page_but_not_load_its_data(serve):
    server = serve()
    assert _ask(server, "/", Sec_Fetch_Site="cross-site")[0].status == 200
    assert _ask(server, "/data", Sec_Fetch_Site="cross-site")[0].status == 403
    assert _ask(server, "/data", Sec_Fetch_Site="same-origin")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(serve, method):
    assert _ask(serve(), method=method)[0].status == 405


def test_other_addresses_need_the_token(serve):
    server = serve(Address("0.0.0.0", 0))
    token = server.url.partition("?token=")[2]
    assert len(token) >= 32
    assert _ask(server)[0].status == 401
    assert _ask(server, "/?token=wrong")[0].status == 401
    assert _ask(server, Authorization="Bearer wrong")[0].status == 401
    assert _ask(server, Cookie=f"edgecnn-{server.address.port}=wrong")[0].status == 401
    assert _ask(server, Authorization=f"Bearer {token}")[0].status == 200


def test_public_paths_need_no_token_but_the_right_host(serve):
    server = serve(token="geheim", public=("/data",))
    assert _ask(server, "/data")[0].status == 200
    assert _ask(server, "/")[0].status == 401
    assert _ask(server, "/data", Host="evil.example")[0].status == 421


def test_the_token_moves_from_the_address_to_a_cookie(serve):
    server = serve(token="geheim")
    response, body = _ask(server, "/data?token=geheim&a=1")
    assert response.status == 303
    assert response.getheader("Location") == "/data?a=1"
    cookie = response.getheader("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "hello" not in body
    name_value = cookie.partition(";")[0]
    assert _ask(server, "/data", Cookie=name_value)[0].status == 200


def test_two_servers_on_one_host_keep_their_cookies_apart(serve):
    """Cookies know no ports: a browser sends each server's cookie to the other as well."""
    names = []
    for server in (serve(token="one"), serve(token="two")):
        cookie = _ask(server, f"/?token={server.url.partition('token=')[2]}")[0].getheader(
            "Set-Cookie"
        )
        names.append(cookie.partition("=")[0])
        assert names[-1].endswith(str(server.address.port))
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "host",
    [
        "[localhost]",
        "[127.0.0.1]",
        "[]",
        "[::1",
        "[v1.a]",
        "127.0.0.1:1",
        "\xff",
        "a@127.0.0.1",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/data", "/nothing/"])
def test_an_odd_host_is_refused_not_crashed_on(serve, host, path):
    server = serve()
    response, body = _ask(server, path, Host=f"{host}:{server.address.port}")
    assert 400 <= response.status < 500
    assert body != "hello"


@pytest.mark.parametrize("origin", ["http://[", "://", "[::", "\xff", "", "http://" + "a" * 9000])
def test_an_odd_origin_is_refused_not_crashed_on(serve, origin):
    assert _ask(serve(), Origin=origin)[0].status == 403


def test_a_port_of_thousands_of_digits_is_refused_not_crashed_on(serve):
    assert _ask(serve(), Host=f"127.0.0.1:{'1' * 5000}")[0].status == 421


def test_another_servers_cookie_does_not_hide_ours(serve):
    server = serve(token="geheim")
    ours = f"edgecnn-{server.address.port}=geheim"
    for strange in ("a b=1", '{"k": 1}', "x=é"):
        cookie = f"{strange}; {ours}".encode().decode("latin-1")
        assert _ask(server, Cookie=cookie)[0].status == 200


def test_a_token_of_strange_letters_is_refused_not_crashed_on(serve):
    server = serve(token="geheim")
    assert _ask(server, "/?token=%ff%00%e2%82%ac")[0].status == 401
    assert _ask(server, Cookie="=;;;=%ff")[0].status == 401
    assert _ask(server, Authorization="Bearer \xe4\xff")[0].status == 401


def test_two_servers_get_two_tokens(serve):
    first, second = serve(Address("0.0.0.0", 0)), serve(Address("0.0.0.0", 0))
    assert first.url.partition("token=")[2] != second.url.partition("token=")[2]


def test_a_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EdgeCNNError) as caught:
            WebServer([], Address("127.0.0.1", port))
    assert caught.value.message == f"127.0.0.1:{port} is in use by another program"


def test_an_address_of_another_machine_is_one_line():
    with pytest.raises(EdgeCNNError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        WebServer([], Address("192.0.2.1", 8080))
    with pytest.raises(EdgeCNNError, match=r"cannot listen on nobody\.invalid:8080"):
        WebServer([], Address("nobody.invalid", 8080))


def test_a_stopped_server_frees_its_port(serve):
    server = serve()
    server.stop()
    with socket.create_server(("127.0.0.1", server.address.port)):
        pass


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingPackageError) as caught:
        WebServer([], Address("127.0.0.1", 0))
    assert "edgecnn[web]" in caught.value.hint
