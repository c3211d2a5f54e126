"""Something about calibration data that a person should look at."""

from __future__ import annotations

from pathlib import PurePath

from msgspec import Struct

__all__ = ["Finding", "first_names"]

#: Names that a finding lists.
_LISTED = 3


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that looks wrong with a calibration set.

    Attributes
    ----------
    kind : str
        ``"unreadable"``, ``"duplicates"``, ``"constant"``, ``"grey"``, ``"upscaled"``,
        ``"imbalance"``, ``"overlap"``, ``"flat"``, ``"saturated"`` or ``"too-few"``.
    text : str
        One line, with counts and the first names.
    count, of : int
        How many of how many examples (of ``"imbalance"`` classes, of ``"too-few"`` tensors).
    first : tuple of str
        The first ones by name.
    """

    kind: str
    text: str
    count: int
    of: int
    first: tuple[str, ...] = ()


def first_names(names: list[str]) -> tuple[tuple[str, ...], str]:
    """Return the first names, and how a line lists them.

    Examples
    --------
    >>> first_names(["/data/photos/a.png", "b", "c", "d"])
    (('/data/photos/a.png', 'b', 'c'), 'photos/a.png, b, c, ...')
    """
    shown = tuple(names[:_LISTED])
    # A path's end tells it apart in its folder, and fits a line.
    listed = ["/".join(PurePath(name).parts[-2:]) for name in shown]
    return shown, ", ".join(listed) + (", ..." if len(names) > _LISTED else "")
