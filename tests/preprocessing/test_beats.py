"""Beats to tensors: no look into the future, and a stream gives what a record gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.metadata import BeatInput, BoxcarFilter, Likeness, RhythmFeatures
from edgecnn.preprocessing.beats import (
    beat_inputs,
    beat_tensors,
    cut_windows,
    template_sums,
)
from edgecnn.preprocessing.boxcar import filter_boxcar
from edgecnn.preprocessing.rr import rhythm_ratios

RATE_HZ = 360.0
SPEC = BeatInput(
    sampling_rate_hz=RATE_HZ,
    leads=("MLII",),
    before=96,
    after=128,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)

FULL = replace(
    SPEC,
    template="usual",
    template_beats=32,
    rhythm=RhythmFeatures(set="local", long=64),
    likeness=Likeness(),
)
TIMELY = replace(
    FULL,
    template="timely",
    rhythm=RhythmFeatures(set="wide", long=64),
    likeness=Likeness(set="p-wave"),
)
both = pytest.mark.parametrize("spec", [SPEC, FULL, TIMELY], ids=["plain", "full", "timely"])


def record(
    seed: int, seconds: float = 40.0, rate_hz: float = RATE_HZ
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spikes at random intervals of 0.3 to 1.8 s on noise and drift; the spikes' samples."""
    random = np.random.default_rng(seed)
    count = int(seconds * rate_hz)
    peaks = np.cumsum(random.integers(int(0.3 * rate_hz), int(1.8 * rate_hz), 200))
    peaks = peaks[peaks < count - 5]
    signal = random.normal(0, 20, count) + 300 * np.sin(np.arange(count) / 500)
    for width in range(-4, 5):
        signal[np.clip(peaks + width, 0, count - 1)] += random.normal(1000, 200) * (5 - abs(width))
    return signal.astype(np.int64), peaks


@both
def test_shapes_and_names(spec: BeatInput) -> None:
    signal, peaks = record(0)
    inputs = beat_inputs(signal, peaks, spec)
    assert {name: value.shape for name, value in inputs.items()} == {
        name: (len(peaks), *shape) for name, shape in spec.tensors.items()
    }
    assert all(value.dtype == np.float32 for value in inputs.values())
    assert all(np.isfinite(value).all() for value in inputs.values())


@both
@pytest.mark.parametrize("seed", range(3))
def test_a_beat_does_not_depend_on_what_lies_beyond_its_look_ahead(
    seed: int, spec: BeatInput
) -> None:
    """Everything later than ``look_ahead_s`` after a peak is replaced; its bits stay."""
    signal, peaks = record(seed)
    whole = beat_inputs(signal, peaks, spec)
    horizon = round(spec.look_ahead_s * RATE_HZ)
    random = np.random.default_rng(seed + 100)
    for beat in range(0, len(peaks), 3):
        known = peaks[beat] + horizon + 1
        future = random.integers(-10_000, 10_000, max(0, signal.size - known))
        changed = np.concatenate([signal[:known], future])
        later = np.sort(random.choice(np.arange(known, known + 5000), 5, replace=False))
        changed_peaks = np.concatenate([peaks[peaks < known], later[later < changed.size]])
        again = beat_inputs(changed, changed_peaks, spec)
        for name, value in whole.items():
            np.testing.assert_array_equal(again[name][: beat + 1], value[: beat + 1], err_msg=name)


def test_the_look_ahead_is_no_longer_than_it_needs_to_be() -> None:
    """A change just inside of the horizon does show, or the test above would prove nothing."""
    signal, peaks = record(1)
    whole = beat_inputs(signal, peaks, SPEC)
    beat = int(np.flatnonzero(np.diff(peaks) > 1.5 * RATE_HZ)[0])
    filter_and_window = SPEC.after + 2 * 108
    changed = signal.copy()
    changed[peaks[beat] + filter_and_window - 20] += 1_000_000
    assert (beat_inputs(changed, peaks, SPEC)["beat"][beat] != whole["beat"][beat]).any()
    # The next peak matters up to the longest interval, and not one sample later.
    longest = round(SPEC.rhythm.longest_s * RATE_HZ)
    row = {
        gap: rhythm_ratios(np.append(peaks[: beat + 1], peaks[beat] + gap), SPEC)[beat]
        for gap in (longest - 1, longest, longest + 1)
    }
    assert (row[longest - 1] != row[longest]).any()
    np.testing.assert_array_equal(row[longest], row[longest + 1])


@both
@pytest.mark.parametrize("seed", range(2))
def test_streamed_rows_equal_the_whole(seed: int, spec: BeatInput) -> None:
    """As a live source does it: each beat from a few beats of history and its look-ahead."""
    signal, peaks = record(seed, seconds=200.0)
    whole = beat_inputs(signal, peaks, spec)
    history = spec.history
    assert len(peaks) > history + 30
    horizon = round(spec.look_ahead_s * RATE_HZ)
    filtered = filter_boxcar(signal, spec.filter, RATE_HZ)
    for beat in range(len(peaks)):
        first = max(0, beat - history)
        seen = peaks[first : beat + 1]
        later = peaks[beat + 1] if beat + 1 < len(peaks) else None
        next_peak = int(later) if later is not None and later <= peaks[beat] + horizon else None
        windows = cut_windows(filtered[: peaks[beat] + spec.after], seen, spec)
        rows = beat_tensors(windows, seen, spec, next_peak=next_peak)
        for name, value in whole.items():
            np.testing.assert_array_equal(rows[name][-1], value[beat], err_msg=f"{name} {beat}")


@given(gain=st.sampled_from([2, 3, 7, 10]), seed=st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_the_amplifiers_gain_does_not_matter(gain: int, seed: int) -> None:
    signal, peaks = record(seed, seconds=10)
    one, other = (beat_inputs(signal * factor, peaks, SPEC) for factor in (1, gain))
    np.testing.assert_allclose(one["beat"], other["beat"], atol=2e-3)
    np.testing.assert_array_equal(one["rr"], other["rr"])


def test_an_offset_does_not_matter() -> None:
    signal, peaks = record(2, seconds=10)
    one, other = (beat_inputs(signal + offset, peaks, SPEC)["beat"] for offset in (0, 5000))
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_template_is_the_mean_of_the_beats_before() -> None:
    signal, peaks = record(3)
    windows = cut_windows(filter_boxcar(signal, SPEC.filter, RATE_HZ), peaks, SPEC)
    tensors = beat_tensors(windows, peaks, SPEC)["beat"]
    for beat in (1, 5, SPEC.template_beats, SPEC.template_beats + 5):
        before = windows[max(0, beat - SPEC.template_beats) : beat].astype(np.float64)
        mean = before.mean(axis=0)
        scale = np.sqrt((mean**2).mean())
        np.testing.assert_allclose(tensors[beat, 1], mean / scale, rtol=1e-5, atol=1e-6)
        clipped = np.clip(windows[beat] / scale, -SPEC.clip, SPEC.clip)
        np.testing.assert_allclose(tensors[beat, 0], clipped, rtol=1e-5, atol=1e-6)


@both
def test_first_beat_is_its_own_template(spec: BeatInput) -> None:
    signal, peaks = record(4, seconds=10)
    first = beat_inputs(signal, peaks, spec)["beat"][0]
    np.testing.assert_array_equal(first[0], first[1])


def test_template_sums_by_definition() -> None:
    windows = np.arange(12, dtype=np.int64).reshape(6, 2) ** 2
    sums = template_sums(windows, 3)
    assert sums[0].tolist() == windows[0].tolist()
    for row in range(1, 6):
        assert sums[row].tolist() == windows[max(0, row - 3) : row].sum(axis=0).tolist()


def test_a_spike_is_clipped() -> None:
    signal, peaks = record(5, seconds=10)
    signal[peaks[4]] += 5_000_000
    beat = beat_inputs(signal, peaks, SPEC)["beat"]
    assert np.abs(beat[4]).max() == SPEC.clip
    assert np.abs(beat).max() <= SPEC.clip


@both
def test_flat_line_gives_zeros_and_no_warning(spec: BeatInput) -> None:
    inputs = beat_inputs(np.zeros(2000, np.int64), np.array([500, 1000]), spec)
    assert not inputs["beat"].any()
    assert all(np.isfinite(value).all() for value in inputs.values())


def test_windows_at_the_ends_repeat_the_outermost_sample() -> None:
    filtered = np.arange(300, dtype=np.int64)
    windows = cut_windows(filtered, np.array([10, 290]), SPEC)
    assert windows[0, : SPEC.before - 10].tolist() == [0] * (SPEC.before - 10)
    assert windows[0, SPEC.before] == 10
    assert windows[1, SPEC.before + 10 :].tolist() == [299] * (SPEC.after - 10)


def test_rhythm_of_a_steady_pulse_is_zero() -> None:
    peaks = np.arange(1, 40) * 300
    ratios = rhythm_ratios(peaks, SPEC)
    np.testing.assert_allclose(ratios[:-1], 0, atol=1e-6)
    # After the last beat nothing came for as long as the contract waits.
    assert ratios[-1, 1] == pytest.approx(np.log(SPEC.rhythm.longest_s * RATE_HZ / 300))


def test_rhythm_of_a_premature_beat() -> None:
    """Beats at 300 samples, one early by 120 with a full pause behind it."""
    peaks = np.concatenate([np.arange(1, 20) * 300, [19 * 300 + 180], np.arange(21, 30) * 300])
    before, after, before_short, after_before, _ = rhythm_ratios(peaks, SPEC)[19]
    long_mean = (18 * 300 + 300 + 180) / 20
    assert before == pytest.approx(np.log(180 / long_mean))
    assert after == pytest.approx(np.log(420 / long_mean))
    assert before_short == pytest.approx(np.log(180 / ((7 * 300 + 180) / 8)))
    assert after_before == pytest.approx(np.log(420 / 180))


def test_no_beats_and_one_beat() -> None:
    none = beat_inputs(np.zeros(100, np.int64), np.zeros(0, np.int64), SPEC)
    assert {name: value.shape for name, value in none.items()} == {
        "beat": (0, *SPEC.shape),
        "rr": (0, 5),
    }
    one = beat_inputs(np.ones(500, np.int64), np.array([250]), SPEC)
    assert one["rr"].tolist() == [[0.0] * 5]
    nothing = beat_inputs(np.zeros(100, np.int64), np.zeros(0, np.int64), FULL)
    assert {name: value.shape[1:] for name, value in nothing.items()} == FULL.tensors


@pytest.mark.parametrize("peaks", [[-1], [100], [5, 5], [9, 3]])
def test_impossible_peaks_are_refused(peaks: list[int]) -> None:
    with pytest.raises(DataError, match="R peaks must rise"):
        beat_inputs(np.zeros(100, np.int64), np.array(peaks), SPEC)


def test_names_are_the_contracts() -> None:
    spec = replace(SPEC, name="x", rhythm=replace(SPEC.rhythm, name="y"))
    assert set(beat_inputs(np.zeros(500, np.int64), np.array([200]), spec)) == {"x", "y"}


@pytest.mark.data
def test_streaming_a_real_record(data_root) -> None:
    """MIT-BIH 100, first minute: rows from a short history equal the whole record's."""
    packed = np.fromfile(data_root / "mitdb" / "100.dat", np.uint8, 3 * 360 * 60).reshape(-1, 3)
    first = packed[:, 0].astype(np.int64) | ((packed[:, 1].astype(np.int64) & 0x0F) << 8)
    signal = (np.where(first > 2047, first - 4096, first) - 1024) * 5
    filtered = filter_boxcar(signal, SPEC.filter, RATE_HZ)
    peaks = np.flatnonzero(
        (filtered[1:-1] > 16 * 300) & (filtered[1:-1] > filtered[:-2])
        & (filtered[1:-1] >= filtered[2:])
    ) + 1  # fmt: skip
    peaks = peaks[np.diff(peaks, prepend=-1000) > 100]
    assert len(peaks) > 60
    whole = beat_inputs(signal, peaks, SPEC)
    for beat in (0, 20, 40, 60):
        stop = peaks[beat] + round(SPEC.look_ahead_s * RATE_HZ) + 1
        part = beat_inputs(signal[:stop], peaks[peaks < stop], SPEC)
        for name, value in whole.items():
            np.testing.assert_array_equal(part[name][beat], value[beat])
