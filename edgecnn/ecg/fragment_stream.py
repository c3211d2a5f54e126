"""Fragments cut out of a recording while it is read: what a rhythm model sees of it.

However long the recording is, a fragment and the reach of its filter are in memory, and how the
signal was cut into chunks makes no difference, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.conditioning import LeadConditioner
from edgecnn.ecg.fragments import IN_GAP, unusable
from edgecnn.metadata import SignalInput
from edgecnn.preprocessing.boxcar import reach
from edgecnn.preprocessing.fragments import filtered_mv, fragment_tensors

__all__ = ["Fragment", "FragmentStream"]

_Lead = tuple[NDArray[np.int64], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Fragment:
    """A fragment, or why there is nothing to be said of it.

    Attributes
    ----------
    start : int
        Its first sample, at the model's rate.
    tensor : ndarray of float32, shape (1, leads, samples), or None
        The network's input.
    reason : str
        Why there is none; ``""`` if there is one.
    """

    start: int
    tensor: NDArray[np.float32] | None
    reason: str = ""


class FragmentStream:
    """Cut a stream into whole fragments, side by side from its first sample unless told otherwise.

    Parameters
    ----------
    rate_hz : float
        Of the stream.
    spec : SignalInput
        From the model's metadata.
    step : int, optional
        Samples, at the model's rate, from one fragment's start to the next one's; the default is a
        fragment's length.

    Notes
    -----
    The fragments are those of :func:`~edgecnn.ecg.fragments.condition_leads` and
    :func:`~edgecnn.preprocessing.fragments.fragment_inputs` for the finished recording.
    """

    def __init__(self, rate_hz: float, spec: SignalInput, *, step: int | None = None) -> None:
        rate = spec.sampling_rate_hz
        self._spec = spec
        self._step = step or spec.samples
        self._conditioners = [LeadConditioner(rate_hz, rate) for _ in spec.leads]
        self._reach = 0 if spec.filter is None else reach(spec.filter, rate)
        none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=bool))
        # Leads come out of their conditioners unevenly: in a gap, samples are held back.
        self._uneven: list[_Lead] = [none for _ in spec.leads]
        self._signal = np.empty((len(spec.leads), 0), dtype=np.int64)
        self._valid = np.empty((len(spec.leads), 0), dtype=bool)
        #: Number of the first sample that is kept.
        self._first = 0
        self._next = 0
        #: The samples of all leads that the last chunk brought, and where there is a signal.
        self.newest = (self._signal, self._valid)

    def push(self, chunk_mv: NDArray[np.floating]) -> list[Fragment]:
        """Take more samples, shape ``(samples, leads)``, in mV with NaN where there is no signal.

        Returns
        -------
        list of Fragment
            Those that are complete.
        """
        parts = [
            conditioner.push(np.ascontiguousarray(chunk_mv[:, column]))
            for column, conditioner in enumerate(self._conditioners)
        ]
        return self._cut(parts, ended=False)

    def flush(self) -> list[Fragment]:
        """End the stream; return the fragments that are left."""
        return self._cut([conditioner.flush() for conditioner in self._conditioners], ended=True)

    def _cut(self, parts: list[_Lead], *, ended: bool) -> list[Fragment]:
        for column, (signal, valid) in enumerate(parts):
            waiting, known = self._uneven[column]
            self._uneven[column] = (
                np.concatenate([waiting, signal]),
                np.concatenate([known, valid]),
            )
        even = min(signal.size for signal, _ in self._uneven)
        new = [signal[:even] for signal, _ in self._uneven]
        seen = [valid[:even] for _, valid in self._uneven]
        self._uneven = [(signal[even:], valid[even:]) for signal, valid in self._uneven]
        self.newest = (np.stack(new), np.stack(seen))
        self._signal = np.concatenate([self._signal, self.newest[0]], axis=1)
        self._valid = np.concatenate([self._valid, self.newest[1]], axis=1)

        length = self._spec.samples
        complete = self._first + self._signal.shape[1] - (0 if ended else self._reach)
        count = max(0, (complete - self._next - length) // self._step + 1)
        if not count:
            return []
        # As far to both sides as the filter looks; at the recording's ends it repeats a sample.
        signal_mv = filtered_mv(self._signal, self._spec)
        found = [
            self._fragment(signal_mv, self._next + number * self._step) for number in range(count)
        ]
        self._next += count * self._step
        forgotten = max(0, self._next - self._reach - self._first)
        self._signal = self._signal[:, forgotten:].copy()
        self._valid = self._valid[:, forgotten:].copy()
        self._first += forgotten
        return found

    def _fragment(self, signal_mv: NDArray[np.float64], start: int) -> Fragment:
        own = slice(start - self._first, start - self._first + self._spec.samples)
        if not self._valid[:, own].all():
            return Fragment(start, None, IN_GAP)
        if reason := unusable(self._signal[:, own], self._spec):
            return Fragment(start, None, reason)
        at = np.array([own.start], dtype=np.int64)
        return Fragment(start, fragment_tensors(signal_mv, at, self._spec))
