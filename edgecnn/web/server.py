"""The web server: one thread, one event loop, safe by default.

It listens on this machine only unless it is told otherwise, and asks for a token then.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any

from edgecnn.errors import EdgeCNNError, MissingPackageError
from edgecnn.web.address import Address, own_address

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from starlette.routing import BaseRoute

    from edgecnn.web.tls import Tls

__all__ = ["WebServer", "require_web"]

_START_S = 10.0
_STOP_S = 3.0
_HANDSHAKE_S = 10.0


def require_web() -> None:
    """See that the packages of the web pages are there.

    Raises
    ------
    MissingPackageError
        They are not.
    """
    try:
        import prometheus_client
        import starlette
        import uvicorn
    except ImportError as error:
        raise MissingPackageError(
            f"web pages need {error.name}, which is not installed",
            hint="pip install 'edgecnn[web]'",
        ) from error
    del prometheus_client, starlette, uvicorn


class WebServer:
    """Serves routes on a thread of its own.

    Parameters
    ----------
    routes : sequence of starlette routes
    address : Address
        Port 0 takes a free one; see :attr:`url`.
    token : str, optional
        What clients must show. The default is none on this machine's own address, and a random
        one on any other.
    controls : collection of str
        Paths that take a ``POST`` from the page itself; see :class:`~edgecnn.web.guard.Guard`.
    public : collection of str
        Paths that are shown without the token; likewise.
    sockets : collection of str
        Paths of web sockets that the page itself may open; likewise.
    tls : Tls, optional
        Speak HTTPS, with this certificate.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    EdgeCNNError
        The address is in use, or not this machine's.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        address: Address,
        *,
        token: str | None = None,
        controls: Collection[str] = (),
        public: Collection[str] = (),
        sockets: Collection[str] = (),
        tls: Tls | None = None,
    ) -> None:
        require_web()
        import uvicorn
        from starlette.applications import Starlette

        from edgecnn.web.camera import MOST_BYTES
        from edgecnn.web.connections import Busy, Connection
        from edgecnn.web.guard import Guard
        from edgecnn.web.sockets import Socket

        if token is None and not address.loopback:
            token = secrets.token_urlsafe(24)
        self._token = token
        self._scheme = "http" if tls is None else "https"
        self._socket = _listen(address)
        self.address = Address(address.host, self._socket.getsockname()[1])
        config = uvicorn.Config(
            Guard(
                Busy(Starlette(routes=list(routes))),
                self.address,
                token,
                controls,
                public,
                sockets=sockets,
                scheme=self._scheme,
            ),
            lifespan="off",
            ws=Socket if sockets else "none",
            ws_max_size=MOST_BYTES,
            # What is sent are JPEGs, which grow no smaller.
            ws_per_message_deflate=False,
            http=Connection,
            # Cutting off a client at the end is no error, and would be logged with a traceback.
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        if tls is not None:
            # uvicorn itself reads files alone, or asks on the terminal for the password of a key.
            config.load()
            config.ssl = tls.context
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web server", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """The address to open, with the token if there is one."""
        return self.url_of("")

    def url_of(self, path: str) -> str:
        """Return the address of one of its routes, with the token if there is one."""
        host = self.address.host
        if self.address.everywhere:
            host = own_address(self._socket.family)
        shown = Address(host, self.address.port)
        return f"{self._scheme}://{shown}/{path}" + (f"?token={self._token}" if self._token else "")

    def start(self) -> None:
        """Start to serve; returns when requests are answered."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_START_S / 0.01)):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._server.started:
            raise EdgeCNNError(f"the web server on {self.address} did not start")

    def call(self, function: Callable[[], Any]) -> None:
        """Run a function on the server's event loop, soon; nothing happens once it has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """End the server; connections that do not end by themselves are cut after a second."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._socket.close()

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._socket])
            # What a client that stopped reading has not taken yet, it never will.
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)

        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(serve())


class _Loop(asyncio.SelectorEventLoop):
    """Gives up clients that connect and never finish their greeting."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        """Listen; uvicorn leaves the limit at a minute."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = _HANDSHAKE_S
        server: asyncio.Server = await super().create_server(*arguments, **options)
        return server


def _listen(address: Address) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(64)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        hint = "name another port, or 0 for any free one"
        if error.errno == errno.EADDRINUSE:
            raise EdgeCNNError(f"{address} is in use by another program", hint=hint) from error
        if error.errno == errno.EACCES:
            raise EdgeCNNError(f"not allowed to listen on {address}", hint=hint) from error
        raise EdgeCNNError(
            f"cannot listen on {address}: {error.strerror or error}",
            hint="127.0.0.1 is this machine only, 0.0.0.0 all its addresses",
        ) from error
    return listener
