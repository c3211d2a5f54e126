"""Options after a source's name: ``test:digits?fps=60&seed=1``, ``0?size=1280x720``."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from edgecnn.errors import UsageError

__all__ = ["Options"]

_SIZE = re.compile(r"(\d+)x(\d+)")


class Options:
    """The options of one source, taken out one by one; what is left over is a mistake.

    Examples
    --------
    >>> name, options = Options.split("test:digits?fps=60&size=320x240")
    >>> options.number("fps", 30.0), options.size("size", (640, 480)), options.integer("seed", 0)
    (60.0, (320, 240), 0)
    >>> options.finish()
    """

    def __init__(self, source: str, values: dict[str, str]) -> None:
        self._source = source
        self._values = values
        self._known: list[str] = []

    @classmethod
    def split(cls, text: str) -> tuple[str, Options]:
        """Return the text before the question mark, and the options after it."""
        name, _, query = text.partition("?")
        return name, cls(name, dict(parse_qsl(query, keep_blank_values=True)))

    def number(self, key: str, default: float, *, least: float = 0.0) -> float:
        """Take a number greater than ``least``."""
        text = self._take(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            raise self._wrong(key, text, "a number") from None
        if not least < value < 1e9:
            raise self._wrong(key, text, f"a number greater than {least:g}")
        return value

    def integer(self, key: str, default: int) -> int:
        """Take a whole number, 0 or more."""
        text = self._take(key)
        if text is None:
            return default
        if not text.isdecimal():
            raise self._wrong(key, text, "a whole number")
        return int(text)

    def text(self, key: str, default: str) -> str:
        """Take a word or more."""
        return self._take(key) or default

    def size(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """Take a width and a height in pixels, as ``640x480``."""
        text = self._take(key)
        if text is None:
            return default
        match = _SIZE.fullmatch(text)
        if match is None or not 16 <= int(match[1]) <= 8192 or not 16 <= int(match[2]) <= 8192:
            raise self._wrong(key, text, "WIDTHxHEIGHT in pixels, 16 to 8192 each")
        return int(match[1]), int(match[2])

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """Take one of several words."""
        text = self._take(key)
        if text is None:
            return default
        if text not in choices:
            raise self._wrong(key, text, f"one of {', '.join(choices)}")
        return text

    def finish(self) -> None:
        """Refuse options that nobody took."""
        if self._values:
            raise UsageError(
                f"source {self._source}: unknown option {', '.join(self._values)}",
                hint=f"it has: {', '.join(self._known)}",
            )

    def _take(self, key: str) -> str | None:
        self._known.append(key)
        return self._values.pop(key, None)

    def _wrong(self, key: str, text: str, wanted: str) -> UsageError:
        return UsageError(f"source {self._source}: {key}={text} is not {wanted}")
