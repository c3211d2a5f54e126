"""Heartbeats to input tensors, exactly as the file's :class:`~edgecnn.metadata.BeatInput` says.

The live path and the batch path call the same functions. A beat's tensors depend on the beats
before it and on at most ``spec.look_ahead_s`` of signal after it; nothing depends on the whole
record, so a stream that sees the past and that little future computes the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.boxcar import filter_boxcar
from edgecnn.preprocessing.rr import early_beats, rhythm_ratios, timely_beats_among
from edgecnn.preprocessing.timely_beat import timely_beats
from edgecnn.preprocessing.usual_beat import Floats, likeness, usual_beats
from edgecnn.preprocessing.window_sums import Integers, largest_of, narrowed, window_sums

__all__ = ["beat_inputs", "beat_tensors", "cut_windows", "template_sums"]

#: Beats that are scaled at once.
_ROWS = 128


def beat_inputs(
    signal_uv: NDArray[np.int64], peaks: NDArray[np.integer], spec: BeatInput
) -> dict[str, NDArray[np.float32]]:
    """Turn a whole record's beats into the network's inputs.

    Parameters
    ----------
    signal_uv : ndarray of int64, shape (samples,)
        One lead in microvolts at ``spec.sampling_rate_hz``
        (see :func:`~edgecnn.preprocessing.boxcar.to_microvolts`).
    peaks : ndarray of int, shape (beats,)
        Samples of the R peaks, rising.
    spec : BeatInput
        From the file's metadata.

    Returns
    -------
    dict
        ``spec.name``: float32, shape ``(beats, 2, before + after)``;
        ``spec.rhythm.name``: float32, shape ``(beats, len(spec.rhythm.features))``;
        with ``spec.likeness``, ``spec.likeness.name``: float32, shape
        ``(beats, len(spec.likeness.features))``.

    Raises
    ------
    DataError
        Peaks outside the signal or not rising.

    Examples
    --------
    >>> from edgecnn.metadata import BoxcarFilter, RhythmFeatures
    >>> spec = BeatInput(sampling_rate_hz=100, leads=("MLII",), before=20, after=30,
    ...                  filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    ...                  rhythm=RhythmFeatures())
    >>> signal = np.zeros(500, np.int64); signal[[100, 180, 260]] = 1000
    >>> {name: x.shape for name, x in beat_inputs(signal, np.array([100, 180, 260]), spec).items()}
    {'beat': (3, 2, 50), 'rr': (3, 5)}
    """
    at = peaks.astype(np.int64)
    if at.size and (at[0] < 0 or at[-1] >= signal_uv.size or np.any(np.diff(at) <= 0)):
        raise DataError("R peaks must rise and lie inside the signal")
    filtered = filter_boxcar(signal_uv, spec.filter, spec.sampling_rate_hz)
    return beat_tensors(cut_windows(filtered, at, spec), at, spec)


def beat_tensors(
    windows: Integers,
    peaks: NDArray[np.int64],
    spec: BeatInput,
    *,
    next_peak: int | None = None,
    first: int = 0,
) -> dict[str, NDArray[np.float32]]:
    """Turn cut windows and peak positions into the network's inputs.

    Parameters
    ----------
    windows : ndarray of int, shape (beats, before + after)
        From :func:`cut_windows`.
    peaks : ndarray of int64, shape (beats,)
        Samples of their R peaks. Rows depend on no more than ``spec.history`` rows before them,
        so a stream may pass just these and take the last row.
    next_peak : int, optional
        Sample of the R peak after the last row, when it is known.
    first : int
        Rows before this one are there for those after them only, and are not returned.
    """
    begin = max(0, first - spec.template_beats)
    tensors = {}
    template: Integers | Floats
    counts = None
    if spec.template == "usual":
        early = early_beats(peaks, spec)
        template, resembled = usual_beats(windows[begin:], early[begin:], spec)
        template, resembled = template[first - begin :], resembled[first - begin :]
        if spec.likeness is not None:
            numbers = likeness(windows[first:], template, resembled, spec)
            tensors[spec.likeness.name] = numbers
    elif spec.template == "timely":
        timely = timely_beats_among(peaks, spec)
        template, numbers = timely_beats(windows[begin:], timely[begin:], spec, first=first - begin)
        if spec.likeness is not None:
            tensors[spec.likeness.name] = numbers
    else:
        template = template_sums(windows[begin:], spec.template_beats)[first - begin :]
        counts = np.minimum(np.arange(first, len(windows)), spec.template_beats)
        counts[counts == 0] = 1
    tensors[spec.name] = _scaled(windows[first:], template, counts, spec.clip)
    ratios = rhythm_ratios(peaks, spec, next_peak=next_peak, first=first)
    return {spec.name: tensors.pop(spec.name), spec.rhythm.name: ratios, **tensors}


def _scaled(
    windows: Integers,
    template: Integers | Floats,
    counts: NDArray[np.int64] | None,
    clip: float,
) -> NDArray[np.float32]:
    """Divide each beat and its template, a sum of so many beats, by the template's own size."""
    beats = np.empty((len(windows), 2, windows.shape[1]), dtype=np.float32)
    scratch = np.empty((min(_ROWS, len(windows)), windows.shape[1]), dtype=np.float32)
    # A row depends on no other here: so few at a time that they stay in the processor's cache.
    for start in range(0, len(windows), _ROWS):
        rows = slice(start, start + _ROWS)
        out = beats[rows]
        np.copyto(out[:, 0], windows[rows], casting="unsafe")
        np.copyto(out[:, 1], template[rows], casting="unsafe")
        squares = np.multiply(out[:, 1], out[:, 1], out=scratch[: len(out)])
        size = np.sqrt(np.mean(squares, axis=1, dtype=np.float32), dtype=np.float64)
        many = 1 if counts is None else counts[rows]
        # A flat line has no size of its own; 16 is one microvolt.
        scale = np.maximum(size / many, 16.0)
        for place, divisor in ((0, scale), (1, scale * many)):
            out[:, place] *= (1 / divisor).astype(np.float32)[:, None]
        np.clip(out, -clip, clip, out=out)
    return beats


def cut_windows(filtered: Integers, peaks: NDArray[np.int64], spec: BeatInput) -> Integers:
    """Cut ``before + after`` samples around each peak; the ends repeat the outermost sample."""
    width = spec.before + spec.after
    if not peaks.size:
        return np.empty((0, width), dtype=filtered.dtype)
    starts = peaks - spec.before
    if starts.min() >= 0 and starts.max() + width <= filtered.size:
        # Rows copied whole: several times as fast as an index for each sample.
        inside: Integers = np.lib.stride_tricks.sliding_window_view(filtered, width)[starts]
        return inside
    index = np.clip(starts[:, None] + np.arange(width), 0, max(filtered.size - 1, 0))
    windows: Integers = filtered[index]
    return windows


def template_sums(windows: Integers, count: int) -> Integers:
    """Sum the up to ``count`` windows before each; the first beat is its own template."""
    if not len(windows):
        return windows
    # Before the record's first beats there is nothing to add.
    padded = np.zeros(
        (count + len(windows) - 1, windows.shape[1]),
        dtype=narrowed(count * largest_of(windows)),
    )
    padded[count:] = windows[:-1]
    sums = window_sums(padded, count)
    sums[0] = windows[0]
    return sums
