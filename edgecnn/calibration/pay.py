"""Whether a quantized file is worth having on the machine that it is made on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.latency import Comparison, compare_latency
from edgecnn.calibration.target import this_machine
from edgecnn.errors import EdgeCNNError

__all__ = ["Verdict", "cure_of", "refuse_slower", "verdict_on", "will_it_pay"]

Verdict = Literal["faster", "slower", "no clear difference", "unmeasured here"]

#: So few microseconds go by on calls alone.
_TINY_MS = 0.1


def will_it_pay(
    first: Callable[[], object], second: Callable[[], object], *, seconds: float
) -> Comparison:
    """Time two files in turns; that the second is slower is said only after a second look.

    Where a first measurement says *clearly slower*, another is made, and the better one counts: a
    neighbour that wakes up for a second must not cost a file.
    """
    timed = compare_latency(first, second, seconds=seconds)
    if not timed.clearly_slower:
        return timed
    again = compare_latency(first, second, seconds=seconds)
    return max(timed, again, key=lambda one: one.speedup)


def verdict_on(timed: Comparison, target: str) -> Verdict:
    """Say whether the quantized file pays, of the machine that it is for."""
    if target != this_machine():
        return "unmeasured here"
    if timed.clearly_slower:
        return "slower"
    return "faster" if timed.interval_95[0] > 1 else "no clear difference"


def refuse_slower(
    timed: Comparison, target: str, fusion: Fusion, *, name: str = "INT8", form: str = "static"
) -> None:
    """Refuse a file that is slower than the one it was made of, on the machine that it is for.

    Parameters
    ----------
    name : str
        What the file is called beside FP32.
    form : str
        See :func:`edgecnn.calibration.kinds.choose_kind`.

    Raises
    ------
    EdgeCNNError
    """
    if verdict_on(timed, target) != "slower":
        return
    low, high = timed.interval_95
    raise EdgeCNNError(
        f"{name} is slower than FP32 on this machine: {timed.speedup:.2f}x its speed "
        f"(95 %: {low:.2f} to {high:.2f}){_unfused(fusion)}",
        hint=f"{cure_of(timed, fusion, form)}; --allow-slower writes the file all the same",
    )


def cure_of(timed: Comparison, fusion: Fusion, form: str = "static") -> str:
    """Return what to do about a quantized file that is slower."""
    if form == "weights":
        return "weights alone make a file smaller, seldom faster: keep the FP32 file"
    if fusion.kept and len(fusion.kept) >= len(fusion.fused):
        return (
            "most of it runs in FP32 all the same, between changes of type: quantize for the "
            "machine that runs it (--target auto --activations auto), or keep the FP32 file"
        )
    if timed.first_ms[0] < _TINY_MS:
        return "the network is too small for 8 bits to pay: keep the FP32 file"
    return "8 bits do not pay for this network here: keep the FP32 file"


def _unfused(fusion: Fusion) -> str:
    if not fusion.kept:
        return ""
    named = ", ".join(fusion.kept[:4]) + (", ..." if len(fusion.kept) > 4 else "")
    total = len(fusion.kept) + len(fusion.fused)
    return f"; {len(fusion.kept)} of {total} convolutions and products run in FP32: {named}"
