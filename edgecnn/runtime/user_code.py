"""Code of the user's own, named on the command line: ``module:factory``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgeCNNError, UsageError

__all__ = ["first_line", "import_factory"]


def import_factory(
    source: str,
    *,
    what: str,
    hint: str,
    folder: Path | None = None,
    error_type: type[EdgeCNNError] = EdgeCNNError,
) -> Callable[..., Any]:
    """Import ``module:factory``.

    Parameters
    ----------
    source : str
        For example ``"mynet:build"`` or ``"package.sinks:Mqtt"``.
    what, hint : str
        What it should have been, and an example, for who wrote something else.
    folder : Path, optional
        Looked into first for the module; the default is the current folder.
    error_type : type of EdgeCNNError
        Raised where the module is at fault.

    Raises
    ------
    UsageError
        Not of the form ``module:factory``.
    EdgeCNNError
        No such module or factory; of ``error_type``.
    """
    module_name, colon, factory_name = source.partition(":")
    if not colon or not module_name or not factory_name:
        raise UsageError(f"not {what}: {source!r}", hint=hint)
    place = str(folder or Path.cwd())
    if folder is not None:
        _forget_unless_from(module_name, folder)
    sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    # The module is the user's: importing it can raise anything.
    except Exception as error:
        raise error_type(
            f"cannot import {module_name}: {first_line(error)}",
            hint="it is looked for in the current folder and among the installed packages",
        ) from error
    finally:
        sys.path.remove(place)
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        known = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
        raise error_type(
            f"{module_name} has no factory {factory_name}",
            hint=f"it has: {', '.join(known) or 'nothing that can be called'}",
        )
    called: Callable[..., Any] = factory
    return called


def first_line(error: BaseException) -> str:
    """Return an error's type and the first line of its text."""
    text = str(error).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _forget_unless_from(module_name: str, folder: Path) -> None:
    """Let a module of this name be imported anew, where the one that is known lies elsewhere."""
    known = getattr(sys.modules.get(module_name), "__file__", None)
    if known is not None and not Path(known).resolve().is_relative_to(folder.resolve()):
        del sys.modules[module_name]
