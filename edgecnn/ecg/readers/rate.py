"""Which sampling rate counts: the file's or the caller's."""

from __future__ import annotations

import math
from pathlib import Path

from edgecnn.errors import RecordError

__all__ = ["settle_rate"]

#: No ECG is sampled more slowly or faster: such a rate is a slip, or a unit mistaken.
_LOWEST_HZ = 10.0
_HIGHEST_HZ = 100_000.0


def settle_rate(
    path: Path, stated: float | str | None, given: float | None
) -> tuple[float, tuple[str, ...]]:
    """Return the sampling rate in Hz and notes about it.

    Parameters
    ----------
    stated : float, str or None
        What the file says; text is read as a number.
    given : float or None
        What the caller says about files that say nothing.

    Raises
    ------
    RecordError
        Neither states a rate that an ECG can have: 10 Hz to 100 kHz.
    """
    rate = _number(stated)
    if _plausible(rate):
        if given is not None and not math.isclose(given, rate, rel_tol=1e-3):
            return rate, (f"states {rate:g} Hz itself: {given:g} Hz not used",)
        return rate, ()
    if given is not None:
        if not _plausible(given):
            raise RecordError(
                f"{path}: a sampling rate of {given:g} Hz is none",
                hint="give the recording's own: --rate HZ",
            )
        return float(given), ()
    if stated is None:
        raise RecordError(
            f"{path} states no sampling rate", hint="give the recording's own: --rate HZ"
        )
    if math.isfinite(rate):
        raise RecordError(
            f"{path} states a sampling rate of {rate:g} Hz: no ECG's",
            hint="give the true one: --rate HZ",
        )
    text = " ".join(str(stated).split())
    raise RecordError(
        f"{path} states a sampling rate of {text[:40]!r}: no number",
        hint="give the true one: --rate HZ",
    )


def _number(stated: float | str | None) -> float:
    """Return a number, NaN where there is none."""
    if stated is None:
        return math.nan
    try:
        return float(stated)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _plausible(rate_hz: float) -> bool:
    return _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ
