"""Times of day, with or without a date, as seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["DAY_S", "seconds_of"]

DAY_S = 86_400.0
#: As wfdb's ``rdsamp -PD`` prints it: ``[10:30:00.000 01/05/2024]``, day before month.
_CLOCK_AND_DATE = re.compile(r"([\d:.]+) (\d\d)/(\d\d)/(\d{4})")
_EPOCH = datetime(1970, 1, 1)


def seconds_of(text: str) -> float:
    """Return the seconds of ``h:mm:ss.sss``, or since 1970 of a time with its date.

    Raises
    ------
    ValueError
        No time.

    Examples
    --------
    >>> seconds_of("0:01:00.5"), seconds_of("1970-01-02T00:00:01"), seconds_of("1970-01-01 00:00Z")
    (60.5, 86401.0, 0.0)
    >>> seconds_of("[00:00:02.500 03/01/1970]") - 2 * DAY_S
    2.5
    """
    text = text.strip("[]")
    if match := _CLOCK_AND_DATE.fullmatch(text):
        date = datetime(int(match[4]), int(match[3]), int(match[2]))
        return (date - _EPOCH).days * DAY_S + _clock(match[1])
    if text[4:5] == "-":
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return (moment - _EPOCH).total_seconds()
    return _clock(text.partition(" ")[0])


def _clock(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total
