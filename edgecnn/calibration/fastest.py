"""Which parts of a network to leave in FP32 so that the rest pays in 8 bits: found by timing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgecnn.calibration.latency import Comparison

__all__ = ["Leaner", "fastest_form"]

#: How much faster a form must be than the one before to be worth the layers that it gives up.
_WORTH = 1.03

#: Times the present form against the one that also leaves these blocks out: above 1 the latter is
#: the faster one. None where it cannot be made.
Race = Callable[[tuple[str, ...], tuple[str, ...]], Comparison | None]


@dataclass(frozen=True)
class Leaner:
    """What came of it.

    Attributes
    ----------
    left : tuple of str
        Blocks that are better left in FP32.
    tried : int
        Forms that were timed.
    """

    left: tuple[str, ...]
    tried: int


def fastest_form(
    blocks: Mapping[str, tuple[str, ...]],
    race: Race,
    *,
    progress: Callable[[int], None] | None = None,
) -> Leaner:
    """Leave blocks out, one after the other or all at once, for as long as that is faster.

    Each form is timed in turns with the best one so far, and replaces it only if the whole interval
    of the median ratio says so: noise of the machine must not decide.

    Parameters
    ----------
    blocks : mapping of str to tuple of str
        From :func:`edgecnn.calibration.blocks.slow_blocks`.
    race : callable
    progress : callable, optional
        Called with the number of forms timed so far.
    """
    left: tuple[str, ...] = ()
    tried = 0
    while True:
        rest = [name for name in blocks if name not in left]
        steps = [(name,) for name in rest] + ([tuple(rest)] if len(rest) > 1 else [])
        best: tuple[float, tuple[str, ...]] | None = None
        for step in steps:
            timed = race(left, (*left, *step))
            tried += 1
            if progress is not None:
                progress(tried)
            if timed is None or timed.interval_95[0] < _WORTH:
                continue
            if best is None or timed.speedup > best[0]:
                best = (timed.speedup, (*left, *step))
        if best is None:
            return Leaner(left, tried)
        left = best[1]
