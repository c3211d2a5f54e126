"""Which sampling rate counts: the file's or the caller's."""

from __future__ import annotations

import math
from pathlib import Path

from edgecnn.errors import RecordError

__all__ = ["settle_rate"]


def settle_rate(
    path: Path, stated: float | None, given: float | None
) -> tuple[float, tuple[str, ...]]:
    """Return the sampling rate in Hz and notes about it.

    Parameters
    ----------
    stated : float or None
        What the file says.
    given : float or None
        What the caller says about files that say nothing.

    Raises
    ------
    RecordError
        Neither states a rate above 0.
    """
    if stated is not None and math.isfinite(stated) and stated > 0:
        if given is not None and not math.isclose(given, stated, rel_tol=1e-3):
            return stated, (f"states {stated:g} Hz itself: {given:g} Hz not used",)
        return stated, ()
    if given is not None:
        if not (math.isfinite(given) and given > 0):
            raise RecordError(f"{path}: a sampling rate of {given:g} Hz is none", hint="--rate 360")
        return float(given), ()
    if stated is None:
        raise RecordError(f"{path} states no sampling rate", hint="give it: --rate 360")
    raise RecordError(
        f"{path} states a sampling rate of {stated:g} Hz", hint="give the true one: --rate 360"
    )
