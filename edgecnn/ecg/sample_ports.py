"""Where a stream of samples comes in: a TCP connection, a serial port, standard input."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from edgecnn.errors import MissingPackageError, SourceError, UsageError
from edgecnn.runtime.sources.options import Options

if TYPE_CHECKING:
    from serial import Serial

__all__ = ["SamplePort", "SerialPort", "StdinPort", "TcpPort", "sample_port"]

_MOST = 1 << 16


class SamplePort(Protocol):
    """Something that bytes come from.

    Attributes
    ----------
    title : str
        For people.
    lasting : bool
        Whether it may come back after it was lost; else its end is the end.
    within : bool
        Whether what comes first may begin in the middle of a sample.
    """

    title: str
    lasting: bool
    within: bool

    def open(self, timeout_s: float) -> None:
        """Get ready; raises :class:`~edgecnn.errors.SourceError`."""
        ...

    def receive(self, wait_s: float) -> bytes | None:
        """Return what came, None if nothing did in time, empty at the end."""
        ...

    def close(self) -> None:
        """Let go of it; harmless when repeated."""
        ...


def sample_port(name: str, options: Options) -> SamplePort:
    """Return the port that a source's name means: ``tcp://host:port``, ``serial:/dev/...``, ``-``.

    Raises
    ------
    UsageError
        It means none.
    """
    if name.startswith("tcp://"):
        return TcpPort(name)
    if name.startswith("serial:"):
        baud = options.integer("baud", 115_200)
        return SerialPort(name.removeprefix("serial:"), baud)
    return StdinPort()


class TcpPort:
    """A connection to a server that sends samples."""

    lasting = within = True

    def __init__(self, address: str) -> None:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or not port or parts.path.strip("/"):
            raise UsageError(f"{address[:80]} is no tcp://HOST:PORT")
        self._to = (host, port)
        self.title = f"tcp://{parts.netloc.rpartition('@')[2]}"
        self._socket: socket.socket | None = None

    def open(self, timeout_s: float) -> None:
        """Connect."""
        try:
            self._socket = socket.create_connection(self._to, timeout=timeout_s)
        except OSError as error:
            raise SourceError(
                f"{self.title} cannot be reached: {error.strerror or error}",
                hint="is the server up, and the address right?",
            ) from error

    def receive(self, wait_s: float) -> bytes | None:
        """Return what came."""
        assert self._socket is not None
        try:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            return self._socket.recv(_MOST) if ready else None
        except OSError:
            return b""

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class SerialPort:
    """A serial port, through pyserial."""

    lasting = within = True

    def __init__(self, device: str, baud: int) -> None:
        if not device:
            raise UsageError("serial: names no port", hint="serial:/dev/ttyUSB0?rate=250")
        self._device, self._baud = device, baud
        self.title = f"serial:{device}"
        self._port: Serial | None = None

    def open(self, timeout_s: float) -> None:
        """Open the port."""
        try:
            import serial
        except ModuleNotFoundError:
            raise MissingPackageError(
                "serial: takes the package pyserial", hint="pip install 'edgecnn[serial,cpu]'"
            ) from None
        try:
            self._port = serial.Serial(self._device, self._baud, timeout=0)
        except (serial.SerialException, ValueError) as error:
            there = sorted(
                str(p) for kind in ("USB", "ACM") for p in Path("/dev").glob(f"tty{kind}*")
            )
            raise SourceError(
                f"{self.title} cannot be opened: {_plain(error)}",
                hint=f"there are: {', '.join(there)}; are you in the group `dialout`?"
                if there
                else "is it plugged in, and are you in the group `dialout`?",
            ) from error

    def receive(self, wait_s: float) -> bytes | None:
        """Return what came."""
        import serial

        assert self._port is not None
        try:
            ready, _, _ = select.select([self._port.fileno()], [], [], wait_s)
            return bytes(self._port.read(_MOST)) if ready else None
        except (OSError, serial.SerialException):
            return b""

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
            self._port = None


class StdinPort:
    """Standard input.

    Parameters
    ----------
    descriptor : int, optional
        What stands for it.
    """

    lasting = within = False
    title = "stdin"

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def open(self, timeout_s: float) -> None:
        """See that something is connected to it."""
        if self._descriptor is None:
            if sys.stdin is None or sys.stdin.closed:
                raise SourceError("standard input is closed")
            self._descriptor = sys.stdin.fileno()
        if os.isatty(self._descriptor):
            raise SourceError(
                "standard input is a terminal, not a pipe with samples",
                hint="cat samples.txt | edgecnn live MODEL --source '-?rate=360'",
            )

    def receive(self, wait_s: float) -> bytes | None:
        """Return what came."""
        assert self._descriptor is not None
        ready, _, _ = select.select([self._descriptor], [], [], wait_s)
        return os.read(self._descriptor, _MOST) if ready else None

    def close(self) -> None:
        """Nothing: standard input is not ours to close."""


def _plain(error: Exception) -> str:
    """Return pyserial's sentence without the system's in it twice."""
    inner = error.__context__
    return inner.strerror if isinstance(inner, OSError) and inner.strerror else str(error)
