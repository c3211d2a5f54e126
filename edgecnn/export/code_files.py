"""The files that a network's code is written in: its module, and what that imports of its own."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

__all__ = ["code_files"]

#: Folders of installed packages: what lies beside a module there is not of the same hand.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def code_files(name: str) -> tuple[Path, ...]:
    """Name the files of an imported module and of the modules of the same package that it imports.

    Of a module that is in no package, those count as its own that lie in its folder, or below it.
    Imports within functions are followed too; files without content are left out.

    Parameters
    ----------
    name : str
        As ``sys.modules`` has it.

    Returns
    -------
    tuple of Path
        The module's own first, then the others in the order of their names.
    """
    first = sys.modules[name]
    if _file(first) is None:
        return ()
    seen: dict[str, Path] = {}
    waiting = [name]
    while waiting:
        known = waiting.pop()
        module = sys.modules.get(known)
        path = None if module is None else _file(module)
        if module is None or path is None or known in seen or not _is_own(first, known, path):
            continue
        seen[known] = path
        waiting += _imported(module, path)
    others = [seen[known] for known in sorted(seen) if known != name]
    return (seen[name], *(path for path in others if path.stat().st_size))


def _imported(module: ModuleType, path: Path) -> Iterator[str]:
    """Yield the names of what a module may import, and of the packages around it."""
    yield from _around(module.__name__)
    package = module.__package__ or ""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # an extension module, or a file that is gone
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                yield from _around(alias.name)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            try:
                base = importlib.util.resolve_name(relative, package)
            except ImportError:
                continue
            yield base
            yield from _around(base)
            # What is imported from a package may be a module of it.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _around(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _is_own(first: ModuleType, name: str, path: Path) -> bool:
    top = first.__name__.partition(".")[0]
    if name.partition(".")[0] == top:
        return True
    own = _file(first)
    if own is None or "." in first.__name__ or own.name == "__init__.py":
        return False
    folder = own.resolve().parent
    beside = path.resolve()
    return beside.is_relative_to(folder) and not _INSTALLED.intersection(beside.parts)


def _file(module: ModuleType) -> Path | None:
    path = getattr(module, "__file__", None)
    return Path(path) if path and Path(path).is_file() else None
