"""What a source hands over: one picture, or one chunk of a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, or one chunk of samples, as it left its source.

    Attributes
    ----------
    source : str
        The source's description: for people, without credentials.
    number : int
        Counts from 0 within the source; every frame gets one, also a broken one.
    captured_ns : int
        ``time.monotonic_ns()`` when it was there in full.
    data : ndarray
        A picture: uint8, BGR, shape ``(H, W, 3)``. A chunk of a signal: shape ``(samples,)``, in
        the unit that its processor reads. Never changed after it was handed over.
    name : str
        What it is within its source, for example the path of a picture in a folder.
    truth : str or None
        The right answer, from sources that know it because they drew it.
    fault : str
        Why there is no usable ``data``. A broken frame is counted as failed and reaches no
        processor; its ``data`` is empty.
    turn_ns : int
        ``time.monotonic_ns()`` when its turn came to be answered; 0 before.
    ahead : object
        What its processor made of it before its turn (:mod:`edgecnn.runtime.ahead`), or None.
    """

    source: str
    number: int
    captured_ns: int
    data: NDArray[Any]
    name: str = ""
    truth: str | None = None
    fault: str = ""
    turn_ns: int = 0
    ahead: Any = None
