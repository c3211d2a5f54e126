"""Patterns of file names: ``recordings/**/rec*.hea``, for shells that do not expand them."""

from __future__ import annotations

import glob
from pathlib import Path

__all__ = ["fixed_part", "is_pattern", "matching"]

_WILD = frozenset("*?[")


def is_pattern(path: Path) -> bool:
    """Say whether a path is no file or folder but a pattern of some."""
    return bool(_WILD.intersection(str(path))) and not path.exists()


def matching(pattern: Path) -> list[Path]:
    """Return the files and folders that match, sorted; hidden ones only where it names them.

    ``**`` stands for any folders in between. A name without a suffix matches WFDB records, too:
    ``mitdb/10?``.
    """
    # Path.glob takes no absolute pattern.
    texts = (str(pattern), f"{pattern}.hea")
    found = {name for text in texts for name in glob.glob(text, recursive=True)}  # noqa: PTH207
    return sorted(map(Path, found))


def fixed_part(pattern: Path) -> Path:
    """Return the folder that all matches lie in.

    Examples
    --------
    >>> fixed_part(Path("a/b/**/*.hea")).as_posix(), fixed_part(Path("*.hea")).as_posix()
    ('a/b', '.')
    """
    for place in pattern.parents:
        if not _WILD.intersection(str(place)):
            return place
    return Path()
