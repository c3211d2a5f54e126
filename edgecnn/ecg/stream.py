"""Beats classified while the signal comes in, as scoring the finished record would.

A beat's answer depends on its window, its filter's reach, the beats before it and the next one,
and is given as soon as these are there; how the signal was cut makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.peaks import PeakDetector
from edgecnn.errors import ModelError, TaskError
from edgecnn.metadata import BeatInput, ModelMetadata, reads
from edgecnn.preprocessing.beats import beat_tensors, cut_windows
from edgecnn.preprocessing.boxcar import filter_boxcar, reach
from edgecnn.runtime.tasks.classify import scores as to_scores

__all__ = ["BeatStream", "Beats"]

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


class BeatStream:
    """Classify the beats of a stream of samples.

    Parameters
    ----------
    metadata : ModelMetadata
        With a beat input.
    run : callable
        Maps the network's inputs to its outputs: :meth:`edgecnn.runtime.session.Model.run`.

    Raises
    ------
    TaskError
        The model reads no beats.

    Notes
    -----
    A beat is answered when the next R peak is known, or ``spec.rhythm.longest_s`` went by without
    one, and its window with the filter's reach is complete. Memory does not grow with the stream.
    """

    def __init__(self, metadata: ModelMetadata, run: Run) -> None:
        spec = metadata.input
        if not isinstance(spec, BeatInput):
            raise TaskError(
                f"{metadata.name} reads {reads(spec)}, not heartbeats",
                hint="an ECG needs a beat model: bundled:ecg-beats",
            )
        self._metadata, self._spec, self._run = metadata, spec, run
        self._detector = PeakDetector(spec.sampling_rate_hz)
        self._longest = round(spec.rhythm.longest_s * spec.sampling_rate_hz)
        self._reach = reach(spec.filter, spec.sampling_rate_hz)
        # Rows that a beat's inputs may depend on, as `beat_tensors` says.
        self._context = max(spec.template_beats, spec.rhythm.long + 1)
        self._signal: _Samples = np.empty(0, dtype=np.int64)
        self._valid: _Mask = np.empty(0, dtype=bool)
        self._start = 0
        self._received = 0
        self._ended = False
        self._waiting: list[int] = []
        self._past_peaks: _Samples = np.empty(0, dtype=np.int64)
        self._past_windows: _Samples = np.empty((0, spec.before + spec.after), dtype=np.int64)

    @property
    def received(self) -> int:
        """Samples taken so far."""
        return self._received

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

    def _answer(self) -> Beats:
        ready = self._ready()
        peaks = np.array(self._waiting[:ready], dtype=np.int64)
        next_peak = self._waiting[ready] if ready < len(self._waiting) else None
        del self._waiting[:ready]
        beats = self._classify(peaks, next_peak)
        self._forget()
        return beats

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

    def _classify(self, peaks: _Samples, next_peak: int | None) -> Beats:
        labels = len(self._metadata.labels)
        scores = np.full((len(peaks), labels), np.nan, dtype=np.float32)
        if not len(peaks):
            return Beats(peaks, peaks, scores)
        past = len(self._past_peaks)
        all_peaks = np.concatenate([self._past_peaks, peaks])
        all_windows = np.concatenate([self._past_windows, self._windows(peaks)])
        tensors = beat_tensors(all_windows, all_peaks, self._spec, next_peak=next_peak)
        logits = self._run({name: values[past:] for name, values in tensors.items()})
        scores[:] = to_scores(logits, self._metadata.output)
        if not np.isfinite(scores).all():
            raise ModelError(
                f"{self._metadata.name} answers with values that are no numbers",
                hint="is the file sound? `edgecnn inspect` shows what it holds",
            )
        self._past_peaks = all_peaks[-self._context :]
        self._past_windows = all_windows[-self._context :]
        seen = cut_windows(self._valid.astype(np.int64), peaks - self._start, self._spec)
        scores[seen.min(axis=1) == 0] = np.nan
        sure = scores.max(axis=1) >= self._metadata.output.min_score
        classes = np.full(len(peaks), -1, dtype=np.int64)
        classes[sure] = scores[sure].argmax(axis=1)
        return Beats(peaks, classes, scores)

    def _windows(self, peaks: _Samples) -> _Samples:
        """Cut the filtered windows of some beats out of the part of the signal they need."""
        spec = self._spec
        first = max(self._start, int(peaks[0]) - spec.before - self._reach)
        last = min(self._received, int(peaks[-1]) + spec.after + self._reach)
        part = self._signal[first - self._start : last - self._start]
        filtered = filter_boxcar(part, spec.filter, spec.sampling_rate_hz)
        # Cut at the record's own ends the filter is what it is there; elsewhere within its reach
        # of a cut it is not used.
        return cut_windows(filtered, peaks - first, spec)

    def _forget(self) -> None:
        """Let go of samples that no beat can need any more."""
        earliest = min([self._detector.settled, *self._waiting[:1]])
        keep = earliest - self._spec.before - self._reach - self._start
        if keep > self._signal.size // 2:
            self._signal = self._signal[keep:].copy()
            self._valid = self._valid[keep:].copy()
            self._start += keep
