"""How often noise rings tachycardia on a live ECG, and how much of a sound one is held.

Records of MIT-BIH as they are, and their first six minutes with noise in the second, fourth and
sixth one. The signal-to-noise ratio is that of the MIT-BIH Noise Stress Test (Moody, Muldrow, Mark
1984): the power of a sine as high as the QRS complexes. What `edgecnn live` watches runs over each
signal twice, once believing all of it. The noise is drawn: fast as of muscles, slow as of a moving
electrode.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import print_table
from edgecnn.data.mitdb import DS1, DS2
from edgecnn.ecg.alarms import alarm_limits
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beats import beat_peaks, match_beats
from edgecnn.ecg.live_signal import LiveSignal
from edgecnn.ecg.peaks import find_r_peaks
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.signal_quality import SignalQuality, SignalState
from edgecnn.ecg.watch import EcgWatch
from edgecnn.preprocessing.boxcar import to_microvolts

_RATE = 360
_MINUTE = 60 * _RATE
_STEP = _RATE // 2
#: Kind of noise, and its signal-to-noise ratio in dB; of ``off`` there is nothing but noise.
_CASES: tuple[tuple[str, float], ...] = (
    ("none", 0),
    *(("fast", decibels) for decibels in (12.0, 6.0, 0.0, -6.0)),
    *(("slow", decibels) for decibels in (0.0, -6.0)),
    ("off", 0),
)
_OFF_MV = 0.05


def main() -> None:
    """Measure and print two tables for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=("ds1", "ds2"), default=("ds1", "ds2"))
    sets = parser.parse_args().sets
    folder = Path(os.environ.get("EDGECNN_DATA", ""), "mitdb")
    if not folder.is_dir():
        print("EDGECNN_DATA names no folder with mitdb: noise is not measured")
        return
    for name in sets:
        records = {"ds1": DS1, "ds2": DS2}[name]
        print(f"\n{name.upper()} as it is: {_held(folder, records)}\n")
        print_table(
            ("noise", "held of it", "tachycardia believing all", "now", "false beats", "counted"),
            [_row(folder, records, kind, decibels) for kind, decibels in _CASES],
        )


def _held(folder: Path, records: tuple[str, ...]) -> str:
    states: Counter[int] = Counter()
    for record in records:
        quality = SignalQuality(_RATE)
        found = quality.push(read_record(folder / record, lead="MLII").lead_mv("MLII"))
        states.update(np.concatenate([found, quality.flush()]).tolist())
    total = states.total()
    held = sum(count for state, count in states.items() if SignalState(state).hides_beats)
    quiet = states[SignalState.QUIET]
    return f"alarms held {100 * held / total:.2f} %, quiet {100 * quiet / total:.2f} % of the time"


def _row(folder: Path, records: tuple[str, ...], kind: str, decibels: float) -> tuple[str, ...]:
    random = np.random.default_rng(7)
    sums = np.zeros(6)
    for record in records:
        beats, signal = _signal(folder / record)
        noisy = (np.arange(signal.size) // _MINUTE) % 2 == 1
        size = _qrs_mv(signal, beats) / np.sqrt(8 * 10 ** (decibels / 10))
        if kind == "off":
            signal = np.where(noisy, _OFF_MV * _fast(random, signal.size), signal)
        elif kind != "none":
            drawn = {"fast": _fast, "slow": _slow}[kind](random, signal.size)
            signal = signal + size * noisy * drawn
        peaks = find_r_peaks(to_microvolts(signal), _RATE)
        false = np.ones(peaks.size, dtype=bool)
        false[[place for _, place in match_beats(beats, peaks, rate_hz=_RATE)]] = False
        quality = SignalQuality(_RATE)
        states = np.concatenate([quality.push(signal), quality.flush()])
        held = np.array([state.hides_beats for state in SignalState])[states]
        doubted = np.array([state.feigns_beats for state in SignalState])[states]
        inside = noisy[: states.size * quality.block : quality.block]
        believed = ~doubted[np.minimum(peaks // quality.block, states.size - 1)]
        sums += (
            (held | doubted)[inside].sum(),
            inside.sum(),
            _alarms(signal, peaks, judged=False),
            _alarms(signal, peaks, judged=True),
            false.sum(),
            (false & believed).sum(),
        )
    told = f"{kind}, {decibels:g} dB" if kind in ("fast", "slow") else kind
    counts = (f"{value:,.0f}" for value in sums[2:])
    return (told, f"{100 * sums[0] / sums[1]:.1f} %", *counts)


def _signal(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Read beats and signal of the first six minutes."""
    annotations = read_annotations(path, "atr")
    beats = beat_peaks(annotations.samples, annotations.symbols)
    signal = np.array(read_record(path, lead="MLII").lead_mv("MLII")[: 6 * _MINUTE])
    return beats[beats < signal.size], signal


def _qrs_mv(signal: NDArray[np.float64], beats: NDArray[np.int64]) -> float:
    return float(np.median([np.ptp(signal[max(0, at - 18) : at + 18]) for at in beats.tolist()]))


def _fast(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    noise = np.convolve(random.normal(size=size), [1, 0.4, -0.3, -0.5], "same")
    return noise / noise.std()


def _slow(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    walk = np.cumsum(random.normal(size=size))
    noise = walk - np.convolve(walk, np.ones(361) / 361, "same")
    return noise / noise.std()


def _alarms(signal: NDArray[np.float64], peaks: NDArray[np.int64], *, judged: bool) -> int:
    """Count how often tachycardia begins to ring."""
    live = LiveSignal(None, _RATE)
    watch = EcgWatch(("N",), _RATE, alarm_limits(()))
    rang = given = 0
    for first in range(0, signal.size, _STEP):
        chunk = signal[first : first + _STEP]
        live.take(chunk)
        watch.take(np.ones(chunk.size, dtype=bool))
        # A beat is told some 1.4 s after it.
        while given < peaks.size and peaks[given] + 1.4 * _RATE < live.taken:
            watch.beat(int(peaks[given]), 0)
            given += 1
        if judged:
            watch.judge(live.judged, live.state, live.doubtful())
        else:
            watch.judge(live.taken, SignalState.GOOD, ())
        newest = int(peaks[given - 1]) if given else None
        events = watch.look(settled=live.taken - _RATE, newest_peak=newest)
        rang += sum(event.on and event.name == "tachycardia" for event in events)
    return rang


if __name__ == "__main__":
    main()
