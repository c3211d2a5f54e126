from __future__ import annotations

import time

import numpy as np
import pytest

from edgecnn.ecg.readers.csv import write_csv
from edgecnn.ecg.sources import DrawnEcg, RecordReplay, open_ecg_source
from edgecnn.errors import EdgeCNNError, RecordError, UsageError
from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures
from tests.runtime.sources.clock import Clock

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=90,
    after=126,
    filter=BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
    rhythm=RhythmFeatures(),
)


def read_all(source):
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def samples_of(frames):
    return np.concatenate([frame.data for frame in frames])


def test_the_drawn_ecg_is_the_same_each_time_and_knows_its_beats():
    source = open_ecg_source("test:ecg?seed=3&seconds=20&pace=free", SPEC)
    assert isinstance(source, DrawnEcg)
    frames = read_all(source)
    assert [frame.number for frame in frames] == list(range(200))
    signal = samples_of(frames)
    assert signal.size == 20 * 360
    beats = list(source.beats)
    assert {"N", "V"} == {symbol for _, symbol in beats}
    for sample, _ in beats[1:-1]:
        assert signal[sample] == pytest.approx(signal[sample - 20 : sample + 20].max(), abs=0.1)
    assert np.array_equal(samples_of(read_all(source)), signal)
    assert source.beats == beats


def test_a_long_drawn_ecg_goes_on_over_its_pieces():
    source = DrawnEcg("test:?seconds=605.5&pace=free", SPEC)
    frames = read_all(source)
    assert samples_of(frames).size == round(605.5 * 360)
    intervals = np.diff([sample for sample, _ in source.beats]) / 360
    assert 0.3 < intervals.min() < intervals.max() < 2.5


def test_without_a_length_it_does_not_end():
    source = DrawnEcg("test:?pace=free", SPEC)
    source.open()
    for _ in range(3200):
        assert source.read() is not None


@pytest.mark.parametrize(("speed", "interval_s"), [("", 0.1), ("&speed=10", 0.01)])
def test_live_chunks_come_in_real_time(speed, interval_s, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edgecnn.ecg.sources.time", clock)
    began = clock.now_s
    frames = read_all(DrawnEcg(f"test:?seconds=4{speed}", SPEC))
    assert len(frames) == 40
    stamps = np.array([frame.captured_ns for frame in frames]) / 1e9
    assert stamps[0] - began == pytest.approx(interval_s)
    assert np.diff(stamps) == pytest.approx(interval_s)


def test_after_a_pause_there_is_no_burst(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edgecnn.ecg.sources.time", clock)
    source = DrawnEcg("test:?seconds=4", SPEC)
    source.open()
    source.read()
    clock.sleep(1)
    stamps = np.array([source.read().captured_ns for _ in range(5)]) / 1e9
    # One was due long ago; those after it are due one by one.
    assert np.diff(stamps[1:]) == pytest.approx(0.1)


def test_it_waits_by_the_real_clock():
    started = time.monotonic()
    read_all(DrawnEcg("test:?seconds=0.5", SPEC))
    assert time.monotonic() - started > 0.45


def test_a_record_is_replayed_whole(tmp_path):
    signal = np.random.default_rng(0).normal(size=1000).round(4)
    write_csv(tmp_path / "r.csv", signal, rate_hz=360, lead="II")
    for text in (f"record:{tmp_path}/r.csv?pace=free", f"{tmp_path}/r.csv?pace=free"):
        source = open_ecg_source(text, SPEC)
        assert isinstance(source, RecordReplay)
        assert not source.live
        frames = read_all(source)
        assert np.array_equal(samples_of(frames), signal)
        assert len(frames) == 28
        assert "II, 360 Hz" in source.description


def test_part_of_a_record_comes_at_the_records_own_rate(tmp_path):
    signal = np.sin(np.arange(2500) / 20).round(4)
    write_csv(tmp_path / "r.csv", signal, rate_hz=250, lead="V5")
    source = RecordReplay(f"record:{tmp_path}/r.csv?pace=free&lead=V5&from=2&seconds=4", SPEC)
    assert source.sampling_rate_hz is None
    frames = read_all(source)
    assert source.sampling_rate_hz == 250
    assert {frame.data.size for frame in frames} == {25}
    assert np.array_equal(samples_of(frames), signal[500:1500])


def test_gaps_stay_gaps(tmp_path):
    signal = np.sin(np.arange(2500) / 20).round(4)
    signal[1000:1250] = np.nan
    write_csv(tmp_path / "r.csv", signal, rate_hz=250)
    replayed = samples_of(read_all(RecordReplay(f"record:{tmp_path}/r.csv?pace=free", SPEC)))
    assert np.array_equal(replayed, signal, equal_nan=True)


def test_a_file_without_a_rate_can_be_given_one(tmp_path):
    np.save(tmp_path / "r.npy", np.zeros(720))
    with pytest.raises(RecordError, match="no sampling rate"):
        RecordReplay(f"record:{tmp_path}/r.npy", SPEC).open()
    source = RecordReplay(f"record:{tmp_path}/r.npy?rate=360&pace=free", SPEC)
    assert len(read_all(source)) == 20


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("test:digits", "draws no ECG"),
        ("test:ecg?colour=red", "unknown option colour"),
        ("test:ecg?heart_rate=900", "cannot draw"),
        ("test:ecg?pace=slow", "pace=slow"),
        ("0", "no source of an ECG"),
        ("rtsp://camera/1", "no source of an ECG"),
        ("", "no source of an ECG"),
        ("record:x?speed=0", "speed=0"),
    ],
)
def test_what_is_no_source_is_refused_at_once(text, what):
    with pytest.raises(UsageError, match=what):
        open_ecg_source(text, SPEC)


def test_an_absent_record_is_said_when_it_is_opened(tmp_path):
    source = open_ecg_source(f"record:{tmp_path}/100", SPEC)
    with pytest.raises(EdgeCNNError, match="100"):
        source.open()
    source.close()
    write_csv(tmp_path / "r.csv", np.zeros(100), rate_hz=360)
    with pytest.raises(UsageError, match="nothing to replay"):
        RecordReplay(f"record:{tmp_path}/r.csv?from=5", SPEC).open()


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ("MLII\n0.1\n0.2\n", "recording's own: ?rate=HZ"),
        ("# Sampling rate: 100\nV1,V2\n0.1,0.2\n", "another one with ?lead=NAME: one"),
        ("# Sampling rate: 100\n0.1,0.2\n", "by its number: ?lead=1 ... ?lead=2"),
    ],
)
def test_a_hint_names_the_sources_options(tmp_path, table, hint):
    (tmp_path / "r.csv").write_text(table)
    with pytest.raises(RecordError) as raised:
        RecordReplay(f"record:{tmp_path}/r.csv", SPEC).open()
    assert hint in raised.value.hint
    assert "--" not in raised.value.hint
