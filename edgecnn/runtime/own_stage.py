"""What the pipeline's own thread is doing: the model's call, a sink's, or nothing that may hang."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from edgecnn.errors import EdgeCNNError

__all__ = ["OwnStage"]


class OwnStage:
    """The pipeline's thread as a stage; it cannot be replaced.

    Parameters
    ----------
    limit_s : float
        How long one call may take.
    cancel : callable, optional
        Makes a call of the model that hangs end with an error, if it can; called from another
        thread.
    give_up : callable
        Ends the process as cleanly as it still can; called from another thread.

    Attributes
    ----------
    title, key : str
        Of the call.
    limit_s : float
    """

    def __init__(
        self,
        limit_s: float,
        *,
        cancel: Callable[[], None] | None,
        give_up: Callable[[EdgeCNNError], None],
    ) -> None:
        self._usual_s = self.limit_s = limit_s
        self._cancel = cancel
        self._give_up = give_up
        self._since: float | None = None
        self._not_before = 0.0
        self._cancelled: float | None = None
        self.title = self.key = ""

    @property
    def busy_since(self) -> float | None:
        """Say since when it has been in a call."""
        since = self._since
        return None if since is None else max(since, self._not_before, self._cancelled or 0.0)

    def begin(self, title: str, key: str, limit_s: float | None = None) -> None:
        """Begin a call that may hang."""
        self.title, self.key = title, key
        self.limit_s = self._usual_s if limit_s is None else limit_s
        self._cancelled = None
        self._since = time.monotonic()

    def end(self) -> None:
        """Have come back from it."""
        self._since = None

    @contextlib.contextmanager
    def doing(self, title: str, key: str, limit_s: float | None = None) -> Iterator[None]:
        """Do something that may hang."""
        self.begin(title, key, limit_s)
        try:
            yield
        finally:
            self.end()

    def hurry(self) -> None:
        """Let the time of the present call count from now: the stream is to end."""
        self._not_before = time.monotonic()

    def revive(self) -> bool:
        """Cancel the model's call, once."""
        if self.key != "process" or self._cancel is None or self._cancelled is not None:
            return False
        self._cancelled = time.monotonic()
        self._cancel()
        return True

    def abandon(self, error: EdgeCNNError) -> None:
        """Give up the process."""
        self._give_up(error)
