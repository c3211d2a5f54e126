"""Heart rate variability and ectopy over the last minutes of a live ECG."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.doubtful import Doubtful
from edgecnn.ecg.ectopy import ectopy_of
from edgecnn.ecg.gaps import gaps_of
from edgecnn.ecg.heart_rate import rr_intervals_s, variability

__all__ = ["WINDOW_S", "RollingFigures", "RollingStatistics"]

#: Length of the window. Five minutes is the short-term recording of the Task Force of the ESC and
#: NASPE 1996 (doi:10.1161/01.CIR.93.5.1043); SDNN of other lengths does not compare.
WINDOW_S = 300.0

_NORMAL, _PVC = "N", "V"


@dataclass(frozen=True)
class RollingFigures:
    """What the window came to.

    Attributes
    ----------
    beats, classified : int
        Beats in the window, and those with an answer among them.
    sdnn_ms, rmssd_ms : float or None
        Over intervals between normal beats; see :class:`~edgecnn.ecg.heart_rate.Variability`.
    pvc_burden_percent : float or None
        Share of V among the classified beats; None without any, or for a model without that class.
    pvc_run : int
        Length of the succession of V that the newest beat ends; 0 if it is no V.
    """

    beats: int = 0
    classified: int = 0
    sdnn_ms: float | None = None
    rmssd_ms: float | None = None
    pvc_burden_percent: float | None = None
    pvc_run: int = 0

    @property
    def told(self) -> tuple[str, ...]:
        """What is known, for people."""
        return tuple(
            f"{name} {value:.{digits}f} {unit}"
            for name, value, digits, unit in (
                ("SDNN", self.sdnn_ms, 0, "ms"),
                ("RMSSD", self.rmssd_ms, 0, "ms"),
                ("V", self.pvc_burden_percent, 1, "%"),
            )
            if value is not None
        )


class RollingStatistics:
    """Keeps the beats and gaps of the window; memory does not grow with the stream.

    The figures of a stream that is no longer than the window are those of its finished record:
    both come from :mod:`edgecnn.ecg.heart_rate` and :mod:`edgecnn.ecg.ectopy`.

    Parameters
    ----------
    labels : tuple of str
        The model's classes.
    rate_hz : float
        Rate of the samples that beats and gaps are counted in.
    window_s : float

    Examples
    --------
    >>> rolling = RollingStatistics(("N", "V"), 100)
    >>> for sample, index in ((0, 0), (80, 0), (162, 0), (220, 1), (330, 0)):
    ...     rolling.add(sample, index)
    >>> figures = rolling.figures()
    >>> figures.sdnn_ms.__round__(1), figures.pvc_burden_percent, figures.pvc_run
    (14.1, 20.0, 0)
    """

    def __init__(
        self, labels: tuple[str, ...], rate_hz: float, *, window_s: float = WINDOW_S
    ) -> None:
        self._labels = labels
        self._rate_hz = rate_hz
        self._length = round(window_s * rate_hz)
        self._beats: deque[tuple[int, int]] = deque()
        self._gaps: deque[tuple[int, int]] = deque()
        self._hiding: deque[tuple[int, int]] = deque()
        self._feigning: deque[tuple[int, int]] = deque()
        self._figures: RollingFigures | None = RollingFigures()

    def mark(self, first: int, valid: NDArray[np.bool_]) -> None:
        """Remember where a chunk that begins at sample ``first`` has no signal."""
        if valid.all():
            return
        for start, stop in (gaps_of(valid) + first).tolist():
            # Cut in two by the end of a chunk?
            goes_on = self._gaps and self._gaps[-1][1] == start
            self._gaps.append((self._gaps.pop()[0] if goes_on else start, stop))
        self._figures = None

    def doubt(self, first: int, stop: int, *, hides: bool) -> None:
        """Remember a stretch in which what looks like a beat may be none; they come in order.

        ``hides`` says whether there may be beats in it that nobody can see.
        """
        for stretches in (self._feigning, self._hiding) if hides else (self._feigning,):
            # Joined, as the stretches of a finished record are.
            goes_on = stretches and stretches[-1][1] == first
            stretches.append((stretches.pop()[0] if goes_on else first, stop))
        self._figures = None

    def add(self, sample: int, index: int) -> None:
        """Take the next beat: its sample and the place of its class in the labels, or -1."""
        self._beats.append((sample, index))
        oldest = sample - self._length
        while self._beats[0][0] <= oldest:
            self._beats.popleft()
        for stretches in (self._gaps, self._hiding, self._feigning):
            while stretches and stretches[0][1] <= self._beats[0][0]:
                stretches.popleft()
        self._figures = None

    def has_gap(self, first: int, stop: int) -> bool:
        """Say whether there is no signal, or noise that hides beats, between two samples."""
        return any(
            start < stop and first < end
            for stretches in (self._gaps, self._hiding)
            for start, end in stretches
        )

    def is_noise(self, sample: int) -> bool:
        """Say whether the newest beat, at this sample, lies in noise."""
        return any(first <= sample < stop for first, stop in reversed(self._feigning))

    def figures(self) -> RollingFigures:
        """Return the figures of the window that ends with the newest beat."""
        if self._figures is None:
            self._figures = self._reckoned() if self._beats else RollingFigures()
        return self._figures

    def _reckoned(self) -> RollingFigures:
        samples, classes = np.array(self._beats, dtype=np.int64).T
        # A gap after the newest beat lies in no interval yet.
        gaps = np.array([gap for gap in self._gaps if gap[0] < samples[-1]], dtype=np.int64)
        intervals = rr_intervals_s(samples, self._rate_hz, gaps.reshape(-1, 2))
        doubtful = Doubtful(*map(_stretches, (self._hiding, self._feigning)))
        classes, intervals = doubtful.left_out(samples, classes.astype(np.int8), intervals)
        normal = np.zeros(len(classes), dtype=bool)
        if _NORMAL in self._labels:
            normal = classes == self._labels.index(_NORMAL)
        varies = variability(intervals, normal)
        pvcs = ectopy_of(classes, self._labels, intervals).get(_PVC)
        return RollingFigures(
            beats=len(classes),
            classified=int(np.count_nonzero(classes >= 0)),
            sdnn_ms=varies.sdnn_ms,
            rmssd_ms=varies.rmssd_ms,
            pvc_burden_percent=None if pvcs is None else pvcs.burden_percent,
            pvc_run=self._run(classes, intervals),
        )

    def _run(self, classes: NDArray[np.int8], intervals: NDArray[np.float64]) -> int:
        if _PVC not in self._labels:
            return 0
        is_pvc = classes[::-1] == self._labels.index(_PVC)
        others = np.flatnonzero(~is_pvc)
        run = int(others[0]) if others.size else len(classes)
        # A beat may be missing in a gap: what follows it is a new run.
        broken = np.flatnonzero(~np.isfinite(intervals[::-1][: max(0, run - 1)]))
        return int(broken[0]) + 1 if broken.size else run


def _stretches(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
