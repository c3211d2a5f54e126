"""Options after a source's name: ``test:digits?fps=60&seed=1``, ``0?size=1280x720``."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from edgecnn.errors import UsageError

__all__ = ["Options"]

_SIZE = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")
_WHOLE = re.compile(r"[0-9]{1,9}")

#: How much of a wrong value is shown.
_SHOWN = 40


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
        pairs = parse_qsl(query, keep_blank_values=True)
        values = dict(pairs)
        if len(values) < len(pairs):
            raise UsageError(f"source {name}: an option is given more than once")
        return name, cls(name, values)

    def number(self, key: str, default: float, *, least: float = 0.001, most: float = 1e7) -> float:
        """Take a number from ``least`` to ``most``; the default may also be given outright."""
        text = self._take(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            raise self._wrong(key, text, "a number") from None
        # 0 as the default stands for "not limited", and is below what can be asked for.
        if value != default and not least <= value <= most:
            raise self._wrong(key, text, f"a number from {_plain(least)} to {_plain(most)}")
        return value

    def integer(self, key: str, default: int) -> int:
        """Take a whole number, 0 or more."""
        text = self._take(key)
        if text is None:
            return default
        # As text first: Python refuses to read a number of thousands of digits.
        if not _WHOLE.fullmatch(text):
            raise self._wrong(key, text, "a whole number of up to 9 digits")
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
        if len(text) > _SHOWN:
            text = f"{text[:_SHOWN]}..."
        return UsageError(f"source {self._source}: {key}={text} is not {wanted}")


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 1 else f"{value:g}"
