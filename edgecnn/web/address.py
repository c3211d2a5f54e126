"""Where a server listens, and which names it may be called by."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from edgecnn.errors import UsageError

__all__ = ["DEFAULT_ADDRESS", "Address", "own_address", "parse_address"]

#: Where ``--web`` listens when it is not told.
DEFAULT_ADDRESS = "127.0.0.1:8080"

_FORM = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.%]+\]|[^\[\]:\s/@]+):)?(?P<port>\d{1,5})")
#: Of a ``Host`` header: a name or address, and the port if there is one.
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Address:
    """A host and port to listen on.

    Attributes
    ----------
    host : str
        Name or IP address, IPv6 without brackets.
    port : int
        0 stands for any free one.
    """

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def everywhere(self) -> bool:
        """Tell whether it stands for all addresses of this machine."""
        return self.host in ("0.0.0.0", "::")

    def allows(self, authority: str, *, default_port: int = 80) -> bool:
        """Tell whether a ``Host`` header names this server; a browser leaves its own port out.

        A page of a foreign domain whose name was made to resolve to this machine (DNS rebinding)
        sends that domain here. On all addresses any IP address is fine, since no domain can pose
        as one.

        Examples
        --------
        >>> Address("127.0.0.1", 8080).allows("localhost:8080")
        True
        >>> Address("127.0.0.1", 8080).allows("evil.example:8080")
        False
        """
        match = _AUTHORITY.fullmatch(authority)
        if match is None or int(match["port"] or default_port) != self.port:
            return False
        name = match["host"].strip("[]").lower().rstrip(".")
        # Brackets are for IPv6; what reads the header after this check relies on it.
        if match["host"].startswith("[") and not _is_ipv6(name):
            return False
        if name == self.host.lower():
            return True
        if self.loopback:
            return name in ("localhost", "127.0.0.1", "::1")
        if not self.everywhere:
            return False
        own = socket.gethostname().lower()
        if name in ("localhost", own, f"{own}.local", f"{own.partition('.')[0]}.local"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read ``HOST:PORT`` or ``PORT``.

    Raises
    ------
    UsageError
        It is neither, or its host cannot be the name of one.

    Examples
    --------
    >>> parse_address("8081")
    Address(host='127.0.0.1', port=8081)
    """
    match = _FORM.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise UsageError(
            f"not an address to listen on: {text}", hint="HOST:PORT or PORT, such as 127.0.0.1:8080"
        )
    host = (match["host"] or "127.0.0.1").strip("[]")
    try:
        # As the resolver will: an empty or over-long part of a name fails there without a reason.
        host.encode("idna")
    except UnicodeError as error:
        raise UsageError(
            f"not a host name: {host}", hint="a name, an IP address, or nothing for this machine"
        ) from error
    return Address(host, int(match["port"]))


def own_address(family: int) -> str:
    """Return the address by which others most likely reach this machine; sends nothing."""
    outside = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((outside, 9))
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
