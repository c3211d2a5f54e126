"""A result as plain data, unrounded, and where two of them differ."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from edgecnn.runtime.processor import Result

__all__ = ["Difference", "Tolerance", "compare_rows", "result_row"]

_Top = dict[str, float]

_NUMBER = re.compile(r"[0-9.]+")


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be apart: ``absolute + relative * |recorded|``.

    Both 0 asks for bits that are equal.
    """

    absolute: float = 0.0
    relative: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether nothing may differ at all."""
        return self.absolute == self.relative == 0.0

    def allows(self, recorded: float, derived: float) -> bool:
        """Tell whether two numbers count as equal."""
        if recorded == derived or (math.isnan(recorded) and math.isnan(derived)):
            return True
        return abs(recorded - derived) <= self.absolute + self.relative * abs(recorded)


@dataclass(frozen=True)
class Difference:
    """One place where two rows differ.

    Attributes
    ----------
    key : str
        Path within the row: ``"score"``, ``"boxes[0][4]"``.
    recorded, derived : object
        Plain data; None for what is not there.
    """

    key: str
    recorded: Any
    derived: Any


def result_row(result: Result) -> dict[str, Any]:
    """Return what a processor said, as plain data; times are left out."""
    row = {
        "state": result.state,
        "reason": result.reason,
        "cause": result.cause,
        "label": result.label,
        "score": float(result.score),
        "top": [[label, float(score)] for label, score in result.top],
        **result.fields,
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return plain


def compare_rows(
    recorded: dict[str, Any], derived: dict[str, Any], tolerance: Tolerance
) -> list[Difference]:
    """Compare two rows.

    Within a tolerance that is not 0, labels whose scores are closer than it may change places, and
    drift is not compared.
    """
    if tolerance.exact:
        return list(_compare("", recorded, derived, tolerance))
    # Values just beside a cut change their bin; and another model has another baseline.
    recorded, derived = (
        {k: v for k, v in row.items() if k != "drift"} for row in (recorded, derived)
    )
    before: _Top = dict(map(tuple, recorded.pop("top", None) or []))
    after: _Top = dict(map(tuple, derived.pop("top", None) or []))
    if _as_good(recorded.get("label"), derived.get("label"), before, after, tolerance):
        derived |= {"label": recorded["label"], "score": after[recorded["label"]]}
    return [
        *_compare("", recorded, derived, tolerance),
        *_compare_top(before, after, tolerance),
    ]


def _as_good(recorded: Any, derived: Any, before: _Top, after: _Top, tolerance: Tolerance) -> bool:
    """Tell whether two best labels differ only because their scores are as good as equal."""
    return (
        recorded != derived
        and {recorded, derived} <= before.keys() & after.keys()
        and tolerance.allows(after[recorded], after[derived])
        and tolerance.allows(before[recorded], before[derived])
    )


def _compare_top(before: _Top, after: _Top, tolerance: Tolerance) -> Iterator[Difference]:
    """Compare by label: what one side does not list scores no more there than its last."""
    for label in dict.fromkeys([*before, *after]):
        then, now = before.get(label), after.get(label)
        if then is None:
            then = min(min(before.values(), default=0.0), now or 0.0)
        if now is None:
            now = min(min(after.values(), default=0.0), then)
        if not tolerance.allows(then, now):
            yield Difference(f"top[{label}]", then, now)


def _compare(key: str, recorded: Any, derived: Any, tolerance: Tolerance) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(derived, dict):
        for name in sorted(recorded.keys() | derived.keys()):
            inner = f"{key}.{name}" if key else name
            yield from _compare(inner, recorded.get(name), derived.get(name), tolerance)
    elif isinstance(recorded, list) and isinstance(derived, list):
        if len(recorded) != len(derived):
            yield Difference(f"{key} (length)", len(recorded), len(derived))
        for i, (one, other) in enumerate(zip(recorded, derived, strict=False)):
            yield from _compare(f"{key}[{i}]", one, other, tolerance)
    elif _is_number(recorded) and _is_number(derived):
        if not tolerance.allows(recorded, derived):
            yield Difference(key, recorded, derived)
    elif recorded != derived and not (
        key == "reason" and _same_words(recorded, derived, tolerance)
    ):
        yield Difference(key, recorded, derived)


def _same_words(recorded: Any, derived: Any, tolerance: Tolerance) -> bool:
    """Tell whether two reasons differ in their numbers alone, where those may differ."""
    return not tolerance.exact and _NUMBER.sub("", str(recorded)) == _NUMBER.sub("", str(derived))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
