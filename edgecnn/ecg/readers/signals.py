"""What readers share: which signals of a file are the leads, and how several rates become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import choose_lead, lead_label
from edgecnn.ecg.units import is_voltage, millivolts_per

__all__ = ["PickedSignals", "at_one_rate", "one_line", "pick_signals"]

_LONGEST_REASON = 140


@dataclass(frozen=True)
class PickedSignals:
    """The signals of a file that are its leads.

    Attributes
    ----------
    columns : tuple of int
        Their places in the file.
    millivolts : tuple of float
        Millivolts per unit of each.
    notes : tuple of str
        What was left out, and why.
    """

    columns: tuple[int, ...]
    millivolts: tuple[float, ...]
    notes: tuple[str, ...]


def pick_signals(
    path: Path, names: Sequence[str], units: Sequence[str], lead: str | None
) -> PickedSignals:
    """Pick one lead, or all signals in a unit of potential: a pressure or a pulse is no ECG.

    Raises
    ------
    RecordError
        No such lead, or no signal in a unit of potential.

    Examples
    --------
    >>> pick_signals(Path("a.edf"), ["II", "PLETH"], ["uV", "NU"], None)
    PickedSignals(columns=(0,), millivolts=(0.001,), notes=('PLETH left out: its unit is NU',))
    """
    source = str(path)
    columns = list(range(len(names)))
    if lead is not None:
        columns = [choose_lead(names, lead, source=source)]
    kept = [column for column in columns if is_voltage(units[column])]
    if not kept:
        millivolts_per(units[columns[0]], source=source)
    notes = tuple(
        f"{lead_label(names[column])} left out: its unit is {units[column] or 'not stated'}"
        for column in columns
        if column not in kept
    )
    scales = tuple(millivolts_per(units[column], source=source) for column in kept)
    return PickedSignals(tuple(kept), scales, notes)


def at_one_rate(
    signals: Sequence[NDArray[np.floating]], rates_hz: Sequence[float], rate_hz: float
) -> NDArray[np.float64]:
    """Bring signals of several rates to the highest by straight lines between their samples.

    A missing sample (NaN) leaves the stretch to its neighbours missing; nothing is drawn past a
    signal's last sample.

    Parameters
    ----------
    signals : sequence of ndarray, shapes (samples,)
    rates_hz : sequence of float
        Rate of each, not above ``rate_hz``.
    rate_hz : float

    Returns
    -------
    ndarray of float64, shape (samples, signals)
        As long as the longest one.

    Examples
    --------
    >>> at_one_rate([np.arange(4.0), np.array([0.0, 4.0])], [200.0, 100.0], 200.0)[:, 1].tolist()
    [0.0, 2.0, 4.0, nan]
    """
    samples = max(
        round(len(signal) * rate_hz / rate) for signal, rate in zip(signals, rates_hz, strict=True)
    )
    brought = np.full((samples, len(signals)), np.nan)
    for place, (signal, rate) in enumerate(zip(signals, rates_hz, strict=True)):
        if math.isclose(rate, rate_hz, rel_tol=1e-9):
            brought[: len(signal), place] = signal[:samples]
        elif len(signal):
            at = np.arange(samples) * (rate / rate_hz)
            brought[:, place] = np.interp(at, np.arange(len(signal)), signal, right=np.nan)
    return brought


def one_line(error: Exception) -> str:
    """Return what a library says of a file, in a line of an error's length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 3]}..."
