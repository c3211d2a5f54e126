"""How many pictures the network takes at once, found out on the pictures themselves."""

from __future__ import annotations

__all__ = ["BatchSize"]

_SIZES = (1, 2, 4, 8, 16, 32)
#: Runs of each size: the first one warms up, the better of the others counts.
_RUNS = 3
#: A larger batch holds more memory, and has to be quicker by so much.
_GAIN = 0.05


class BatchSize:
    """Tries sizes on the first batches, small ones first, and settles for the quickest.

    No work is thrown away: what it times are batches that have to be run anyway.

    Parameters
    ----------
    most : int
        No batch is larger.

    Attributes
    ----------
    size : int
        Of the next batch.
    settled : bool
        Whether it has been found out.

    Examples
    --------
    >>> batch = BatchSize(8)
    >>> # a network that takes 4 ms, and 1 ms for each picture
    >>> while not batch.took(batch.size, 0.004 + 0.001 * batch.size):
    ...     pass
    >>> batch.size, batch.told
    (8, 'batches of 8: 1.5 ms a picture, 5 ms one by one')
    """

    def __init__(self, most: int = _SIZES[-1]) -> None:
        self._sizes = [size for size in _SIZES if size <= most]
        self._at = 0
        self._runs: list[float] = []
        self._best: dict[int, float] = {}
        self.size = 1
        self.settled = len(self._sizes) < 2

    def took(self, count: int, seconds: float) -> bool:
        """Take note how long a batch took; True if that settles it."""
        if self.settled or count != self.size:
            return False
        self._runs.append(seconds / count)
        if len(self._runs) < _RUNS:
            return False
        self._best[self.size], self._runs = min(self._runs[1:]), []
        quickest = min(self._best.values())
        self._at += 1
        if self._best[self.size] > quickest * (1 + _GAIN) or self._at == len(self._sizes):
            self.settled = True
            self.size = next(
                size for size, each in self._best.items() if each <= quickest * (1 + _GAIN)
            )
        else:
            self.size = self._sizes[self._at]
        return self.settled

    @property
    def told(self) -> str:
        """What was found out, for people; nothing before."""
        if not self.settled or not self._best:
            return ""
        each, single = (f"{1000 * self._best[size]:.3g}" for size in (self.size, 1))
        if self.size == 1:
            return f"one by one: {each} ms a picture, and no larger batch was quicker"
        return f"batches of {self.size}: {each} ms a picture, {single} ms one by one"
