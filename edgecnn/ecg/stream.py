"""Beats classified while the signal comes in, as scoring the finished record would.

A beat's answer depends on its window, its filter's reach, the beats before it and the next one,
and is given as soon as these are there; how the signal was cut makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.peaks import PeakDetector
from edgecnn.errors import ModelError, TaskError
from edgecnn.metadata import BeatInput, ModelMetadata, reads
from edgecnn.preprocessing.beats import beat_tensors, cut_windows
from edgecnn.preprocessing.boxcar import filter_boxcar, reach
from edgecnn.runtime.tasks.classify import scores as to_scores

__all__ = ["BeatStream", "Beats", "GivenPeaks"]

Run = Callable[[Mapping[str, NDArray[np.float32]]], NDArray[np.float32]]

_Samples = NDArray[np.int64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Beats:
    """Classified beats in the order of time.

    Attributes
    ----------
    samples : ndarray of int64, shape (beats,)
        R peaks, counted from the stream's first sample.
    classes : ndarray of int64, shape (beats,)
        Indices into the model's labels; -1 for a beat without an answer.
    scores : ndarray of float32, shape (beats, labels)
        NaN for a beat whose window the signal did not fill.
    """

    samples: _Samples
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of beats."""
        return len(self.samples)


class _Detector(Protocol):
    settled: int

    def push(self, chunk_uv: _Samples) -> _Samples: ...

    def flush(self) -> _Samples: ...


class GivenPeaks:
    """Peaks that are known beforehand, in a detector's place.

    Parameters
    ----------
    peaks : ndarray of int64, shape (beats,)
        Rising, at the stream's rate.
    """

    def __init__(self, peaks: _Samples) -> None:
        self._rest = peaks
        self.settled = 0

    def push(self, chunk_uv: _Samples) -> _Samples:
        """Return those that lie in the samples so far."""
        self.settled += chunk_uv.size
        until = int(np.searchsorted(self._rest, self.settled))
        given, self._rest = self._rest[:until], self._rest[until:]
        return given

    def flush(self) -> _Samples:
        """Return none: beyond its end a stream has no beats."""
        return self._rest[:0]


class BeatStream:
    """Classify the beats of a stream of samples.

    Parameters
    ----------
    metadata : ModelMetadata
        With a beat input.
    run : callable
        Maps the network's inputs to its outputs: :meth:`edgecnn.runtime.session.Model.run`.
    peaks : ndarray of int64, shape (beats,), optional
        R peaks, rising; the default is to find them.
    batch : int, optional
        Answer so many beats at a time, whatever the chunks: the network then sees the same batches,
        and gives the same bits, however the stream was cut. The default is at once.

    Raises
    ------
    TaskError
        The model reads no beats.

    Notes
    -----
    A beat is answered when the next R peak is known, or ``spec.rhythm.longest_s`` went by without
    one, and its window with the filter's reach is complete. Memory does not grow with the stream.
    """

    def __init__(
        self,
        metadata: ModelMetadata,
        run: Run,
        *,
        peaks: _Samples | None = None,
        batch: int | None = None,
    ) -> None:
        spec = metadata.input
        if not isinstance(spec, BeatInput):
            raise TaskError(
                f"{metadata.name} reads {reads(spec)}, not heartbeats",
                hint="an ECG needs a beat model: bundled:ecg-beats",
            )
        self._metadata, self._spec, self._run = metadata, spec, run
        self._detector: _Detector = (
            PeakDetector(spec.sampling_rate_hz) if peaks is None else GivenPeaks(peaks)
        )
        self._batch = batch
        self._longest = round(spec.rhythm.longest_s * spec.sampling_rate_hz)
        self._reach = reach(spec.filter, spec.sampling_rate_hz)
        # Rows that a beat's inputs may depend on, as `beat_tensors` says.
        self._context = spec.history
        self._signal: _Samples = np.empty(0, dtype=np.int64)
        self._valid: _Mask = np.empty(0, dtype=bool)
        self._start = 0
        self._received = 0
        self._ended = False
        self._waiting: list[int] = []
        self._newest_peak: int | None = None
        # Beats whose windows are cut; the first `_past` are answered, and here for the others.
        self._past = 0
        self._cut = _CutBeats.none(spec)
        # Beats that are cut, and wait until there are enough of them.
        self._fresh: list[_CutBeats] = []

    @property
    def received(self) -> int:
        """Samples taken so far."""
        return self._received

    @property
    def settled(self) -> int:
        """Samples up to which all R peaks are known."""
        return self._detector.settled

    @property
    def newest_peak(self) -> int | None:
        """The last R peak that is known, answered or not."""
        return self._newest_peak

    def push(self, chunk_uv: _Samples, valid: _Mask | None = None) -> Beats:
        """Take more samples.

        Parameters
        ----------
        chunk_uv : ndarray of int64, shape (samples,)
            One lead in µV at the model's sampling rate.
        valid : ndarray of bool, same shape, optional
            False where there is no signal: peaks there are none, and beats whose window has such
            a sample are given without an answer.

        Returns
        -------
        Beats
            Those that can be answered now.
        """
        self._signal = np.concatenate([self._signal, chunk_uv])
        self._valid = np.concatenate(
            [self._valid, np.ones(chunk_uv.size, dtype=bool) if valid is None else valid]
        )
        self._received += chunk_uv.size
        self._await(self._detector.push(chunk_uv))
        return self._answer()

    def flush(self) -> Beats:
        """End the stream; return the beats that are left."""
        self._await(self._detector.flush())
        self._ended = True
        return self._answer()

    def _await(self, peaks: _Samples) -> None:
        if peaks.size:
            self._waiting += peaks[self._valid[peaks - self._start]].tolist()
            self._newest_peak = self._waiting[-1] if self._waiting else self._newest_peak

    def _answer(self) -> Beats:
        ready = self._ready()
        if ready:
            self._fresh.append(self._windows(np.array(self._waiting[:ready], dtype=np.int64)))
            del self._waiting[:ready]
        answers = []
        cut = len(self._cut) - self._past + sum(map(len, self._fresh))
        if self._fresh and (self._ended or cut >= (self._batch or 1)):
            self._cut = self._cut.joined(self._fresh)
            self._fresh.clear()
        while True:
            left = len(self._cut) - self._past
            count = left if self._batch is None or self._ended else left // self._batch
            if self._batch is not None:
                count = min(left, self._batch) if count else 0
            if not count:
                break
            answers.append(self._classify(count))
        self._forget()
        return _joined(answers, len(self._metadata.labels))

    def _ready(self) -> int:
        """Count the waiting beats that nothing more has to be known for."""
        if self._ended:
            return len(self._waiting)
        ready = 0
        complete = self._received - self._spec.after - self._reach
        for number, peak in enumerate(self._waiting, start=1):
            is_followed = number < len(self._waiting) or self._detector.settled > (
                peak + self._longest
            )
            if peak > complete or not is_followed:
                break
            ready = number
        return ready

    def _classify(self, count: int) -> Beats:
        first, stop = self._past, self._past + count
        cut = self._cut
        next_peak = self._waiting[0] if self._waiting else None
        if stop < len(cut):
            next_peak = int(cut.peaks[stop])
        tensors = beat_tensors(
            cut.windows[:stop], cut.peaks[:stop], self._spec, next_peak=next_peak, first=first
        )
        logits = self._run(tensors)
        scores = np.asarray(to_scores(logits, self._metadata.output), dtype=np.float32)
        if not np.isfinite(scores).all():
            raise ModelError(
                f"{self._metadata.name} answers with values that are no numbers",
                hint="is the file sound? `edgecnn inspect` shows what it holds",
            )
        scores[~cut.seen[first:stop]] = np.nan
        sure = scores.max(axis=1) >= self._metadata.output.min_score
        classes = np.full(count, -1, dtype=np.int64)
        classes[sure] = scores[sure].argmax(axis=1)
        answered = Beats(cut.peaks[first:stop], classes, scores)
        self._cut = cut.since(max(0, stop - self._context))
        self._past = min(stop, self._context)
        return answered

    def _windows(self, peaks: _Samples) -> _CutBeats:
        """Cut the filtered windows of some beats out of the part of the signal they need."""
        spec = self._spec
        first = max(self._start, int(peaks[0]) - spec.before - self._reach)
        last = min(self._received, int(peaks[-1]) + spec.after + self._reach)
        part = slice(first - self._start, last - self._start)
        filtered = filter_boxcar(self._signal[part], spec.filter, spec.sampling_rate_hz)
        seen = np.ones(len(peaks), dtype=bool)
        valid = self._valid[part]
        if not valid.all():
            seen = cut_windows(valid.astype(np.int64), peaks - first, spec).min(axis=1) > 0
        # Cut at the record's own ends the filter is what it is there; elsewhere within its reach
        # of a cut it is not used.
        return _CutBeats(peaks, cut_windows(filtered, peaks - first, spec), seen)

    def _forget(self) -> None:
        """Let go of samples that no beat can need any more."""
        earliest = min([self._detector.settled, *self._waiting[:1]])
        keep = earliest - self._spec.before - self._reach - self._start
        if keep > self._signal.size // 2:
            self._signal = self._signal[keep:].copy()
            self._valid = self._valid[keep:].copy()
            self._start += keep


@dataclass(frozen=True, eq=False)
class _CutBeats:
    """Beats with their windows, and whether each window is all signal."""

    peaks: _Samples
    windows: _Samples
    seen: _Mask

    @classmethod
    def none(cls, spec: BeatInput) -> _CutBeats:
        width = spec.before + spec.after
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, np.empty((0, width), dtype=np.int64), np.empty(0, dtype=bool))

    def __len__(self) -> int:
        return len(self.peaks)

    def joined(self, others: list[_CutBeats]) -> _CutBeats:
        all_of_them = [self, *others]
        return _CutBeats(
            np.concatenate([each.peaks for each in all_of_them]),
            np.concatenate([each.windows for each in all_of_them]),
            np.concatenate([each.seen for each in all_of_them]),
        )

    def since(self, first: int) -> _CutBeats:
        return _CutBeats(self.peaks[first:], self.windows[first:], self.seen[first:])


def _joined(parts: list[Beats], labels: int) -> Beats:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return Beats(empty, empty, np.empty((0, labels), dtype=np.float32))
    return Beats(
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
