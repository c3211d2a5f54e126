"""What the frames of several sources are called by."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["distinct_names"]


def distinct_names(descriptions: Iterable[str]) -> tuple[str, ...]:
    """Return a short name for each source, no two the same.

    Examples
    --------
    >>> distinct_names(["test:digits (640x480, 30 fps)", "camera 0", "test:digits (64x48)"])
    ('test:digits', 'camera 0', 'test:digits #2')
    """
    names: list[str] = []
    for description in descriptions:
        name = description.partition(" (")[0]
        same = sum(each.partition(" #")[0] == name for each in names)
        names.append(f"{name} #{same + 1}" if same else name)
    return tuple(names)
