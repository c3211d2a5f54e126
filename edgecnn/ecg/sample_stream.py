"""An ECG that comes in as samples: ``tcp://host:port?rate=360``, ``serial:/dev/ttyUSB0``, ``-``.

A connection that is lost is a gap: samples without a value take the place of those that are
missing, so that time goes on, and it is connected again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.sample_format import SampleFormat, sample_format
from edgecnn.ecg.sample_ports import SamplePort, sample_port
from edgecnn.errors import SourceError, UsageError
from edgecnn.metadata import BeatInput, SignalInput
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.backoff import Backoff
from edgecnn.runtime.sources.options import Options
from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["SampleStream"]

_CHUNKS_PER_SECOND = 10.0
#: How often a wait looks whether it was interrupted.
_LOOK_S = 0.05
#: To connect costs little, so it is tried often: what is back is back within two seconds.
_LONGEST_WAIT_S = 1.5
_LONGEST_TRY_S = 2.0


class SampleStream:
    """Samples of one lead from a port, in chunks of a tenth of a second.

    Parameters
    ----------
    text : str
        ``tcp://HOST:PORT``, ``serial:DEVICE`` or ``-``, with the options ``rate`` (Hz; must be
        stated), ``lead`` (the model's own), those of
        :func:`~edgecnn.ecg.sample_format.sample_format`, and of a serial port ``baud`` (115200).
    spec : BeatInput or SignalInput
        Of the model that will read it.
    settings : SourceSettings, optional
    say : callable
        Hears that the port was lost, and that it is back.
    port : SamplePort, optional
        In the place of the one that ``text`` means.

    Attributes
    ----------
    reopening : bool
        It is lost just now.
    """

    #: Every sample counts: a beat cannot be found in half a signal.
    live = False
    fps: float | None = _CHUNKS_PER_SECOND

    def __init__(
        self,
        text: str,
        spec: BeatInput | SignalInput,
        settings: SourceSettings | None = None,
        *,
        say: Callable[[str], None] = lambda text: None,
        port: SamplePort | None = None,
    ) -> None:
        name, options = Options.split(text)
        rate = options.number("rate", 0.0, least=1, most=100_000)
        if not rate:
            raise UsageError(
                f"{name}: how many samples are a second?", hint=f"{name}?rate=360 says so"
            )
        lead = options.text("lead", spec.leads[0])
        self._port = sample_port(name, options) if port is None else port
        self._format: SampleFormat = sample_format(options)
        options.finish()
        self.sampling_rate_hz: float | None = rate
        self._rate_hz = rate
        self._per_chunk = max(1, round(rate / _CHUNKS_PER_SECOND))
        self.description = f"{self._port.title} ({lead}, {rate:g} Hz)"
        self._settings = settings or SourceSettings()
        self._say = say
        self._interrupted = threading.Event()
        self._backoff = Backoff(longest_s=_LONGEST_WAIT_S)
        self._samples: NDArray[np.floating] = np.empty(0)
        self._number = 0
        self._heard = self._lost_since = self._try_at = 0.0
        self._filled = 0
        self._over = self._valued = False
        self.reopening = False

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text means a stream of samples."""
        return text.startswith(("tcp://", "serial:")) or text.partition("?")[0] == "-"

    def open(self) -> None:
        """Connect.

        Raises
        ------
        SourceError
            It is not there.
        """
        self._port.open(self._settings.open_s)
        self._format.restart(within=self._port.within)
        self._heard = time.monotonic()

    def read(self) -> Frame | None:
        """Wait for the next chunk; it holds NaN for the time in which nothing came.

        Raises
        ------
        SourceError
            It did not come back in time, or what comes are no samples.
        """
        while self._samples.size < self._per_chunk and not self._over:
            if self._interrupted.is_set():
                return None
            if self.reopening:
                self._reconnect()
            else:
                self._receive()
        chunk, self._samples = self._samples[: self._per_chunk], self._samples[self._per_chunk :]
        if not chunk.size:
            return None
        number = self._number
        self._number += 1
        return Frame(self._port.title, number, time.monotonic_ns(), chunk)

    def interrupt(self) -> None:
        """End a wait for samples; called from another thread."""
        self._interrupted.set()

    def close(self) -> None:
        """Hang up."""
        self._port.close()

    def _receive(self) -> None:
        data = self._port.receive(_LOOK_S)
        now = time.monotonic()
        if data:
            self._take(self._format.feed(data))
            self._heard = now
        elif data is None:
            if now - self._heard > self._settings.read_s:
                self._lose(f"gave nothing for {self._settings.read_s:g} s")
        elif self._port.lasting:
            self._lose("was closed by the other side")
        else:
            self._over = True
            if not self._valued:
                raise SourceError(
                    f"{self._port.title} ended without a sample in it",
                    hint="format=text reads a number a line, int16 and float32 are binary",
                )

    def _take(self, samples: NDArray[np.floating]) -> None:
        self._samples = np.concatenate([self._samples, samples])
        self._valued = self._valued or bool(np.isfinite(samples).any())

    def _lose(self, what: str) -> None:
        now = time.monotonic()
        if not self._port.lasting or self._settings.give_up_s <= 0:
            raise SourceError(
                f"{self._port.title} {what}", hint="--read-timeout says how long to wait"
            )
        self._port.close()
        self._backoff.held(seconds=self._heard - self._lost_since)
        self._lost_since, self._filled, self.reopening = now, 0, True
        self._try_at = now + self._backoff.next_s()
        self._say(f"{self._port.title} {what}; connecting again")

    def _reconnect(self) -> None:
        """Try if it is time to, and fill the gap up to now."""
        if time.monotonic() >= self._try_at:
            try:
                self._port.open(min(self._settings.open_s, _LONGEST_TRY_S))
                first = self._first()
            except SourceError as error:
                self._port.close()
                now = time.monotonic()
                lost_s = now - self._lost_since
                if lost_s >= self._settings.give_up_s:
                    raise SourceError(
                        f"{error.message}; given up after {lost_s:.0f} s",
                        hint="--give-up says how long to try",
                    ) from error
                self._try_at = now + self._backoff.next_s()
            else:
                self.reopening = False
                self._heard = time.monotonic()
                away_s = self._heard - self._lost_since
                self._say(f"{self._port.title} is back after {away_s:.1f} s")
                # What it gives may be no samples: that is no reason to try again.
                self._take(self._format.feed(first))
        self._fill()
        self._interrupted.wait(_LOOK_S if self.reopening else 0)

    def _first(self) -> bytes:
        """Wait for the first bytes: that something accepts does not mean that it gives any."""
        self._format.restart(within=self._port.within)
        limit = time.monotonic() + min(self._settings.read_s, _LONGEST_TRY_S)
        while time.monotonic() < limit and not self._interrupted.is_set():
            data = self._port.receive(_LOOK_S)
            self._fill()
            if data is None:
                continue
            if not data:
                break
            return data
        raise SourceError(f"{self._port.title} accepts connections and says nothing")

    def _fill(self) -> None:
        """Add samples without a value for the time that went by."""
        due = round((time.monotonic() - self._heard) * self._rate_hz)
        if self.reopening and due > self._filled:
            self._take(np.full(due - self._filled, np.nan))
            self._filled = due
