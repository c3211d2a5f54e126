from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from edgecnn.ecg.alarms import alarm_limits
from edgecnn.ecg.beats import classify_record, match_beats
from edgecnn.ecg.live import EcgProcessor, open_live
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import TaskError, UsageError
from edgecnn.preprocessing.resample import resample
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.live import run_live
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model, threads=1)


def rows_of(model, source, **outputs):
    out = io.StringIO()
    opened = open_live(model, source)
    summary = run_live(*opened, outputs=Outputs(as_json=True, **outputs), out=out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    return rows[:-1], summary, opened[0]


def test_every_drawn_pvc_is_called_v_and_every_other_beat_n(model):
    rows, summary, source = rows_of(model, "test:ecg?seed=2&seconds=60&pace=free")
    assert summary.captured == summary.processed == 600
    assert summary.failed == summary.dropped == summary.pending == 0
    beats = [beat for row in rows for beat in row["beats"]]
    samples = np.array([beat["sample"] for beat in beats])
    drawn = np.array([sample for sample, _ in source.beats])
    pairs = match_beats(drawn, samples, rate_hz=360)
    assert len(pairs) == len(drawn) == len(beats)
    called = [beats[found]["class"] for _, found in pairs]
    assert called == [symbol for _, symbol in source.beats]
    assert rows[-1]["counts"]["V"] == called.count("V") > 3
    assert rows[-1]["counts"]["unknown"] == 0


@pytest.mark.data
def test_a_replayed_record_gives_what_scoring_gives(model, data_root):
    path = data_root / "mitdb" / "208"
    rows, _, _ = rows_of(model, f"record:{path}?pace=free&seconds=60")
    record = read_record(path)
    record = type(record)(
        record.name, record.path, 360.0, record.leads, record.signal_mv[: 60 * 360]
    )
    scored = classify_record(record, model)
    beats = [beat for row in rows for beat in row["beats"]]
    assert [beat["sample"] for beat in beats] == scored.samples.tolist()
    assert [beat["class"] for beat in beats] == list(scored.classes)
    assert np.allclose([beat["score"] for beat in beats], scored.scores, atol=1e-5)


@pytest.mark.data
@pytest.mark.parametrize("rate_hz", [360, 250])
def test_a_table_with_gaps_gives_live_what_scoring_gives(data_root, tmp_path, rate_hz):
    """From the command line: the table of beats equals the lines of `live --json`."""
    signal = read_record(data_root / "mitdb" / "119", lead="MLII").lead_mv("MLII")[: 90 * 360]
    signal = resample(signal, 360, rate_hz)
    rng = np.random.default_rng(rate_hz)
    for length_s in (0, 0.015, 0.025, 0.5) * 3:
        start = rng.integers(0, signal.size)
        signal[start : start + max(1, round(length_s * rate_hz))] = np.nan
    signal[7000:7050] = 1e300
    file = tmp_path / "r.csv"
    file.write_text(f"# Sampling rate = {rate_hz}\nMLII\n" + "\n".join(map(str, signal)) + "\n")
    model = "bundled:ecg-beats"
    edgecnn("score", model, file, "-o", tmp_path / "out")
    replay = ("--source", f"record:{file}?pace=free", "--headless", "--json")
    *rows, last = map(json.loads, edgecnn("live", model, *replay).splitlines())
    assert last["summary"]["failed"] == 0
    live = [beat for row in rows for beat in row["beats"]]
    with (tmp_path / "out" / "beats.csv").open(newline="") as table:
        scored = list(csv.DictReader(table))
    assert len(live) == len(scored) > 80
    assert {"N", "V", "Q"} <= {row["class"] for row in scored}
    for beat, row in zip(live, scored, strict=True):
        assert beat["sample"] == int(row["sample"])
        assert beat["time_s"] == float(row["time_s"])
        assert (beat["class"] if beat["class"] != "unknown" else "Q") == row["class"]
        assert (beat["score"] is None) == (row["score"] == "")
        if row["score"]:
            assert beat["score"] == pytest.approx(float(row["score"]), abs=6e-5)


def edgecnn(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "edgecnn", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return done.stdout


def test_the_row_says_what_is_known_at_that_time(model):
    rows, _, _ = rows_of(model, "test:ecg?seed=2&seconds=30&pace=free&heart_rate=90&pvc_every=0")
    assert (rows[0]["state"], rows[0]["reason"]) == ("unknown", "no beat so far")
    assert rows[0]["heart_rate_bpm"] is None
    late = [row for row in rows if row["time_s"] > 10]
    assert {row["label"] for row in late} == {"N"}
    assert all(row["state"] == "ok" and row["score"] > 0.5 for row in late)
    assert all(abs(row["heart_rate_bpm"] - 90) < 6 for row in late)
    delays = [beat["delay_s"] for row in late[:-1] for beat in row["beats"]]
    assert max(delays) <= 1.6
    assert late[5]["stages_ms"].keys() == {"wait", "prepare", "infer"}


def process(processor, signal_mv, chunk=36):
    for number, begin in enumerate(range(0, len(signal_mv), chunk)):
        yield processor.process(Frame("s", number, 0, signal_mv[begin : begin + chunk]))


def test_a_signal_that_stops_is_said_to_have_no_beats(model):
    signal = np.concatenate([synthetic_ecg(20, 360).signal_mv, np.zeros(8 * 360)])
    results = list(process(EcgProcessor(model), signal))
    assert results[200].state == "ok"
    assert results[-1].state == "unknown"
    assert results[-1].reason == "the signal is flat, for 8 s"
    assert results[-1].fields["heart_rate_bpm"] is None


def test_what_is_missing_is_said_and_a_gap_is_no_slow_heart(model):
    signal = synthetic_ecg(60, 360, seed=3, heart_rate_bpm=90, pvc_every=0).signal_mv.copy()
    signal[20 * 360 : round(21.5 * 360)] = np.nan
    signal[40 * 360 : 50 * 360] = signal[40 * 360]
    results = list(process(EcgProcessor(model), signal))
    rates = [result.fields["heart_rate_bpm"] for result in results[100:]]
    # Beats are missing in the gap: the interval over it is none.
    assert all(rate is None or abs(rate - 90) < 8 for rate in rates)
    told = [(r.cause, r.reason) for r in results]
    assert told[212] == ("no-signal", "no signal for 1 s")
    assert told[480] == ("flat", "the signal is flat, for 8 s")
    assert {cause for cause, _ in told} == {"", "no-beat", "no-signal", "gap", "flat"}
    assert results[-1].aside.split("  ")[0] == f"{rates[-1]:.0f}/min"
    assert "SDNN" in results[-1].aside
    (event,) = (e for result in results for e in result.events if "on: no beat" in e)
    assert event.startswith("alarm on: no beat (3")


def test_after_a_long_gap_a_beat_is_awaited_first(model):
    signal = synthetic_ecg(30, 360, seed=3, pvc_every=0).signal_mv.copy()
    signal[15 * 360 : 22 * 360] = np.nan
    results = list(process(EcgProcessor(model), signal))
    assert results[221].reason == "no beat since the signal is back"
    assert results[-1].state == "ok"


def test_a_gap_in_a_live_signal_gives_no_beats(model):
    # An electrode's offset: falling to 0 mV in the gap would look like a beat.
    ecg = synthetic_ecg(40, 360, seed=4)
    signal = ecg.signal_mv + 8
    signal[20 * 360 : 26 * 360] = np.nan
    results = list(process(EcgProcessor(model), signal))
    beats = [beat for result in results for beat in result.fields["beats"]]
    times = np.array([beat["time_s"] for beat in beats])
    assert not ((times >= 20) & (times < 26)).any()
    drawn = ecg.samples / 360
    assert (times < 20).sum() == (drawn < 20).sum()
    assert (times > 26).sum() == pytest.approx((drawn > 26).sum(), abs=1)
    unsure = [beat["time_s"] for beat in beats if beat["class"] == "unknown"]
    assert all(19.6 < moment < 26.3 for moment in unsure)
    assert all(beat["score"] is None for beat in beats if beat["class"] == "unknown")


def test_a_signal_that_was_never_there(model):
    results = list(process(EcgProcessor(model), np.full(3600, np.nan)))
    assert results[0].reason == "no beat so far"
    assert results[-1].reason == "no signal for 10 s"
    assert results[-1].draw().shape == (540, 960, 3)


def test_the_picture_is_a_snapshot(model):
    signal = synthetic_ecg(20, 360, seed=4).signal_mv
    processor = EcgProcessor(model)
    results = list(process(processor, signal))
    early = results[100].draw()
    again = EcgProcessor(model)
    alone = list(process(again, signal[: 101 * 36]))[-1].draw()
    assert np.array_equal(early, alone)


def test_the_last_beats_come_with_the_end(model):
    ecg = synthetic_ecg(20, 360, seed=4)
    processor = EcgProcessor(model)
    told = sum(len(result.fields["beats"]) for result in process(processor, ecg.signal_mv))
    last = processor.finish()
    assert last is not None
    assert told + len(last.fields["beats"]) == len(ecg.samples)
    assert EcgProcessor(model).finish() is None


def test_the_card_states_how_far_it_looks_ahead(model):
    processor = EcgProcessor(model)
    assert processor.card["Looks ahead"].startswith(f"{processor.spec.look_ahead_s:.2g} s")
    assert processor.card["Looks ahead"].endswith(
        "0.019 s more to bridge a gap and change the rate"
    )
    assert "MLII" in processor.card["Input"]


def test_the_answer_comes_as_soon_as_is_stated_at_another_rate(model, tmp_path):
    from edgecnn.ecg.readers.csv import write_csv

    ecg = synthetic_ecg(60, 250, seed=3)
    write_csv(tmp_path / "r.csv", ecg.signal_mv, rate_hz=250, lead="MLII")
    source, processor = open_live(model, f"record:{tmp_path}/r.csv?pace=free")
    source.open()
    assert "up to 0.12 s more to bridge a gap" in processor.card["Looks ahead"]
    delays = []
    while (frame := source.read()) is not None:
        delays += [
            beat["delay_s"]
            for beat in processor.process(frame).fields["beats"]
            if beat["time_s"] > 4
        ]
    source.close()
    assert len(delays) > 50
    # The chunk's own 0.1 s is part of it.
    assert max(delays) <= processor.spec.look_ahead_s + 0.6 + 0.12 + 0.1


def test_wrong_models_and_sources_are_refused(model, picture_model):
    with pytest.raises(TaskError, match="not heartbeats"):
        open_live(load_model(picture_model, threads=1), "test:")
    with pytest.raises(UsageError):
        open_live(model, "0")


def test_the_page_shows_the_trace(model, tmp_path):
    """The recording sink draws every picture, as the page does."""
    import cv2

    rows_of(model, "test:ecg?seconds=3&pace=free", record=tmp_path / "out.mkv")
    video = cv2.VideoCapture(str(tmp_path / "out.mkv"))
    count = 0
    while True:
        more, picture = video.read()
        if not more:
            break
        count += 1
        assert picture.shape == (540, 960, 3)
    video.release()
    assert count >= 25


def test_the_command_line_runs_it(beat_model):
    command = [
        *(sys.executable, "-m", "edgecnn", "live", str(beat_model)),
        *("--source", "test:ecg?seconds=6&pace=free", "--headless", "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    *rows, last = map(json.loads, done.stdout.splitlines())
    assert len(rows) == 61
    assert last["summary"]["processed"] == 60
    assert rows[-1]["label"] == "N"


def events_of(results):
    return [
        (event["name"], event["on"], event["time_s"])
        for result in results
        for event in result.fields["alarm_events"]
    ]


def test_a_pause_and_a_lost_electrode_ring_and_stop_ringing(model):
    beats = synthetic_ecg(20, 360, seed=3, pvc_every=0).signal_mv
    silence, lost = np.zeros(5 * 360), np.full(4 * 360, np.nan)
    signal = np.concatenate([beats, silence, beats, lost, beats])
    events = events_of(process(EcgProcessor(model), signal))
    (_, on, pause_s), (_, off, over_s) = [event for event in events if event[0] == "pause"]
    assert (on, off) == (True, False)
    # Three seconds after the last beat, as soon as it is certain that none came.
    assert 22.2 < pause_s < 24.5
    assert 25 < over_s < 27
    (_, on, lost_s), (_, off, back_s) = [event for event in events if event[0] == "no-signal"]
    assert (on, off) == (True, False)
    assert lost_s == pytest.approx(45 + 2, abs=0.25)
    assert back_s == pytest.approx(45 + 4, abs=0.25)


def test_a_fast_heart_rings_at_the_limit_that_was_set(model):
    signal = synthetic_ecg(30, 360, seed=3, heart_rate_bpm=100, pvc_every=0).signal_mv
    quiet = EcgProcessor(model)
    assert events_of(process(quiet, signal)) == []
    watched = EcgProcessor(model, limits=alarm_limits(["tachycardia=90/80"]))
    results = list(process(watched, signal))
    assert [event[:2] for event in events_of(results)] == [("tachycardia", True)]
    assert results[-1].fields["alarms"][0]["name"] == "tachycardia"


@pytest.mark.data
def test_figures_of_the_last_minutes_are_those_of_the_scored_record(data_root, tmp_path):
    """Record 119: many V beats; five minutes are the window's whole length."""
    record = data_root / "mitdb" / "119"
    lead = read_record(record, lead="MLII").lead_mv("MLII")[: 290 * 360]
    file = tmp_path / "r.csv"
    np.savetxt(file, lead, header="MLII", comments="# Sampling rate = 360\n")
    replay = ("--source", f"record:{file}?pace=free", "--headless", "--json")
    *rows, _ = map(json.loads, edgecnn("live", "bundled:ecg-beats", *replay).splitlines())
    edgecnn("score", "bundled:ecg-beats", file, "-o", tmp_path / "out")
    with (tmp_path / "out" / "records.csv").open(newline="") as table:
        (scored,) = csv.DictReader(table)
    assert float(scored["pvc_burden_percent"]) > 20
    for name in ("sdnn_ms", "rmssd_ms", "pvc_burden_percent"):
        assert rows[-1][name] == float(scored[name])


def test_alarms_are_of_an_ecg():
    arguments = ("bundled:mnist-lenet5", "--source", "test:", "--headless", "--alarm", "pause=2")
    done = subprocess.run(
        [sys.executable, "-m", "edgecnn", "live", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2
    assert "--alarm watches an ECG's beats" in done.stderr


def noisy_signal(middle):
    before, after = (synthetic_ecg(30, 360, seed=s, pvc_every=0).signal_mv for s in (3, 4))
    return np.concatenate([before, middle, after])


def test_noise_is_told_and_rings_no_tachycardia(model):
    rng = np.random.default_rng(1)
    results = list(process(EcgProcessor(model), noisy_signal(rng.normal(0, 1.5, 30 * 360))))
    names = {name for name, on, _ in events_of(results)}
    assert "poor-signal" in names
    assert not names & {"tachycardia", "bradycardia", "pause", "v-run"}
    inside = [result for result in results if 34 < result.fields["time_s"] < 60]
    assert np.mean([result.cause == "noise" for result in inside]) > 0.9
    held = [result for result in inside if result.cause == "noise"]
    assert all(result.fields["alarms_held"] for result in held)
    assert all(result.fields["heart_rate_bpm"] is None for result in held)
    assert held[0].reason.startswith("no beat can be told from noise, for ")
    assert held[0].fields["signal"]["state"] == "noise"
    last = results[-1]
    assert (last.state, last.fields["signal"]["state"]) == ("ok", "good")
    assert last.fields["alarms_held"] is False
    assert last.fields["heart_rate_bpm"] == pytest.approx(72, abs=8)
    # The trace says it, too.
    assert not np.array_equal(
        held[-1].draw()[258:290, 300:660], results[-1].draw()[258:290, 300:660]
    )


def test_an_electrode_that_is_off_is_a_pause_and_no_tachycardia(model):
    rng = np.random.default_rng(1)
    results = list(process(EcgProcessor(model), noisy_signal(rng.normal(0, 0.03, 30 * 360))))
    events = events_of(results)
    assert [event[:2] for event in events if event[0] == "pause"] == [
        ("pause", True),
        ("pause", False),
    ]
    (began,) = (time_s for name, on, time_s in events if name == "pause" and on)
    assert 32.5 < began < 35.5
    assert ("tachycardia", True) not in [event[:2] for event in events]
    inside = [r for r in results if 36 < r.fields["time_s"] < 60]
    assert {r.state for r in inside} == {"unknown"}
    assert {r.fields["signal"]["state"] for r in inside} == {"quiet"}


def test_an_alarm_that_is_on_stays_on_in_noise(model):
    rng = np.random.default_rng(1)
    fast = synthetic_ecg(30, 360, seed=3, heart_rate_bpm=140, pvc_every=0).signal_mv
    signal = np.concatenate([fast, rng.normal(0, 1.5, 20 * 360), fast])
    results = list(process(EcgProcessor(model), signal))
    changes = [event for event in events_of(results) if event[0] == "tachycardia"]
    assert [event[1] for event in changes] == [True]


def test_figures_leave_noise_out_as_the_scored_record_does(beat_model, tmp_path):
    rng = np.random.default_rng(2)
    signal = noisy_signal(rng.normal(0, 1.5, 20 * 360))
    file = tmp_path / "r.csv"
    np.savetxt(file, signal, header="MLII", comments="# Sampling rate = 360\n")
    replay = ("--source", f"record:{file}?pace=free", "--headless", "--json")
    *rows, _ = map(json.loads, edgecnn("live", beat_model, *replay).splitlines())
    edgecnn("score", beat_model, file, "-o", tmp_path / "out")
    with (tmp_path / "out" / "records.csv").open(newline="") as table:
        (scored,) = csv.DictReader(table)
    assert 18 < float(scored["noise_s"]) < 23
    # A few percent in the drawn rhythm; the intervals that are found in noise vary by hundreds.
    assert float(scored["sdnn_ms"]) < 60
    for name in ("sdnn_ms", "rmssd_ms"):
        assert rows[-1][name] == float(scored[name])
