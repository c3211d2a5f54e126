"""Sources of ECG for `edgecnn live`: a drawn one, a recording that is replayed, samples that come.

A frame is a chunk of one lead in millivolts at the source's own sampling rate, NaN where there is
no signal. Every chunk is processed: a beat cannot be found in half a signal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import lead_label
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.sample_stream import SampleStream
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import RecordError, UsageError
from edgecnn.metadata import BeatInput, SignalInput
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.options import Options
from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["DrawnEcg", "EcgSource", "RecordReplay", "open_ecg_source"]

_DRAWN = "test:"
_REPLAYED = "record:"
_CHUNKS_PER_SECOND = 10.0
_OPTION = re.compile(r"--(rate|lead)(?: ([A-Z\d]+))?\b")
#: A stream without end is drawn in pieces of this length, one after the other.
_PIECE_S = 300.0


class EcgSource(Source, Protocol):
    """A source whose frames are chunks of one lead.

    Attributes
    ----------
    sampling_rate_hz : float or None
        Of its samples; None before it is open, if only then it is known.
    """

    @property
    def sampling_rate_hz(self) -> float | None:
        """State the rate of its samples."""
        ...


def open_ecg_source(
    text: str,
    spec: BeatInput | SignalInput,
    settings: SourceSettings | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> EcgSource:
    """Return the ECG source that a text means.

    Parameters
    ----------
    text : str
        ``test:`` or ``test:ecg`` with options (:class:`DrawnEcg`); ``record:PATH`` or just the path
        of a record, with options (:class:`RecordReplay`); ``tcp://HOST:PORT``, ``serial:DEVICE`` or
        ``-`` for samples as they come
        (:class:`~edgecnn.ecg.sample_stream.SampleStream`).
    spec : BeatInput or SignalInput
        Of the model that will read it: its lead and sampling rate.
    settings : SourceSettings, optional
        How long a stream of samples may say nothing, and is connected again.
    say : callable
        Hears that it was lost, and that it is back.

    Raises
    ------
    UsageError
        Another kind of source, or an option that its kind does not know.
    """
    if text.startswith(_DRAWN):
        return DrawnEcg(text, spec)
    if text.startswith(_REPLAYED):
        return RecordReplay(text, spec)
    if SampleStream.matches(text):
        return SampleStream(text, spec, settings, say=say)
    if not text.strip() or text.isdigit() or "://" in text:
        raise UsageError(
            f"{text or 'nothing'} is no source of an ECG",
            hint="test:ecg draws one, record:PATH replays a recording, tcp://HOST:PORT, "
            "serial:DEVICE and - read samples",
        )
    return RecordReplay(f"{_REPLAYED}{text}", spec)


class _Pace:
    """When the next chunk is due: in real time, faster by a factor, or at once."""

    def __init__(self, options: Options, interval_s: float) -> None:
        free = options.choice("pace", "live", ("live", "free")) == "free"
        speed = options.number("speed", 1.0)
        self._interval_ns = 0 if free else round(interval_s / speed * 1e9)
        self._due_ns = 0

    def start(self) -> None:
        self._due_ns = time.monotonic_ns() + self._interval_ns

    def wait(self) -> None:
        """Wait until the chunk's last sample is there."""
        wait_s = (self._due_ns - time.monotonic_ns()) / 1e9
        if self._interval_ns and wait_s > 0:
            time.sleep(wait_s)
        # A stream that was held up goes on from now; it does not catch up in a burst.
        self._due_ns = max(self._due_ns, time.monotonic_ns() - self._interval_ns)
        self._due_ns += self._interval_ns


class _Chunks:
    """Hands a signal out in chunks of even length."""

    live = False
    fps: float | None = _CHUNKS_PER_SECOND

    def __init__(self, options: Options) -> None:
        self._pace = _Pace(options, 1 / _CHUNKS_PER_SECOND)
        self._per_chunk = 1
        self._number = 0
        self._rest: NDArray[np.floating] = np.empty(0)

    def _start(self, rate_hz: float) -> None:
        self._per_chunk = max(1, round(rate_hz / _CHUNKS_PER_SECOND))
        self._number = 0
        self._rest = np.empty(0)
        self._pace.start()

    def close(self) -> None:
        """Let go of what was drawn or read but not handed out."""
        self._rest = np.empty(0)

    def _next(self, source: str, more: Callable[[], NDArray[np.floating] | None]) -> Frame | None:
        while self._rest.size < self._per_chunk:
            piece = more()
            if piece is None:
                break
            self._rest = np.concatenate([self._rest, piece])
        chunk, self._rest = self._rest[: self._per_chunk], self._rest[self._per_chunk :]
        if not chunk.size:
            return None
        self._pace.wait()
        number = self._number
        self._number += 1
        return Frame(source, number, time.monotonic_ns(), chunk)


class DrawnEcg(_Chunks):
    """A drawn ECG with PVCs: ``test:``, ``test:ecg?seed=3&heart_rate=90``.

    Parameters
    ----------
    text : str
        With the options ``seed`` (0), ``heart_rate`` (72 a minute), ``pvc_every`` (about 9 beats;
        0 for none), ``seconds`` (without end), ``pace`` (``live``, or ``free``: as fast as it is
        read), ``speed`` (times real time, 1).
    spec : BeatInput or SignalInput

    Attributes
    ----------
    beats : list of (int, str)
        Sample and symbol (``"N"`` or ``"V"``) of each beat drawn so far: the right answers.
    """

    def __init__(self, text: str, spec: BeatInput | SignalInput) -> None:
        name, options = Options.split(text)
        if name not in (_DRAWN, f"{_DRAWN}ecg"):
            raise UsageError(
                f"{name} draws no ECG", hint="test:ecg does; this model reads heartbeats"
            )
        super().__init__(options)
        self.sampling_rate_hz: float = spec.sampling_rate_hz
        self._seed = options.integer("seed", 0)
        self._heart_rate = options.number("heart_rate", 72.0)
        self._pvc_every = options.integer("pvc_every", 9)
        self._seconds = options.number("seconds", 0.0)
        options.finish()
        self.description = f"{_DRAWN}ecg ({spec.leads[0]}, {self.sampling_rate_hz:g} Hz)"
        self.beats: list[tuple[int, str]] = []
        self._pieces = 0
        self._drawn = 0
        # Now, so that a value that cannot be drawn is refused before the stream begins.
        self._draw_piece()

    def open(self) -> None:
        """Start at the first beat."""
        self._start(self.sampling_rate_hz)
        self.beats = []
        self._pieces = self._drawn = 0

    def read(self) -> Frame | None:
        """Wait for the next chunk."""
        return self._next(f"{_DRAWN}ecg", self._draw_piece)

    def _draw_piece(self) -> NDArray[np.floating] | None:
        length = _PIECE_S
        if self._seconds:
            length = min(length, self._seconds - self._drawn / self.sampling_rate_hz)
        if round(length * self.sampling_rate_hz) < 1:
            return None
        # One that is too short to draw is cut from a longer one.
        ecg = synthetic_ecg(
            max(length, 2.0),
            self.sampling_rate_hz,
            seed=self._seed + 1000 * self._pieces,
            heart_rate_bpm=self._heart_rate,
            pvc_every=self._pvc_every,
        )
        signal = ecg.signal_mv[: round(length * self.sampling_rate_hz)]
        self.beats += [
            (self._drawn + sample, symbol)
            for sample, symbol in zip(ecg.samples.tolist(), ecg.symbols, strict=True)
            if sample < signal.size
        ]
        self._pieces += 1
        self._drawn += signal.size
        return signal


class RecordReplay(_Chunks):
    """A recording, replayed: ``record:mitdb/208?pace=free``.

    Parameters
    ----------
    text : str
        Path of a record after ``record:``, with the options ``lead`` (the model's own), ``rate``
        (of a file that states none), ``from`` (its start) and ``seconds`` (to its end), ``pace``
        (``live``, or ``free``: as fast as it is read), ``speed`` (times real time, 1).
    spec : BeatInput or SignalInput
    """

    def __init__(self, text: str, spec: BeatInput | SignalInput) -> None:
        name, options = Options.split(text)
        super().__init__(options)
        self._path = Path(name.removeprefix(_REPLAYED)).expanduser()
        self._lead = options.text("lead", spec.leads[0])
        self._stated = options.number("rate", 0.0) or None
        self._from_s = options.number("from", 0.0)
        self._seconds = options.number("seconds", 0.0)
        options.finish()
        self.sampling_rate_hz: float | None = None
        self.description = f"{_REPLAYED}{self._path}"
        self._signal: NDArray[np.floating] | None = None

    def open(self) -> None:
        """Read the record."""
        try:
            record = read_record(self._path, rate_hz=self._stated, lead=self._lead)
        except RecordError as error:
            # Readers speak of the commands' options; here they belong to the source.
            hint = _OPTION.sub(lambda m: f"?{m[1]}={m[2] or 'NAME'}", error.hint or "")
            raise RecordError(error.message, hint=hint or None) from error
        signal = record.lead_mv(self._lead)
        first = round(self._from_s * record.sampling_rate_hz)
        stop = first + round(self._seconds * record.sampling_rate_hz) if self._seconds else None
        signal = signal[first:stop]
        if not signal.size:
            raise UsageError(
                f"{self._path} lasts {record.duration_s:g} s: nothing to replay from "
                f"{self._from_s:g} s on"
            )
        self.description = (
            f"{_REPLAYED}{self._path} ({lead_label(record.leads[0])}, "
            f"{record.sampling_rate_hz:g} Hz)"
        )
        self._signal, self.sampling_rate_hz = signal, record.sampling_rate_hz
        self._start(record.sampling_rate_hz)

    def read(self) -> Frame | None:
        """Wait for the next chunk."""
        return self._next(f"{_REPLAYED}{self._path}", self._take)

    def close(self) -> None:
        """Let go of the record."""
        super().close()
        self._signal = None

    def _take(self) -> NDArray[np.floating] | None:
        signal, self._signal = self._signal, None
        return signal
