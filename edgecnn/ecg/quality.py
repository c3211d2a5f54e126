"""What looks wrong with a recording: flat, saturated, inverted or swapped leads.

Remarks for a person to follow up, in words; no beat is changed or left out for them. An inverted
lead and some diseases look alike, so polarity is told as a possibility.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.doubtful import Doubtful
from edgecnn.ecg.lead_signal import Sliceable
from edgecnn.ecg.leads import choose_lead
from edgecnn.ecg.readers import open_record, stays_in_file
from edgecnn.ecg.record import Record
from edgecnn.ecg.signal_quality import SignalQuality
from edgecnn.ecg.stretches import FlatFinder, SaturationFinder
from edgecnn.errors import EdgeCNNError, RecordError

__all__ = ["LeadQuality", "LeadWatch", "lead_remarks", "limb_remarks", "limb_remarks_of"]

#: Leads whose QRS complex and T wave point up in most people.
_LIMB = ("I", "II", "III", "aVR")
_UPRIGHT = ("I", "II", "V4", "V5", "V6")
_FEWEST_BEATS = 5
_MOST_BEATS = 100
_QRS_S = 0.06
_T_WAVE_S = (0.18, 0.36)
_BASELINE_S = (0.30, 0.10)
#: How much deeper than high an inverted QRS complex is, and how much of it an inverted T wave is.
_INVERTED = 1.5
_T_SHARE = 0.08
#: Of lead II, how much may be missing between it and the sum of I and III.
_EINTHOVEN_SHARE = 0.3
_CHECKED_S = 60.0
#: Less noise is in any recording.
_NOISE_TOLD_S = 10.0
_LARGEST_BYTES = 1 << 23


def lead_remarks(
    signal_mv: NDArray[np.floating],
    rate_hz: float,
    *,
    lead: str = "",
    peaks: NDArray[np.integer] | None = None,
) -> tuple[str, ...]:
    """Say what looks wrong with one lead.

    Parameters
    ----------
    signal_mv : ndarray of float, shape (samples,)
        NaN where there is no signal.
    rate_hz : float
    lead : str
        Its name; polarity is judged of a lead that points up in most people.
    peaks : ndarray of int, shape (beats,), optional
        R peaks; polarity is judged by them.

    Returns
    -------
    tuple of str
        Nothing if nothing looks wrong.

    Examples
    --------
    >>> lead_remarks(np.zeros(5000), 250.0)
    ('flat for 20 s (100 %)',)
    """
    watch = LeadWatch(rate_hz)
    watch.push(signal_mv)
    return watch.finish(signal_mv, lead=lead, peaks=peaks).remarks


@dataclass(frozen=True)
class LeadQuality:
    """How much of a lead is of use.

    Attributes
    ----------
    flat_s, saturated_s : float
        Without any movement, and at the end of the converter's range.
    remarks : tuple of str
        What looks wrong, in words.
    doubtful : Doubtful
        Where beats may be hidden or feigned (:mod:`~edgecnn.ecg.signal_quality`).
    """

    flat_s: float
    saturated_s: float
    remarks: tuple[str, ...]
    doubtful: Doubtful = field(default_factory=Doubtful.nothing)


class LeadWatch:
    """Watch one lead piece by piece, and say at its end what looks wrong with it.

    Parameters
    ----------
    rate_hz : float
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._flat = FlatFinder(rate_hz)
        self._saturated = SaturationFinder(rate_hz)
        self._judge = SignalQuality(rate_hz)
        self._states: list[NDArray[np.int8]] = []

    def push(self, chunk_mv: NDArray[np.floating]) -> None:
        """Take more samples in millivolts; NaN where there is no signal."""
        self._flat.push(chunk_mv)
        self._saturated.push(chunk_mv)
        self._states.append(self._judge.push(chunk_mv))

    def finish(
        self,
        signal_mv: Sliceable,
        *,
        lead: str = "",
        peaks: NDArray[np.integer] | None = None,
    ) -> LeadQuality:
        """Say it; ``signal_mv`` is the whole lead, else as :func:`lead_remarks`."""
        samples, rate = len(signal_mv), self._rate
        flat = self._flat.finish()
        saturated = self._saturated.finish(flat)
        states = np.concatenate([*self._states, self._judge.flush()])
        doubtful = Doubtful.of(states, self._judge.block)
        flat_s, saturated_s, noise_s, feigned_s = (
            _total(found) / rate for found in (flat, saturated, doubtful.hiding, doubtful.feigning)
        )
        remarks = []
        if flat_s:
            remarks.append(f"flat for {_told(flat_s, samples / rate)}")
        if saturated_s:
            remarks.append(f"saturated for {_told(saturated_s, samples / rate)}")
        for seconds, what in (
            (noise_s, "no beat can be told from noise"),
            (feigned_s - noise_s, "no beat stands out"),
        ):
            if seconds > _NOISE_TOLD_S:
                remarks.append(f"{what} for {_told(seconds, samples / rate)}")
        if peaks is not None and _is_named(lead, _UPRIGHT) and _points_down(signal_mv, rate, peaks):
            remarks.append(f"{lead} may be inverted: QRS and T point down")
        return LeadQuality(flat_s, saturated_s, tuple(remarks), doubtful)


def limb_remarks(record: Record, peaks: NDArray[np.integer]) -> tuple[str, ...]:
    """Say whether the limb leads of a record fit together; its first minute is looked at.

    By Einthoven's law I + III is II at every instant: leads that were swapped, inverted or misnamed
    in the file break it. Swapped electrodes keep it; right and left arm swapped turn lead I over
    and aVR upright.

    Parameters
    ----------
    record : Record
        With all its leads.
    peaks : ndarray of int, shape (beats,)
        R peaks.

    Returns
    -------
    tuple of str
        Nothing if nothing looks wrong, or without the leads to tell by.
    """
    rate = record.sampling_rate_hz
    signal = record.signal_mv[: round(_CHECKED_S * rate)]
    peaks = peaks[peaks < len(signal)]
    found = {name: _column(record.leads, name) for name in _LIMB}
    place = {name: column for name, column in found.items() if column is not None}
    remarks = []
    if {"I", "II", "III"} <= place.keys():
        one, two, three = (_centred(signal[:, place[name]]) for name in ("I", "II", "III"))
        missing, size = _spread(two - one - three), max(map(_spread, (one, two, three)))
        if size > 0 and missing > _EINTHOVEN_SHARE * size:
            remarks.append("I + III is not II: limb leads may be swapped, inverted or misnamed")
    if (
        {"I", "aVR"} <= place.keys()
        and _points_down(signal[:, place["I"]], rate, peaks)
        and _points_down(-signal[:, place["aVR"]], rate, peaks)
    ):
        remarks.append("right and left arm may be swapped: I points down and aVR up")
    return tuple(remarks)


def limb_remarks_of(path: Path, lead_hz: float, peaks: NDArray[np.integer]) -> tuple[str, ...]:
    """Say whether the limb leads of a file fit together (:func:`limb_remarks`).

    Parameters
    ----------
    path : Path
        Of a format that leaves samples in the file only the first minute is read; of another one
        nothing, if it is larger than 8 MB.
    lead_hz : float
        Sampling rate that the peaks count at.
    peaks : ndarray of int, shape (beats,)

    Returns
    -------
    tuple of str
        Nothing for a file with fewer leads, or whose other leads cannot be read.
    """
    try:
        if not stays_in_file(path) and path.stat().st_size > _LARGEST_BYTES:
            return ()
        stored = open_record(path, rate_hz=lead_hz)
        if len(stored.leads) < 2 or stored.sampling_rate_hz != lead_hz:
            return ()
        columns = {_column(stored.leads, name) for name in _LIMB}
        if len(columns - {None}) < 2:
            return ()
        signal_mv = stored.fetch(0, min(stored.samples, round(_CHECKED_S * lead_hz)))
    except (EdgeCNNError, OSError):
        return ()
    return limb_remarks(Record(stored.name, path, lead_hz, stored.leads, signal_mv), peaks)


def _points_down(signal_mv: Sliceable, rate_hz: float, peaks: NDArray[np.integer]) -> bool:
    """Say whether both QRS complex and T wave of the usual beat point down."""
    before, after = round(_BASELINE_S[0] * rate_hz), round(_T_WAVE_S[1] * rate_hz)
    peaks = peaks[(peaks >= before) & (peaks + after < len(signal_mv))]
    if len(peaks) < _FEWEST_BEATS:
        return False
    # The median of a hundred beats is as good as that of all.
    peaks = peaks[:: max(1, len(peaks) // _MOST_BEATS)]
    beats = np.stack([signal_mv[peak - before : peak + after] for peak in peaks.tolist()])
    beats = beats[np.isfinite(beats).all(axis=1)]
    if len(beats) < _FEWEST_BEATS:
        return False
    beat = np.median(beats, axis=0)
    beat = beat - np.median(beat[: before - round(_BASELINE_S[1] * rate_hz)])
    near = round(_QRS_S * rate_hz)
    qrs = beat[before - near : before + near + 1]
    wave = beat[before + round(_T_WAVE_S[0] * rate_hz) :]
    depth, height = -float(qrs.min()), float(qrs.max())
    turned = float(wave[np.argmax(np.abs(wave))])
    return depth > _INVERTED * max(height, 0.0) and turned < -_T_SHARE * depth


def _column(leads: Sequence[str], name: str) -> int | None:
    try:
        column = choose_lead(leads, name, source="")
    except RecordError:
        return None
    return column if _is_named(leads[column], (name,)) else None


def _is_named(lead: str, names: tuple[str, ...]) -> bool:
    if not lead:
        return False
    try:
        choose_lead((*names, ""), lead, source="")
    except RecordError:
        return False
    return True


def _centred(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    valid = np.isfinite(signal)
    return signal - np.median(signal[valid]) if valid.any() else signal


def _spread(signal: NDArray[np.floating]) -> float:
    valid = signal[np.isfinite(signal)]
    return float(valid.std()) if valid.size else 0.0


def _total(stretches: NDArray[np.int64]) -> int:
    return int((stretches[:, 1] - stretches[:, 0]).sum())


def _told(seconds: float, of_s: float) -> str:
    return f"{seconds:.3g} s ({100 * seconds / of_s:.3g} %)"
