"""Addresses as they may be shown: without user names, passwords and tokens."""

from __future__ import annotations

import re

__all__ = ["redact"]

_URL = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<rest>[^\s'\"<>]*)", re.IGNORECASE)
_SECRET = re.compile(
    r"(?P<key>[?&;][^=&;#]*(?:auth|cred|key|pass|pwd|secret|sig|token|user)[^=&;#]*=)[^&;#]*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Take the credentials out of every URL in a text.

    Examples
    --------
    >>> redact("cannot open rtsp://admin:pa@ss@10.0.0.7/live?token=abc&channel=1")
    'cannot open rtsp://***@10.0.0.7/live?token=***&channel=1'
    """

    def cleaned(match: re.Match[str]) -> str:
        authority, slash, path = match["rest"].partition("/")
        user, at, host = authority.rpartition("@")
        # A password with an unescaped slash pushes the real host behind it.
        if not at and "@" in path.partition("?")[0] and ":" in authority:
            user, at, host = "", "@", path.rpartition("@")[2]
            slash = path = ""
        if at and user is not None:
            host = f"***@{host}"
        return match["scheme"] + _SECRET.sub(r"\g<key>***", host + slash + path)

    return _URL.sub(cleaned, text)
