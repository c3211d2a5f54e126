"""News for clients that look on at their own speed: nobody who publishes waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

__all__ = ["HEARTBEAT_S", "Feed"]

#: Tells proxies and clients that the stream lives.
HEARTBEAT_S = 5.0


class Feed:
    """Counts what is published and wakes those who wait for it.

    Parameters
    ----------
    pause_s : float
        Between two messages to a client: figures change faster than anyone reads.

    Attributes
    ----------
    version : int
        How many times something was published; counted by the publisher, from any thread.
    ended : bool
        Whether that was all.
    readers : int
        Clients that listen to :meth:`events`.
    """

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._news = asyncio.Event()
        self.version = 0
        self.ended = False
        self.readers = 0

    def wake(self) -> None:
        """Let everyone look again; called on the server's event loop."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait until someone wakes, so long at most; False when nobody did.

        It may be for news that the waiting one has seen already: they are published, then told.
        """
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def events(self, message: Callable[[], bytes]) -> AsyncIterator[bytes]:
        """Yield server-sent events until the end, the last news among them.

        Parameters
        ----------
        message : callable
            Returns what there is to tell this client now, in one line.
        """
        self.readers += 1
        try:
            # A client that lost the connection asks again after a second.
            yield b"retry: 1000\n\n"
            seen = 0
            while True:
                ended = self.ended
                if self.version != seen:
                    seen = self.version
                    yield b"data: " + message() + b"\n\n"
                    await self._wait_for_end(self._pause_s)
                elif ended:
                    return
                elif not await self.wait(HEARTBEAT_S):
                    yield b": still here\n\n"
        finally:
            self.readers -= 1

    async def _wait_for_end(self, seconds: float) -> None:
        """Wait, but not beyond the end of the stream."""
        until = asyncio.get_running_loop().time() + seconds
        while not self.ended:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return
            await self.wait(left)
