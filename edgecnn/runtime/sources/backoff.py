"""How long to wait before the next attempt: twice as long each time, with jitter."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Waits that grow, and begin anew once what failed has held for as long as the last wait.

    Parameters
    ----------
    first_s, longest_s : float
        The first wait and the longest one; each is shortened by up to half at random, so that many
        devices that lost one server do not come back at the same moment.

    Examples
    --------
    >>> backoff = Backoff(first_s=1.0, longest_s=4.0)
    >>> [0.5 * most <= backoff.next_s() <= most for most in (1, 2, 4, 4)]
    [True, True, True, True]
    >>> backoff.held(seconds=10); backoff.next_s() <= 1
    True
    """

    def __init__(self, *, first_s: float = 0.2, longest_s: float = 30.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s
        self._last_s = 0.0

    def next_s(self) -> float:
        """Return how long to wait now."""
        # Whoever wants no repeatable numbers wants the system's: two devices must differ.
        self._last_s = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(self._longest_s, 2 * self._next_s)
        return self._last_s

    def held(self, *, seconds: float) -> None:
        """Tell how long it went well; if that was longer than the last wait, begin anew."""
        if seconds > self._last_s:
            self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._next_s, self._last_s = self._first_s, 0.0
