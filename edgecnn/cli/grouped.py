"""Options that belong together, handed to a command as one value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

__all__ = ["grouped"]

Function = Callable[..., Any]


def grouped(
    kind: type[Any], name: str, options: Sequence[Callable[[Function], Function]]
) -> Callable[[Function], Function]:
    """Return a decorator that adds options to a command, which gets them as one parameter.

    Parameters
    ----------
    kind : dataclass
        With a field for each of the options, under the option's name.
    name : str
        Of the command's parameter.
    options : sequence
        Of :func:`click.option`, in the order of ``--help``.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def collected(**given: Any) -> Any:
            own = {field.name: given.pop(field.name) for field in dataclasses.fields(kind)}
            return function(**given, **{name: kind(**own)})

        made: Function = collected
        for option in reversed(options):
            made = option(made)
        return made

    return decorate
