"""One web socket; at the server's end it is closed in whatever state it is."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

__all__ = ["Socket"]


class Socket(WebSocketsSansIOProtocol):
    """A web socket of uvicorn's.

    uvicorn itself says goodbye to those, too, that are being closed already, which is an error and
    would keep it from closing the others.
    """

    def shutdown(self) -> None:
        """Say goodbye, or cut off who was told before and has not answered."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.abort()
