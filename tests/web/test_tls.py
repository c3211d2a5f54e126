"""HTTPS with a real handshake: certificates given and self-made, and what is wrong with one."""

import hashlib
import http.client
import os
import re
import socket
import ssl
import stat
import subprocess

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edgecnn.errors import EdgeCNNError, MissingFileError
from edgecnn.web.address import Address
from edgecnn.web.server import WebServer
from edgecnn.web.tls import given_certificate, own_certificate

HERE, ALL = Address("127.0.0.1", 0), Address("0.0.0.0", 0)


async def _hello(request):
    return PlainTextResponse(request.url.scheme)


@pytest.fixture
def serve():
    servers = []

    def make(tls, address=HERE, **options):
        server = WebServer([Route("/", _hello)], address, tls=tls, **options)
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


def _trusting(path):
    """Trust one certificate, and check the name, as a browser does that accepted it."""
    return ssl.create_default_context(cafile=path)


def _ask(server, context, path="/", **headers):
    port = server.address.port
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def _openssl(folder, *options, name="cert.pem"):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-keyout", folder / "key.pem", "-out", folder / name, "-days", "2", "-subj", "/CN=x",
         "-addext", "subjectAltName=IP:127.0.0.1", *options],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / name, folder / "key.pem"


def test_a_self_made_certificate_is_good_for_this_machine_and_kept(serve, tmp_path):
    tls = own_certificate([HERE], tmp_path / "tls")
    server = serve(tls)
    assert server.url == f"https://127.0.0.1:{server.address.port}/"
    context = _trusting(tmp_path / "tls" / "own.pem")
    assert _ask(server, context)[1] == "https"
    # The fingerprint that is printed is the one that a client sees.
    with (
        socket.create_connection(("127.0.0.1", server.address.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        der = secured.getpeercert(binary_form=True)
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
    assert tls.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", tls.fingerprint)
    assert stat.S_IMODE((tmp_path / "tls" / "own.pem").stat().st_mode) == 0o600
    assert own_certificate([HERE], tmp_path / "tls").fingerprint == tls.fingerprint
    assert [path.name for path in (tmp_path / "tls").iterdir()] == ["own.pem"]


def test_another_address_needs_another_certificate_and_serves_the_first_too(tmp_path):
    first = own_certificate([HERE], tmp_path).fingerprint
    everywhere = own_certificate([ALL], tmp_path).fingerprint
    assert everywhere != first
    assert own_certificate([HERE], tmp_path).fingerprint == everywhere


@pytest.mark.parametrize("kept", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_a_damaged_one_is_made_anew(tmp_path, kept):
    (tmp_path / "own.pem").write_bytes(kept)
    own_certificate([HERE], tmp_path)
    assert b"PRIVATE KEY" in (tmp_path / "own.pem").read_bytes()


def test_where_nothing_can_be_kept_it_works_all_the_same(serve, tmp_path):
    (tmp_path / "file").write_text("")
    tls = own_certificate([HERE], tmp_path / "file" / "tls")
    assert "not kept" in tls.about
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert _ask(serve(tls), context)[1] == "https"


def test_a_given_certificate_is_used(serve, tmp_path):
    certificate, key = _openssl(tmp_path, "-nodes")
    tls = given_certificate(certificate, key)
    assert _ask(serve(tls), _trusting(certificate))[1] == "https"
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert given_certificate(both).fingerprint == tls.fingerprint


def test_what_is_wrong_with_one_is_one_line(tmp_path):
    certificate, key = _openssl(tmp_path, "-passout", "pass:geheim")
    with pytest.raises(EdgeCNNError, match="has a password"):
        given_certificate(certificate, key)
    with pytest.raises(MissingFileError, match="no such file"):
        given_certificate(tmp_path / "none.pem")
    with pytest.raises(EdgeCNNError, match="holds no certificate"):
        given_certificate(key)
    with pytest.raises(EdgeCNNError, match=r"cannot be used with the key in .*cert.pem"):
        given_certificate(certificate)
    other, _ = _openssl(tmp_path, "-nodes", name="other.pem")
    with pytest.raises(EdgeCNNError, match="cannot be used with the key"):
        given_certificate(certificate, key)
    assert other.is_file()


def test_the_token_cookie_goes_over_https_alone(serve, tmp_path):
    server = serve(own_certificate([HERE], tmp_path), token="geheim")
    context = _trusting(tmp_path / "own.pem")
    response, _ = _ask(server, context, "/?token=geheim")
    assert response.status == 303
    assert "Secure" in response.getheader("Set-Cookie")
    assert _ask(server, context)[0].status == 401


def test_who_speaks_no_tls_gets_nothing_and_keeps_nobody_out(serve, tmp_path):
    server = serve(own_certificate([HERE], tmp_path))
    with socket.create_connection(("127.0.0.1", server.address.port), timeout=60) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        try:
            got = plain.recv(1000)
        except ConnectionResetError:
            got = b""
        assert b"HTTP/1" not in got
    assert _ask(server, _trusting(tmp_path / "own.pem"))[1] == "https"


def test_a_greeting_that_never_comes_is_given_up(tmp_path, monkeypatch):
    from edgecnn.web import server as server_module

    monkeypatch.setattr(server_module, "_HANDSHAKE_S", 0.3)
    server = WebServer([], HERE, tls=own_certificate([HERE], tmp_path))
    server.start()
    with socket.create_connection(("127.0.0.1", server.address.port), timeout=60) as silent:
        assert silent.recv(10) == b""
    server.stop()


def test_the_key_stays_in_no_file_that_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(3):
        own_certificate([HERE], tmp_path / str(number))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
