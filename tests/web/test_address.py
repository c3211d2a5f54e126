import socket

import pytest

from edgecnn.errors import UsageError
from edgecnn.web.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8081", Address("127.0.0.1", 8081)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:8080", Address("::1", 8080)),
        ("device.local:8080", Address("device.local", 8080)),
    ],
)
def test_addresses_are_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", ":80", "a:70000", "::1:80", "a b:80", "-1"])
def test_what_is_no_address_is_a_usage_error(text):
    with pytest.raises(UsageError, match="not an address"):
        parse_address(text)


@pytest.mark.parametrize(
    "host", ["a..b", f"{'x' * 64}.example", ".example", "\u00e4" * 64, "\udcff"]
)
def test_what_no_host_can_be_called_is_a_usage_error(host):
    """The resolver raises a ``UnicodeError`` for these."""
    with pytest.raises(UsageError, match="not a host name"):
        parse_address(f"{host}:8080")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.7", False),
        ("::", False),
        ("localhost.evil.example", False),
    ],
)
def test_loopback(host, loopback):
    assert Address(host, 1).loopback is loopback


@pytest.mark.parametrize(
    ("host", "authority", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "LOCALHOST:8080", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1:8081", False),
        ("127.0.0.1", "evil.example:8080", False),
        ("127.0.0.1", "127.0.0.1.evil.example:8080", False),
        ("127.0.0.1", "10.0.0.7:8080", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "a:b:8080", False),
        ("127.0.0.1", "[localhost]:8080", False),
        ("127.0.0.1", "[127.0.0.1]:8080", False),
        ("127.0.0.1", "[]:8080", False),
        ("127.0.0.1", f"127.0.0.1:{'8' * 5000}", False),
        ("::1", "[::1]:8080", True),
        ("0.0.0.0", "[fe80::1]:8080", True),
        ("0.0.0.0", "[fe80::1%25eth0]:8080", False),
        ("0.0.0.0", "[10.0.0.7]:8080", False),
        ("0.0.0.0", "10.0.0.7:8080", True),
        ("0.0.0.0", f"{socket.gethostname()}:8080", True),
        ("0.0.0.0", "evil.example:8080", False),
        ("10.0.0.7", "10.0.0.7:8080", True),
        ("10.0.0.7", "10.0.0.8:8080", False),
        ("device.local", "device.local:8080", True),
    ],
)
def test_the_host_header_must_name_this_server(host, authority, allowed):
    assert Address(host, 8080).allows(authority) is allowed
