"""How samples are written in a stream of bytes: lines of text, int16 or float32."""

from __future__ import annotations

import re
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.units import is_voltage, millivolts_per
from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.options import Options

__all__ = ["BinarySamples", "SampleFormat", "TextSamples", "sample_format"]

_SEPARATOR = re.compile(rb"[\s,;]+")
#: More than this without the end of a line is no text.
_LONGEST_LINE = 4096
#: A stream whose first lines are none of numbers is another kind of stream.
_LINES_TO_JUDGE = 100
_SHOWN = 40


class SampleFormat(Protocol):
    """Turns bytes into millivolts, as they come."""

    def feed(self, data: bytes) -> NDArray[np.floating]:
        """Take bytes and return the samples that are now whole, in mV; NaN for unreadable ones.

        Raises
        ------
        SourceError
            These are no samples at all.
        """
        ...

    def restart(self, *, within: bool) -> None:
        """Forget half a sample; ``within``: the next bytes may begin in the middle of one."""
        ...


def sample_format(options: Options) -> SampleFormat:
    """Return the format that a source's options state.

    Parameters
    ----------
    options : Options
        ``format`` (``text``, ``int16``, ``int16be``, ``float32``), ``unit`` (mV), or ``gain``
        (counts per mV) and ``zero`` (counts at 0 mV); of text ``column``, of the others
        ``channels`` and ``channel``. Columns and channels count from 1.

    Raises
    ------
    UsageError
        They state none.
    """
    kind = options.choice("format", "text", ("text", "int16", "int16be", "float32"))
    unit = options.text("unit", "")
    gain = options.number("gain", 0.0, least=1e-6, most=1e9)
    zero = options.number("zero", 0.0, least=-1e9, most=1e9)
    if unit and gain:
        raise UsageError("unit and gain both say what a number is worth: one is enough")
    if unit and not is_voltage(unit):
        raise UsageError(f"{unit[:_SHOWN]} is no unit of an ECG", hint="mV, uV, nV or V")
    if kind.startswith("int16") and not (unit or gain):
        raise UsageError(
            f"{kind} samples are counts of a converter: how many are a millivolt?",
            hint="gain=200 for 200 counts per mV; or unit=uV",
        )
    millivolts = 1 / gain if gain else millivolts_per(unit or "mV", source="samples")
    if kind == "text":
        return TextSamples(options.integer("column", 1), scale=millivolts, zero=zero)
    channels = options.integer("channels", 1)
    channel = options.integer("channel", 1)
    if not 1 <= channel <= channels <= 64:
        raise UsageError(f"there is no channel {channel} of {channels}", hint="they count from 1")
    types = {"int16": "<i2", "int16be": ">i2", "float32": "<f4"}
    return BinarySamples(
        np.dtype(types[kind]), channels=channels, channel=channel, scale=millivolts, zero=zero
    )


class TextSamples:
    r"""A line for each sample, numbers separated by spaces, commas or semicolons.

    Lines that are empty or begin with ``#`` are passed over. In any other, what is no number is a
    sample without a value: time goes on.

    Examples
    --------
    >>> TextSamples(2, scale=1.0, zero=0.0).feed(b"1,0.5\n2,oops\n3,-0.25\n4,").tolist()
    [0.5, nan, -0.25]
    """

    def __init__(self, column: int, *, scale: float, zero: float) -> None:
        if column < 1:
            raise UsageError("columns count from 1")
        self._column = column
        self._scale = scale
        self._zero = zero
        self._rest = b""
        self._within = False
        self._judged = self._numbers = 0

    def feed(self, data: bytes) -> NDArray[np.floating]:
        """Take bytes and return the samples of the lines that are now whole."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise self._no_samples(self._rest)
        values = []
        for line in lines:
            if self._within:
                # Half a number is another number: 3.25 without its head is 25.
                values.append(np.nan)
                self._within = False
            elif line.strip() and not line.lstrip().startswith(b"#"):
                values.append(self._value(line))
        return np.asarray(values, dtype=np.float64)

    def restart(self, *, within: bool) -> None:
        """Forget half a line, and the rest of it if the next bytes begin there."""
        self._rest = b""
        self._within = within

    def _value(self, line: bytes) -> float:
        parts = [part for part in _SEPARATOR.split(line.strip()) if part]
        try:
            value = (float(parts[self._column - 1]) - self._zero) * self._scale
        except (ValueError, IndexError):
            value = np.nan
        if self._judged < _LINES_TO_JUDGE:
            self._judged += 1
            self._numbers += bool(np.isfinite(value))
            if self._judged == _LINES_TO_JUDGE and not self._numbers:
                raise self._no_samples(line)
        return value if np.isfinite(value) else np.nan

    def _no_samples(self, line: bytes) -> SourceError:
        shown = line[:_SHOWN].decode("ascii", "backslashreplace")
        return SourceError(
            f"these are no lines with a number in column {self._column}: {shown!r}",
            hint="format=int16 or float32 reads binary samples; column=2 another column",
        )


class BinarySamples:
    """Interleaved channels of one type.

    Examples
    --------
    >>> counts = BinarySamples(np.dtype("<i2"), channels=2, channel=1, scale=1 / 200, zero=0.0)
    >>> counts.feed(bytes.fromhex("c800 0000 38ff 0000 64")).tolist()
    [1.0, -1.0]
    """

    def __init__(
        self, kind: np.dtype[np.generic], *, channels: int, channel: int, scale: float, zero: float
    ) -> None:
        self._kind = kind
        self._channels = channels
        self._channel = channel - 1
        self._scale = scale
        self._zero = zero
        self._rest = b""

    def feed(self, data: bytes) -> NDArray[np.floating]:
        """Take bytes and return the samples that are now whole."""
        data = self._rest + data
        size = self._kind.itemsize * self._channels
        whole = len(data) // size * size
        self._rest = data[whole:]
        raw = np.frombuffer(data[:whole], self._kind).reshape(-1, self._channels)
        values = (raw[:, self._channel].astype(np.float64) - self._zero) * self._scale
        values[~np.isfinite(values)] = np.nan
        return values

    def restart(self, *, within: bool) -> None:
        """Forget half a sample; that a stream begins within one cannot be seen."""
        self._rest = b""
