"""A rhythm model along a recording: the same as for the whole of it, and in all the results."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from edgecnn.ecg import score_file
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.fragment_stream import FragmentStream
from edgecnn.ecg.fragments import condition_leads
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.predict_records import predict_records
from edgecnn.ecg.record import Record
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import TaskError
from edgecnn.metadata import BoxcarFilter, SignalInput
from edgecnn.preprocessing.fragments import fragment_inputs
from edgecnn.runtime.session import Model, load_model
from tests.conftest import write_rhythm_model

RATE = 250


@pytest.fixture(scope="module")
def model(beat_model: Path) -> Model:
    return load_model(beat_model, threads=1)


@pytest.fixture(scope="module")
def rhythm(rhythm_model: Path) -> Model:
    return load_model(rhythm_model, threads=1)


def ecg(sizes: list[float], *, last_s: float = 0.0) -> NDArray[np.float64]:
    """Draw ten seconds of each size at 250 Hz; 0 is a flat line, NaN a gap."""
    signal = synthetic_ecg(10 * len(sizes) + last_s, RATE, seed=1).signal_mv.astype(np.float64)
    for number, size in enumerate(sizes):
        first, stop = 10 * RATE * number, 10 * RATE * (number + 1)
        if np.isnan(size):
            # A little shorter: resampling reaches beyond an edge.
            signal[first + 50 : stop - 50] = np.nan
        elif size:
            signal[first:stop] *= size
        else:
            # A little longer: what is resampled at its edges moves.
            signal[first - 50 : stop + 50] = 0
    return signal


def write(path: Path, **leads: NDArray[np.float64]) -> Path:
    np.savez(path, ecg=np.stack(list(leads.values()), axis=1), fs=RATE, leads=list(leads))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_stream_gives_the_fragments_of_the_whole_record_however_it_is_cut() -> None:
    spec = SignalInput(
        sampling_rate_hz=360,
        leads=("MLII", "V1"),
        samples=1000,
        filter=BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
    )
    signal = np.stack([ecg([1.0, 0.5, 2.0]), ecg([0.5, 2.0, 1.0])], axis=1)
    # A bridged gap and a long one, in one lead each: leads then come out unevenly.
    signal[700:703, 0] = np.nan
    signal[3000:3100, 1] = np.nan
    leads = condition_leads(Record("x", Path("x"), RATE, ("MLII", "V1"), signal), spec)
    starts = np.arange(0, leads.signal_uv.shape[1] - 999, 1000)
    whole = fragment_inputs(leads.signal_uv, starts, spec)["signal"]
    blind = leads.blind(starts, 1000)
    assert blind.sum() == 1
    for cuts in ([], [1, 699, 701, 704, 2999, 3050], list(range(97, len(signal), 97))):
        stream = FragmentStream(RATE, spec)
        found = []
        for first, stop in pairwise([0, *cuts, len(signal)]):
            found += stream.push(signal[first:stop])
        found += stream.flush()
        assert [fragment.start for fragment in found] == starts.tolist()
        for fragment, row, is_blind in zip(found, whole, blind, strict=True):
            assert (fragment.tensor is None) == is_blind
            if fragment.tensor is not None:
                np.testing.assert_array_equal(fragment.tensor[0], row)
            else:
                assert fragment.reason == "the signal has a gap"


def test_episodes_are_what_predict_says_and_in_every_result(
    model: Model, rhythm: Model, tmp_path: Path
) -> None:
    sizes = [1.0, 1.0, 3.0, np.nan, 3.0, 0.0, 3.0, 3.0]
    path = write(tmp_path / "a.npz", MLII=ecg(sizes, last_s=4))
    out = tmp_path / "out"
    summary = score_records(model, [path], out, rhythm=rhythm)
    found = rows(out / "episodes.csv")
    assert [(row["start_s"], row["end_s"], row["rhythm"]) for row in found] == [
        ("0.0", "20.0", "NSR"),
        ("20.0", "30.0", "AFIB"),
        ("30.0", "40.0", "unknown"),
        ("40.0", "50.0", "AFIB"),
        ("50.0", "60.0", "unknown"),
        ("60.0", "80.0", "AFIB"),
        ("80.0", "84.0", "unknown"),
    ]
    assert all(int(a["end_sample"]) == int(b["start_sample"]) for a, b in pairwise(found))
    assert [row["score"] for row in found if row["rhythm"] == "unknown"] == ["", "", ""]
    answers = [prediction.result for prediction in predict_records(rhythm, [path])]
    labels = [answer.label for answer in answers if answer is not None]
    assert labels == ["NSR"] * 2 + ["AFIB", "unknown", "AFIB", "unknown", "AFIB", "AFIB"]
    mean = np.mean([answer.score for answer in answers[-2:] if answer is not None])
    assert float(found[5]["score"]) == pytest.approx(mean, abs=6e-5)

    (record,) = rows(out / "records.csv")
    assert record["rhythm"] == "AFIB"
    assert (record["rhythm_s"], record["af_episodes"], record["af_s"]) == ("60.0", "3", "40.0")
    assert (record["af_longest_s"], record["af_burden_percent"]) == ("20.0", "66.667")
    document = json.loads((out / "records" / "a.json").read_bytes())["rhythm"]
    assert [row["rhythm"] for row in document["episodes"]] == [row["rhythm"] for row in found]
    assert document["seconds"] == {"AFIB": 40, "NSR": 20}
    assert document["af"]["burden_percent"] == pytest.approx(200 / 3)
    assert (document["model"]["name"], document["fragment_s"]) == ("rhythm-rule", 10)
    page = (out / "records" / "a.html").read_text()
    assert "AF burden" in page
    assert 'aria-label="Rhythms: AFIB 0:40.0, NSR 0:20.0"' in page
    assert "AFIB 67 %" in (out / "report.html").read_text()

    stored = read_annotations(out / "annotations" / "a", "edge")
    changes = [i for i, symbol in enumerate(stored.symbols) if symbol == "+"]
    texts = ["(N", "(AFIB", "(U", "(AFIB", "(U", "(AFIB", "(U"]
    assert [stored.aux[i] for i in changes] == texts
    assert stored.samples[changes].tolist() == [int(row["start_sample"]) for row in found]
    # The summary's beats are beats, and the same as without a rhythm.
    (scored,) = summary.records
    beats = rows(out / "beats.csv")
    assert scored.samples.tolist() == [int(beat["sample"]) for beat in beats]
    assert list(scored.classes) == [beat["class"] for beat in beats]
    alone = score_records(model, [path], tmp_path / "alone")
    assert alone.records[0].samples.tolist() == scored.samples.tolist()
    assert not (tmp_path / "alone" / "episodes.csv").exists()
    # A later run without a rhythm leaves no table of it behind.
    score_records(model, [path], out)
    assert not (out / "episodes.csv").exists()
    assert "rhythm" not in rows(out / "records.csv")[0]


def test_both_formats_of_tables_have_the_episodes(
    model: Model, rhythm: Model, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.npz", MLII=ecg([1.0, 3.0, np.nan]))
    write(folder / "b.npz", MLII=ecg([1.0]))
    score_records(model, [folder], tmp_path / "csv", rhythm=rhythm)
    score_records(model, [folder], tmp_path / "pq", rhythm=rhythm, tables="parquet")
    said = rows(tmp_path / "csv" / "episodes.csv")
    table = pq.read_table(tmp_path / "pq" / "episodes.parquet").to_pylist()
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in table
    ] == said
    assert len(said) == 4
    (first, _) = pq.read_table(tmp_path / "pq" / "records.parquet").to_pylist()
    assert (first["rhythm"], first["af_burden_percent"]) == ("NSR", 50.0)


def test_how_the_record_is_read_makes_no_difference(
    model: Model, rhythm: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.npz", MLII=ecg([1.0, 3.0, 0.9, 1.1, 3.0], last_s=2))
    score_records(model, [path], tmp_path / "one", rhythm=rhythm)
    monkeypatch.setattr(score_file, "LeadSignal", lambda stored: LeadSignal(stored, 777))
    score_records(model, [path], tmp_path / "two", rhythm=rhythm)
    for name in ("episodes.csv", "records.csv", "annotations/a.edge", "records/a.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_leads_of_its_own_are_read_from_the_file(model: Model, tmp_path: Path) -> None:
    path = write_rhythm_model(tmp_path / "two.onnx", leads=("V1", "MLII"), rate_hz=100)
    write(tmp_path / "a.npz", MLII=ecg([1.0, 1.0]), **{"V1": ecg([1.0, 3.0])})
    write(tmp_path / "b.npz", MLII=ecg([1.0, 1.0]))
    rhythm = load_model(path, threads=1)
    summary = score_records(model, [tmp_path], tmp_path / "out", rhythm=rhythm)
    found = rows(tmp_path / "out" / "episodes.csv")
    assert [(row["record"], row["rhythm"]) for row in found] == [("a", "NSR"), ("a", "AFIB")]
    assert [row["end_sample"] for row in found] == ["2500", "5000"]
    # The beats of a record without the rhythm's leads are scored all the same.
    without = summary.records[1]
    assert without.beats
    assert without.rhythm is None
    assert "no rhythm:" in without.notes[-1]
    assert "has no lead V1; it has MLII" in without.notes[-1]


def test_a_chosen_lead_is_for_both_models(model: Model, rhythm: Model, tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", V5=ecg([3.0, 1.0]))
    (record,) = score_records(model, [path], tmp_path / "out", rhythm=rhythm, lead="V5").records
    assert record.rhythm is not None
    assert record.rhythm.seconds == {"NSR": 10, "AFIB": 10}
    assert "the rhythm model was trained on lead MLII" in record.notes


def test_too_short_for_a_fragment_is_said(model: Model, rhythm: Model, tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", MLII=ecg([], last_s=8))
    (record,) = score_records(model, [path], tmp_path / "out", rhythm=rhythm).records
    assert record.notes[-1] == "no rhythm: shorter than a fragment of 10 s"
    (episode,) = rows(tmp_path / "out" / "episodes.csv")
    assert (episode["end_s"], episode["rhythm"], episode["score"]) == ("8.0", "unknown", "")


def test_several_labels_at_once_and_a_least_score(model: Model, tmp_path: Path) -> None:
    several = write_rhythm_model(tmp_path / "m.onnx", labels=("PVC", "AF"), thresholds=(0.1, 0.5))
    path = write(tmp_path / "a.npz", MLII=ecg([1.0, 3.0]))
    rhythm = load_model(several, threads=1)
    score_records(model, [path], tmp_path / "out", rhythm=rhythm)
    stored = read_annotations(tmp_path / "out" / "annotations" / "a", "edge")
    assert [text for text in stored.aux if text] == ["(PVC", "(AFIB"]
    strict = write_rhythm_model(tmp_path / "s.onnx", min_score=0.99)
    (record,) = score_records(
        model, [path], tmp_path / "out", rhythm=load_model(strict, threads=1)
    ).records
    assert record.rhythm is not None
    assert record.rhythm.seconds == {"AFIB": 10}


def test_a_run_with_another_rhythm_model_does_not_take_the_parts_of_the_first(
    model: Model, rhythm: Model, tmp_path: Path
) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.npz", MLII=ecg([1.0, 3.0]))

    class Stopped(Exception):
        pass

    def stop(_: object) -> None:
        raise Stopped

    def start(given: Model | None, progress: Callable[..., None] | None = None) -> int:
        return score_records(
            model, [tmp_path], tmp_path / "out", rhythm=given, progress=progress
        ).resumed

    with pytest.raises(Stopped):
        start(rhythm, stop)
    other = write_rhythm_model(tmp_path / "other.onnx", labels=("AFIB", "NSR"))
    # A part of the first model is there, and is none of the other one's.
    assert start(load_model(other, threads=1)) == 0
    said = [row["rhythm"] for row in rows(tmp_path / "out" / "episodes.csv")]
    assert said == ["AFIB", "NSR", "AFIB", "NSR"]
    with pytest.raises(Stopped):
        start(rhythm, stop)
    assert start(rhythm) == 1


def test_a_beat_model_is_no_rhythm_model(model: Model, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="reads heartbeats, not fragments of an ECG"):
        score_records(model, [tmp_path], tmp_path / "out", rhythm=model)
    assert not (tmp_path / "out").exists()
