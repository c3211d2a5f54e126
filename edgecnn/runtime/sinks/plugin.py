"""Sinks of the user's own: ``module:factory?option=value``."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.user_code import first_line, import_factory

__all__ = ["Plugin", "open_plugin"]


class Plugin(Sink):
    """Hands everything to an object of the user's; what it raises becomes one line.

    Parameters
    ----------
    sink : Sink
        Or anything with a method ``write``; ``open`` and ``close`` are called where there are any.
    name : str
        What errors call it.
    """

    def __init__(self, sink: Any, name: str) -> None:
        self._sink = sink
        self.name = name

    def open(self, stream: StreamInfo) -> None:
        """Let it get ready."""
        self._call("open", stream)

    def write(self, answer: Answer) -> None:
        """Give it one answer."""
        self._call("write", answer)

    def close(self, summary: Summary | None) -> None:
        """Let it finish."""
        self._call("close", summary)

    def _call(self, method: str, argument: object) -> None:
        function = getattr(self._sink, method, None)
        if function is None:
            return
        try:
            function(argument)
        except EdgeCNNError:
            raise
        # The code is the user's: it can raise anything.
        except Exception as error:
            raise EdgeCNNError(
                f"sink {self.name}: {method} failed: {first_line(error)}{_where(error)}"
            ) from error


def open_plugin(text: str) -> Plugin:
    """Import a factory and call it with the options.

    Parameters
    ----------
    text : str
        ``"mysinks:Mqtt?host=10.0.0.7&topic=door"``. The module is looked for in the current folder
        first; the options are given as keyword arguments, as text.

    Raises
    ------
    UsageError
        Not of that form, or an option that the factory does not take.
    EdgeCNNError
        No such module or factory, or it fails or returns something without ``write``.
    """
    name, _, query = text.partition("?")
    factory = import_factory(
        name, what="a sink", hint="give module:factory, for example mysinks:Mqtt?host=10.0.0.7"
    )
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        raise UsageError(f"sink {name}: an option is given more than once")
    _check_options(factory, name, options)
    try:
        sink = factory(**options)
    except EdgeCNNError:
        raise
    except Exception as error:
        raise EdgeCNNError(f"sink {name} fails: {first_line(error)}{_where(error)}") from error
    if not callable(getattr(sink, "write", None)):
        raise EdgeCNNError(
            f"sink {name} returns {type(sink).__name__}, which has no method write",
            hint="it is called with each answer; edgecnn.Sink shows which methods there are",
        )
    return Plugin(sink, name)


def _check_options(factory: Callable[..., Any], name: str, options: dict[str, str]) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # written in C
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        taken = ", ".join(signature.parameters)
        raise UsageError(
            f"sink {name}: {error}", hint=f"it takes: {taken}" if taken else "it takes no options"
        ) from error


def _where(error: BaseException) -> str:
    """Return the innermost line of code, where people look first."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
