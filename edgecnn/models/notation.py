"""A network written as text: ``(conv 3x3 32 -> relu)*2 -> pool 2 -> fc 128 -> relu -> fc``.

The classic shape ``INPUT -> [(CONV -> RELU)*N -> POOL?]*M -> [FC -> RELU]*K -> FC`` in full::

    network   = [ "input" "->" ] sequence
    sequence  = item { "->" item }
    item      = layer | "(" sequence ")" [ "*" COUNT ]
    layer     = "conv" SIZE WIDTH [ "/" STRIDE ] [ "same" | "valid" | "pad" COUNT ]
              | "pool" [ "max" | "avg" ] SIZE [ "/" STRIDE ]
              | "pool" [ "max" | "avg" ] "global"
              | "fc" [ WIDTH ]
              | "relu" | "norm" | "dropout" SHARE
    SIZE      = COUNT [ "x" COUNT ]

``conv`` is ``valid`` (no padding) unless it says otherwise; ``same`` keeps height and width at
stride 1. ``pool`` takes the maximum and steps by its own size unless told. The last layer is an
``fc`` without a width: its outputs are the classes. Case does not matter, nor do spaces except
between words; ``[...]`` may stand for ``(...)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from edgecnn.errors import UsageError

__all__ = ["Activation", "Conv", "Dense", "Dropout", "Layer", "Norm", "Pool", "parse_layers"]

#: Layers after all repetitions, and the largest width, kernel or stride: far beyond any use, and
#: small enough that a slip of the finger does not fill the memory.
_MOST_LAYERS = 1000
_LARGEST = 65_536

_SHOWN = 24


@dataclass(frozen=True)
class Conv:
    """A convolution; ``column`` is where it stands in the text, from 1."""

    kernel: tuple[int, int]
    width: int
    stride: int
    padding: tuple[int, int]
    column: int


@dataclass(frozen=True)
class Pool:
    """A pooling; without a kernel over the whole picture."""

    kind: Literal["max", "avg"]
    kernel: tuple[int, int] | None
    stride: tuple[int, int]
    column: int


@dataclass(frozen=True)
class Dense:
    """A dense layer; without a width it has the classes' number."""

    width: int | None
    column: int


@dataclass(frozen=True)
class Activation:
    """ReLU."""

    column: int


@dataclass(frozen=True)
class Norm:
    """Batch normalisation."""

    column: int


@dataclass(frozen=True)
class Dropout:
    """A share of the values set to zero in training."""

    share: float
    column: int


Layer = Conv | Pool | Dense | Activation | Norm | Dropout
_T = TypeVar("_T")


def parse_layers(text: str) -> tuple[Layer, ...]:
    """Read a network's layers, repetitions written out.

    Parameters
    ----------
    text : str
        In the notation of this module.

    Returns
    -------
    tuple of Layer

    Raises
    ------
    UsageError
        Not in the notation. The message has the column, from 1, and the text with a ``^`` before
        what is wrong.

    Examples
    --------
    >>> [type(layer).__name__ for layer in parse_layers("(conv 3 8 -> relu)*2 -> fc")]
    ['Conv', 'Activation', 'Conv', 'Activation', 'Dense']
    >>> parse_layers("conv 3x3 8 -> rlu -> fc")
    Traceback (most recent call last):
        ...
    edgecnn.errors.UsageError: layers, column 15: no layer 'rlu': conv 3x3 8 -> ^rlu -> fc
    """
    return _Parser(text).network()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<arrow>->|→)|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<times>[x×](?=\s*\d))|(?P<word>[^\W\d_]+)|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<star>\*)|(?P<slash>/)",
    re.IGNORECASE,
)

_SPOKEN = {
    "arrow": "'->'",
    "number": "a number",
    "times": "'x'",
    "open": "'('",
    "close": "')'",
    "star": "'*'",
    "slash": "'/'",
    "end": "the end",
}


class _Parser:
    """Recursive descent; one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = 0

    def network(self) -> tuple[Layer, ...]:
        if self._word("input"):
            self._expect("arrow")
        layers = self._sequence(0)
        if self._next.kind != "end":
            raise self._error(self._next, f"expected '->', found {_spoken(self._next)}")
        self._check(layers)
        return tuple(layers)

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            match = _PATTERN.match(self._text, at)
            if match is None:
                token = _Token("stray", self._text[at], at + 1)
                raise self._error(token, f"unexpected {self._text[at]!r}")
            if match.lastgroup != "space":
                tokens.append(_Token(match.lastgroup or "", match[0].lower(), at + 1))
            at = match.end()
        return [*tokens, _Token("end", "", len(self._text) + 1)]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> _Token | None:
        token = self._next
        if token.kind != kind:
            return None
        self._at += 1
        return token

    def _expect(self, kind: str, what: str = "") -> _Token:
        token = self._take(kind)
        if token is None:
            raise self._error(
                self._next, f"expected {what or _SPOKEN[kind]}, found {_spoken(self._next)}"
            )
        return token

    def _word(self, *words: str) -> str | None:
        token = self._next
        if token.kind != "word" or token.text not in words:
            return None
        self._at += 1
        return token.text

    def _sequence(self, depth: int) -> list[Layer]:
        layers = self._item(depth)
        while self._take("arrow"):
            layers += self._item(depth)
            self._check_length(layers)
        return layers

    def _item(self, depth: int) -> list[Layer]:
        opening = self._take("open")
        if opening is None:
            return [self._layer()]
        if depth >= 20:
            raise self._error(opening, "more than 20 brackets inside each other")
        layers = self._sequence(depth + 1)
        closing = ")" if opening.text == "(" else "]"
        if self._next.kind != "close" or self._next.text != closing:
            raise self._error(
                self._next,
                f"expected '->' or the {closing!r} of column {opening.column}, "
                f"found {_spoken(self._next)}",
            )
        self._at += 1
        if self._take("star"):
            layers = layers * self._count("how often", most=_MOST_LAYERS)
        self._check_length(layers)
        return layers

    def _layer(self) -> Layer:
        token = self._expect("word", "a layer")
        make = _LAYERS.get(token.text)
        if make is None:
            raise self._error(token, f"no layer {token.text!r}", hint=_KNOWN)
        return make(self, token.column)

    def _check_length(self, layers: list[Layer]) -> None:
        if len(layers) > _MOST_LAYERS:
            raise self._error(self._next, f"more than {_MOST_LAYERS} layers")

    def conv(self, column: int) -> Conv:
        kernel_at = self._next
        kernel = self._size("conv needs a kernel size, for example 3x3")
        width = self._count("conv needs a width (its number of maps)")
        stride = self._stride()
        padding = (0, 0)
        if self._word("pad"):
            padding = (self._count("pad needs a number", least=0),) * 2
        elif self._word("same"):
            if not all(side % 2 for side in kernel):
                raise self._error(kernel_at, "same padding needs an odd kernel")
            padding = (kernel[0] // 2, kernel[1] // 2)
        else:
            self._word("valid")
        return Conv(kernel, width, stride or 1, padding, column)

    def pool(self, column: int) -> Pool:
        kind: Literal["max", "avg"] = "avg" if self._word("max", "avg") == "avg" else "max"
        if self._word("global"):
            return Pool(kind, None, (1, 1), column)
        kernel = self._size("pool needs a size, for example 2")
        stride = self._stride()
        return Pool(kind, kernel, (stride, stride) if stride else kernel, column)

    def dense(self, column: int) -> Dense:
        return Dense(self._count("a width") if self._next.kind == "number" else None, column)

    def dropout(self, column: int) -> Dropout:
        token = self._expect("number", "a share, for example 0.5")
        share = float(token.text)
        if share >= 1:
            raise self._error(token, "a share is below 1")
        return Dropout(share, column)

    def _size(self, needed: str) -> tuple[int, int]:
        height = self._count(needed)
        return (height, self._count("a width") if self._take("times") else height)

    def _stride(self) -> int | None:
        return self._count("a stride") if self._take("slash") else None

    def _count(self, what: str, *, least: int = 1, most: int = _LARGEST) -> int:
        token = self._next
        if token.kind != "number":
            wanted = what if " needs " in what else f"expected {what}"
            raise self._error(token, f"{wanted}, found {_spoken(token)}")
        if not token.text.isdecimal() or len(token.text) > 9:
            raise self._error(token, f"{token.text} is not a whole number up to {most:,}")
        if not least <= int(token.text) <= most:
            raise self._error(token, f"{token.text} is not in {least}..{most:,}")
        self._at += 1
        return int(token.text)

    def _check(self, layers: list[Layer]) -> None:
        """Refuse what the grammar leaves open: a picture after ``fc``, a last layer of a width."""
        last = layers[-1]
        if not isinstance(last, Dense) or last.width is not None:
            raise self._error(
                _Token("", "", last.column),
                "the last layer must be fc without a width",
                hint="its outputs are the classes; write '-> fc' at the end",
            )
        flat: Dense | None = None
        for layer in layers[:-1]:
            if isinstance(layer, Dense):
                if layer.width is None:
                    raise self._error(
                        _Token("", "", layer.column), "fc needs a width, except at the end"
                    )
                flat = layer
            elif flat is not None and isinstance(layer, Conv | Pool):
                kind = "conv" if isinstance(layer, Conv) else "pool"
                raise self._error(
                    _Token("", "", layer.column),
                    f"{kind} after the fc of column {flat.column}, which leaves no picture",
                )

    def _error(self, token: _Token, what: str, *, hint: str | None = None) -> UsageError:
        return UsageError(
            f"layers, column {token.column}: {what}: {_pointed(self._text, token.column)}",
            hint=hint,
        )


_LAYERS: dict[str, Callable[[_Parser, int], Layer]] = {
    "conv": _Parser.conv,
    "pool": _Parser.pool,
    "fc": _Parser.dense,
    "relu": lambda _, column: Activation(column),
    "norm": lambda _, column: Norm(column),
    "dropout": _Parser.dropout,
}
_KNOWN = f"there are: {', '.join(_LAYERS)}"


def _spoken(token: _Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)


def _pointed(text: str, column: int) -> str:
    """Return the text around a column on one line, with ``^`` before it."""
    at = column - 1
    before = text[max(0, at - _SHOWN) : at]
    after = text[at : at + _SHOWN]
    left = "..." if at > _SHOWN else ""
    right = "..." if len(text) > at + _SHOWN else ""
    return f"{left}{before}^{after}{right}".replace("\n", " ")
