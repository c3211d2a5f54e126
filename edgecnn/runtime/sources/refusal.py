"""Why an address gave no video: FFmpeg knows, and OpenCV does not pass it on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

__all__ = ["PORTS", "Refusal", "why_refused"]

#: Of the schemes that connect; what comes by UDP gives no sign.
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}
_ENCRYPTED = {"https": "http", "rtsps": "rtsp"}
_SHOWN = 60
_ADDRESS = "check the address: a camera's manual tells that of its stream"


class Refusal(NamedTuple):
    """What happened, and what to do about it."""

    reason: str
    hint: str


class _Answer(NamedTuple):
    status: int
    kind: str
    is_empty: bool


def why_refused(url: str, *, within_s: float) -> Refusal | None:
    """Ask an address once more, without its user name and password, and say what it answers.

    Parameters
    ----------
    url : str
        ``http``, ``https``, ``rtsp`` or ``rtsps``.
    within_s : float
        Seconds to wait for each step of it.

    Returns
    -------
    Refusal or None
        None where the answer is no reason: a video, or something that only FFmpeg can judge.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return Refusal("it is no address", "rtsp://HOST/PATH and http://HOST:PORT/PATH are")
    ask = _ASK.get(parts.scheme)
    if host is None or port is None or ask is None:
        return None
    try:
        answer = ask(parts, host, port, within_s)
    except socket.gaierror:
        return Refusal(f"no host is known as {host}", "check the name, and the network")
    except ConnectionRefusedError:
        return Refusal(f"nothing listens at port {port} of {host}", "check the port; is it on?")
    except TimeoutError:
        return Refusal(f"{host} does not answer", "is it on, and in this network?")
    except ssl.SSLError:
        plain = _ENCRYPTED.get(parts.scheme, "")
        return Refusal("its port speaks no TLS", f"{plain}:// is for what is not encrypted")
    except (HTTPException, OSError):
        return Refusal("it hung up without an answer", "check scheme and port of the address")
    return _judged(answer, has_user=parts.username is not None, scheme=parts.scheme)


def _judged(answer: _Answer, *, has_user: bool, scheme: str) -> Refusal | None:
    status, kind = answer.status, answer.kind
    if status == HTTPStatus.UNAUTHORIZED:
        if has_user:
            return Refusal("it answers 401 Unauthorized", "are user name and password right?")
        return Refusal(
            "it wants a user name and a password (401 Unauthorized)",
            f"{scheme}://USER:PASSWORD@...",
        )
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return Refusal(f"it answers {_named(status)}", _ADDRESS)
    if kind in ("text/html", "application/xhtml+xml"):
        return Refusal("it is a web page, no video", _ADDRESS)
    if kind.startswith("text/") or kind in ("application/json", "application/xml"):
        return Refusal(f"it gives {kind[:_SHOWN]}, no video", _ADDRESS)
    return Refusal("its answer is empty", _ADDRESS) if answer.is_empty else None


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _over_http(parts: SplitResult, host: str, port: int, within_s: float) -> _Answer:
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPSHandler, Request, build_opener

    bare = f"[{host}]" if ":" in host else host
    url = urlunsplit(parts._replace(netloc=f"{bare}:{port}", fragment=""))
    opener = build_opener(HTTPSHandler(context=_unverified()))
    try:
        with opener.open(Request(url), timeout=within_s) as reply:
            # Of an endless stream it is known by the header that it is not empty.
            is_empty = reply.headers.get("Content-Length") == "0"
            # `email` takes what has no type for plain text.
            kind = reply.headers.get_content_type() if "Content-Type" in reply.headers else ""
            return _Answer(reply.status, kind, is_empty)
    except HTTPError as error:
        error.close()
        return _Answer(error.code, "", is_empty=False)
    except URLError as error:
        # What went wrong while it connected.
        if isinstance(error.reason, OSError):
            raise error.reason from None
        raise


def _over_rtsp(parts: SplitResult, host: str, port: int, within_s: float) -> _Answer:
    target = urlunsplit(parts._replace(netloc=f"{host}:{port}", fragment=""))
    request = f"DESCRIBE {target} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    with socket.create_connection((host, port), timeout=within_s) as connection:
        secure = parts.scheme == "rtsps"
        talk = _unverified().wrap_socket(connection) if secure else connection
        talk.sendall(request.encode("ascii", "replace"))
        with talk.makefile("rb") as reply:
            line = reply.readline(200).decode("ascii", "replace").split()
    if len(line) < 2 or not line[0].startswith("RTSP/") or not line[1].isdigit():
        raise ConnectionResetError("no RTSP")
    return _Answer(int(line[1]), "", is_empty=False)


def _unverified() -> ssl.SSLContext:
    """Return what FFmpeg does, too: cameras have certificates that nobody vouches for."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_ASK: dict[str, Callable[[SplitResult, str, int, float], _Answer]] = {
    "http": _over_http,
    "https": _over_http,
    "rtsp": _over_rtsp,
    "rtsps": _over_rtsp,
}
