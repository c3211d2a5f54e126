"""A drawn ECG whose every beat is known: for the demo, golden vectors and tests.

Each wave of a beat is a Gaussian bump placed relative to the R peak, the idea of McSharry et al.
(2003, doi:10.1109/TBME.2003.808805) without its differential equations. A premature ventricular
contraction comes early, has no P wave, a wide and large QRS complex and a T wave of the opposite
direction, and is followed by a compensatory pause.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import UsageError

__all__ = ["SyntheticECG", "synthetic_ecg"]


class SyntheticECG(NamedTuple):
    """A drawn ECG.

    Attributes
    ----------
    signal_mv : ndarray of float64, shape (samples,)
    samples : ndarray of int64, shape (beats,)
        Sample of each beat's R peak, or of the peak of its wide complex.
    symbols : tuple of str
        ``"N"`` or ``"V"``, as MIT annotations have it.
    """

    signal_mv: NDArray[np.float64]
    samples: NDArray[np.int64]
    symbols: tuple[str, ...]


class _Wave(NamedTuple):
    """A bump: when relative to the R peak, how wide (standard deviation), how high."""

    at_s: float
    width_s: float
    height_mv: float


_NORMAL = (
    _Wave(-0.170, 0.024, 0.14),
    _Wave(-0.026, 0.009, -0.12),
    _Wave(0.000, 0.0105, 1.25),
    _Wave(0.028, 0.010, -0.28),
    _Wave(0.270, 0.048, 0.30),
)
_PVC = (
    _Wave(-0.050, 0.020, -0.15),
    _Wave(0.000, 0.036, 1.75),
    _Wave(0.095, 0.040, -0.75),
    _Wave(0.300, 0.070, -0.45),
)
#: The T wave moves with the square root of the RR interval (Bazett 1920).
_T_WAVE = 4
_COUPLING = 0.58
_REACH_S = 0.7


def synthetic_ecg(
    duration_s: float,
    rate_hz: float,
    *,
    seed: int = 0,
    heart_rate_bpm: float = 72.0,
    pvc_every: int = 9,
    noise_mv: float = 0.012,
    wander_mv: float = 0.08,
) -> SyntheticECG:
    """Draw an ECG of normal beats and PVCs.

    Parameters
    ----------
    duration_s : float
        Length in seconds, at least 2.
    rate_hz : float
        Sampling rate, at least 100 Hz.
    seed : int
        The same seed draws the same ECG.
    heart_rate_bpm : float
        Mean heart rate, 30..180; single intervals vary by some percent, with breathing.
    pvc_every : int
        On average every so manieth beat is a PVC, never two in a row; 0 draws none.
    noise_mv, wander_mv : float
        Standard deviation of white noise, amplitude of the baseline's wander.

    Returns
    -------
    SyntheticECG

    Raises
    ------
    UsageError
        A value out of range.

    Examples
    --------
    >>> ecg = synthetic_ecg(10, 360, seed=1)
    >>> ecg.signal_mv.shape, sorted(set(ecg.symbols))
    ((3600,), ['N', 'V'])
    """
    if duration_s < 2 or rate_hz < 100 or not 30 <= heart_rate_bpm <= 180 or pvc_every < 0:
        raise UsageError(
            f"cannot draw an ECG of {duration_s:g} s at {rate_hz:g} Hz, {heart_rate_bpm:g} bpm, "
            f"a PVC every {pvc_every}",
            hint="at least 2 s and 100 Hz, 30 to 180 bpm",
        )
    random = np.random.default_rng([seed, 0xECC])
    times, symbols = _rhythm(random, duration_s, 60 / heart_rate_bpm, pvc_every)
    count = round(duration_s * rate_hz)
    # Every R peak on a sample: its annotation is exact.
    samples = np.rint(times * rate_hz).astype(np.int64)
    signal = _baseline(random, count, rate_hz, wander_mv) + random.normal(0, noise_mv, count)
    reach = round(_REACH_S * rate_hz)
    for place, (sample, symbol) in enumerate(zip(samples, symbols, strict=True)):
        start, stop = max(0, sample - reach), min(count, sample + reach)
        offset = (np.arange(start, stop) - sample) / rate_hz
        interval = times[place + 1] - times[place] if place + 1 < len(times) else 0.8
        size = random.normal(1, 0.03)
        for number, wave in enumerate(_PVC if symbol == "V" else _NORMAL):
            stretch = 1.0
            if symbol == "N" and number == _T_WAVE:
                stretch = float(np.sqrt(np.clip(interval, 0.4, 1.2) / 0.83))
            bump = (offset - wave.at_s * stretch) / wave.width_s
            signal[start:stop] += size * wave.height_mv * np.exp(-0.5 * bump * bump)
    return SyntheticECG(signal, samples, symbols)


def _rhythm(
    random: np.random.Generator, duration_s: float, interval_s: float, pvc_every: int
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Draw the beats' times and symbols."""
    times: list[float] = []
    symbols: list[str] = []
    now, due = 0.4 + 0.2 * random.random(), _next_pvc(random, pvc_every)
    while now < duration_s - 0.35:
        premature = due == 0
        times.append(now)
        symbols.append("V" if premature else "N")
        due = _next_pvc(random, pvc_every) if premature else due - 1
        breathing = 0.03 * np.sin(2 * np.pi * now / 4.1)
        step = interval_s * (1 + breathing + random.normal(0, 0.012))
        if premature:
            # The pause makes up for what the PVC came early, so the sinus rhythm keeps its beat.
            now += step * (2 - _COUPLING)
        else:
            now += step * (_COUPLING if due == 0 else 1.0)
    return np.asarray(times), tuple(symbols)


def _next_pvc(random: np.random.Generator, every: int) -> int:
    """Draw how many normal beats come first: half to one and a half of the mean, at least 3."""
    if every == 0:
        return -1
    return int(random.integers(max(3, every // 2), max(4, every + every // 2)))


def _baseline(
    random: np.random.Generator, count: int, rate_hz: float, amplitude_mv: float
) -> NDArray[np.float64]:
    """Draw the slow wander of breathing and electrodes."""
    time = np.arange(count) / rate_hz
    wander = np.zeros(count)
    for frequency in (0.05, 0.11, 0.24):
        phase = 2 * np.pi * random.random()
        wander += np.sin(2 * np.pi * frequency * time + phase) / 3
    return amplitude_mv * wander
