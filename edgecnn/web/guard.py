"""What every request must pass: the right host, the right origin, the token.

Every answer carries headers that keep the page to itself: nothing is loaded from elsewhere, no
other site may frame or read it.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgecnn.web.address import Address

__all__ = ["Guard"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_SAFE = ("GET", "HEAD")
_JSON = "application/json"


class Guard:
    """An ASGI application that lets only proper requests through to another.

    Parameters
    ----------
    application : ASGI application
    address : Address
        With the port that is really listened on.
    token : str or None
        Asked for in the URL (``?token=``, moved to a cookie at once), in the cookie, or as
        ``Authorization: Bearer``.
    controls : collection of str
        Paths at which a ``POST`` from the page itself changes something. All else only shows.
    public : collection of str
        Paths that are shown without a token.
    sockets : collection of str
        Paths of web sockets that the page itself may open, with the browser's camera for what it
        sends. The default is none.
    scheme : str
        ``http`` or ``https``: what the server speaks.
    """

    def __init__(
        self,
        application: ASGIApp,
        address: Address,
        token: str | None,
        controls: Collection[str] = (),
        public: Collection[str] = (),
        *,
        sockets: Collection[str] = (),
        scheme: str = "http",
    ) -> None:
        self._sockets = frozenset(sockets)
        self._scheme = scheme
        self._default_port = 443 if scheme == "https" else 80
        self._controls = frozenset(controls)
        self._public = frozenset(public)
        self._application = application
        self._address = address
        self._token = token
        # Cookies do not know ports: two servers on one host must not share one.
        self._cookie = f"edgecnn-{address.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if self._sockets:
                    self._allow_camera(headers, Headers(scope=scope).get("host", ""))
            await send(message)

        refusal = self._refusal(scope)
        answer = self._application if refusal is None else refusal
        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to an improper request, None to a proper one."""
        headers = Headers(scope=scope)
        is_socket = scope["type"] == "websocket"
        if is_socket and scope["path"] not in self._sockets:
            return PlainTextResponse("no web socket here", 403)
        if not self._address.allows(headers.get("host", ""), default_port=self._default_port):
            return PlainTextResponse("this server does not go by that name", 421)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            return PlainTextResponse("not from another site", 403)
        if headers.get("sec-fetch-site") == "cross-site" and scope["path"] != "/":
            return PlainTextResponse("not from another site", 403)
        if is_socket:
            # Browsers name the page that opens a socket, and let any page open one to any server.
            if origin is None:
                return PlainTextResponse("a web socket must name its page: send an Origin", 403)
            return self._token_refusal(scope, headers)
        if scope["method"] == "POST" and scope["path"] in self._controls:
            return _change_refusal(headers) or self._token_refusal(scope, headers)
        if scope["method"] not in _SAFE:
            return PlainTextResponse("this server only shows", 405, headers={"Allow": "GET, HEAD"})
        return self._token_refusal(scope, headers)

    def _allow_camera(self, headers: MutableHeaders, host: str) -> None:
        headers["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=()"
        if self._address.allows(host, default_port=self._default_port):
            # Not every browser takes 'self' for web sockets of the same host.
            scheme = "wss" if self._scheme == "https" else "ws"
            policy = _HEADERS["Content-Security-Policy"]
            headers["Content-Security-Policy"] = policy.replace(
                "connect-src 'self'", f"connect-src 'self' {scheme}://{host}"
            )

    def _token_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if self._token is None or scope["path"] in self._public:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        given = dict(query).get("token")
        if given is not None and self._matches(given):
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            # Out of the address line, where it would be shown and kept in the history.
            answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            # Lax, not strict: a strict cookie is withheld when the link is followed from another
            # page, such as a mail. Lax ones do not go with another site's POST, and no GET changes
            # anything.
            answer.set_cookie(
                self._cookie,
                given,
                httponly=True,
                samesite="lax",
                path="/",
                secure=self._scheme == "https",
            )
            return answer
        bearer = headers.get("authorization", "")
        if bearer.lower().startswith("bearer ") and self._matches(bearer[7:].strip()):
            return None
        if self._matches(self._from_cookie(headers.get("cookie", ""))):
            return None
        return PlainTextResponse(
            "This page needs its token: open the address that edgecnn printed.",
            401,
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _from_cookie(self, text: str) -> str:
        # Cookies are shared by all ports of a host: a strange one of another server must not hide
        # ours, which the standard library's parser lets happen.
        value: str = cookie_parser(text).get(self._cookie, "")
        return value

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self._token or "").encode())


def _change_refusal(headers: Headers) -> Response | None:
    """Return the answer to a change that another page may have sent.

    A browser names the page that sends a ``POST``, and that it is this one was seen before: so it
    must be named. JSON cannot be sent by another site's form.
    """
    if headers.get("origin") is None:
        return PlainTextResponse("a change must name its page: send an Origin", 403)
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return PlainTextResponse("not from another site", 403)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        return PlainTextResponse(f"a change is sent as {_JSON}", 415)
    return None
