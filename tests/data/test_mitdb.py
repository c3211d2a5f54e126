from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.mitdb import BEAT_LABELS, DS1, DS2, record_files
from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import DataError, RecordError, UsageError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures
from edgecnn.runtime.session import load_model

BEATS = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=60,
    after=100,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)
PAUSE = 5
PEAKS = 300 * np.arange(1, 13)
SYMBOLS = "NNANVN/NFN+j"


def write_record(folder: Path, name: str, *, leads: tuple[str, str] = ("MLII", "V1")) -> None:
    """Write a WFDB record of format 16: one lead with beats, the other flat."""
    folder.mkdir(parents=True, exist_ok=True)
    signal = np.zeros((4200, 2), dtype="<i2")
    signal[PEAKS, leads.index("MLII")] = 200
    (folder / f"{name}.dat").write_bytes(signal.tobytes())
    lines = [f"{name} 2 360 4200", *(f"{name}.dat 16 200 16 0 0 0 0 {lead}" for lead in leads)]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    write_annotations(folder / f"{name}.atr", PEAKS, SYMBOLS)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    write_record(tmp_path / "ecg", "a")
    write_record(tmp_path / "ecg", "b", leads=("V1", "MLII"))
    return tmp_path / "ecg"


def test_beats_of_q_and_annotations_that_are_no_beats_are_no_examples(records: Path) -> None:
    dataset = open_dataset(records)
    assert dataset.info.labels == ("N", "S", "V", "F")
    assert dataset.targets is not None
    assert dataset.groups is not None
    assert "".join(dataset.info.labels[i] for i in dataset.targets) == "NNSNVNNFNN" * 2
    assert dataset.groups.tolist() == ["a"] * 10 + ["b"] * 10


def test_beats_of_q_still_count_for_the_rhythm(records: Path) -> None:
    dataset = open_dataset(records)
    rhythm = dataset.inputs(BEATS)["rr"]
    # All beats are 300 samples apart but for the one that is no beat, so the ratios are all 0
    # up to there; had the Q beat been left out, its neighbour would look late.
    np.testing.assert_allclose(rhythm[:8], 0, atol=1e-6)
    assert rhythm[8, 1] > 0.3


def test_the_lead_is_picked_by_name(records: Path) -> None:
    beats = open_dataset(records).inputs(BEATS)["beat"]
    np.testing.assert_array_equal(beats[:10], beats[10:])
    assert beats[1, 0].argmax() == BEATS.before


def test_some_beats_are_the_same_as_all(records: Path) -> None:
    dataset = open_dataset(records)
    everything = dataset.inputs(BEATS)
    chosen = np.array([17, 2, 2, 11])
    for name, values in dataset.inputs(BEATS, chosen).items():
        np.testing.assert_array_equal(values, everything[name][chosen])


def test_bad_records(records: Path, tmp_path: Path) -> None:
    dataset = open_dataset(records)
    with pytest.raises(DataError, match="holds heartbeats"):
        dataset.inputs(ImageInput(height=8, width=8, colour="gray"))
    lead = BeatInput(
        sampling_rate_hz=360,
        leads=("V5",),
        before=60,
        after=100,
        filter=BEATS.filter,
        rhythm=BEATS.rhythm,
    )
    with pytest.raises(RecordError, match="V5"):
        dataset.inputs(lead)
    content = (records / "a.dat").read_bytes()
    (records / "a.dat").write_bytes(content[:8000])
    with pytest.raises(DataError, match="a"):
        dataset.inputs(BEATS)
    (records / "b.atr").unlink()
    (records / "a.atr").unlink()
    with pytest.raises(RecordError, match="promises 4200 samples"):
        open_dataset(records)


@pytest.mark.data
def test_records_that_nobody_annotated(data_root: Path, tmp_path: Path) -> None:
    """Their beats are found: on a real record, within a beat in a hundred of the reference."""
    for name in ("100.hea", "100.dat"):
        shutil.copy(data_root / "mitdb" / name, tmp_path / name)
    dataset = open_dataset(tmp_path)
    assert dataset.targets is None
    assert abs(len(dataset) - 2273) < 23
    assert "1 of 1 records have no annotations" in dataset.info.note
    inputs = dataset.inputs(BEATS, np.arange(5))
    reference = open_dataset("mitdb:100", root=data_root).inputs(BEATS, np.arange(5))
    for name, values in inputs.items():
        assert values.shape == reference[name].shape


def test_one_record_and_lists_of_them(records: Path) -> None:
    folder = open_dataset(records)
    for spec in ("a.hea", "a.dat", "a"):
        one = open_dataset(records / spec)
        assert one.info.name == "a"
        assert set(one.groups) == {"a"}
    for name, text in {
        "list.txt": "a\nb\n",
        "list.csv": "record\na.hea\nb.dat\n",
        "list.jsonl": '{"record": "a"}\n{"record": "b.hea"}\n',
    }.items():
        (records / name).write_text(text)
        listed = open_dataset(records / name)
        np.testing.assert_array_equal(listed.targets, folder.targets)
        assert listed.info.sha256 == folder.info.sha256


def test_unknown_names() -> None:
    with pytest.raises(UsageError, match="'ds3'"):
        open_dataset("mitdb:ds3")
    with pytest.raises(UsageError, match="'999'"):
        open_dataset("mitdb:100,999")
    with pytest.raises(UsageError, match="no split ''"):
        open_dataset("mitdb")


def test_ds1_and_ds2_are_44_records_without_the_paced() -> None:
    assert len({*DS1, *DS2}) == 44
    assert not {*DS1, *DS2} & {"102", "104", "107", "217"}
    assert len(record_files("ds1")) == 66


@pytest.mark.data
@pytest.mark.parametrize(
    ("split", "counts"),
    [("ds1", [45_866, 944, 3_788, 415]), ("ds2", [44_259, 1_837, 3_221, 388])],
)
def test_real_beats_by_class(data_root: Path, split: str, counts: list[int]) -> None:
    dataset = open_dataset(f"mitdb:{split}", root=data_root)
    assert dataset.targets is not None
    assert np.bincount(dataset.targets).tolist() == counts
    assert dataset.info.note == ""
    assert dataset.info.licence == "ODC-By 1.0"


@pytest.mark.data
def test_real_record_with_its_leads_swapped(data_root: Path) -> None:
    dataset = open_dataset("mitdb:114", root=data_root)
    beats = dataset.inputs(BEATS, np.arange(500, 520))["beat"]
    record = read_record(data_root / "mitdb" / "114")
    assert record.leads.index("MLII") == 1
    annotations = read_annotations(data_root / "mitdb" / "114", "atr")
    peaks = [
        sample
        for sample, symbol in zip(annotations.samples, annotations.symbols, strict=True)
        if symbol in "NLRejAaJSVEF"
    ]
    window = record.signal_mv[peaks[510] - 60 : peaks[510] + 100, 1]
    assert np.corrcoef(beats[10, 0], window)[0, 1] > 0.9


def test_a_record_at_another_rate_gives_the_beats_of_the_models_rate(tmp_path: Path) -> None:
    ecg = {rate: synthetic_ecg(30, rate, seed=5, noise_mv=0) for rate in (360, 500)}
    for rate, drawn in ecg.items():
        folder = tmp_path / str(rate)
        folder.mkdir()
        counts = np.rint(drawn.signal_mv * 1000).astype("<i2")
        (folder / "r.dat").write_bytes(counts.tobytes())
        (folder / "r.hea").write_text(
            f"r 1 {rate} {len(counts)}\nr.dat 16 1000/mV 16 0 0 0 0 MLII\n"
        )
        write_annotations(folder / "r.atr", drawn.samples, drawn.symbols)
    own, other = (open_dataset(tmp_path / str(rate)).inputs(BEATS) for rate in (360, 500))
    assert own["beat"].shape == other["beat"].shape
    # Peaks are rounded at both rates: an interval of 170 samples is off by one at most.
    np.testing.assert_allclose(other["rr"], own["rr"], atol=0.02)
    alike = np.corrcoef(own["beat"][:, 0].ravel(), other["beat"][:, 0].ravel())[0, 1]
    assert alike > 0.99


def test_annotations_that_count_at_a_rate_of_their_own_are_placed_right(records: Path) -> None:
    before = open_dataset(records).inputs(BEATS)
    for name in "ab":
        write_annotations(records / f"{name}.atr", 2 * PEAKS, SYMBOLS, sampling_rate_hz=720)
    after = open_dataset(records).inputs(BEATS)
    for name, tensor in before.items():
        np.testing.assert_array_equal(after[name], tensor)


def write_with_gaps(folder: Path, rate_hz: int, *, whole: bool = False) -> None:
    """Write a drawn record: MLII with gaps, and a lead that never was connected."""
    folder.mkdir()
    ecg = synthetic_ecg(60, rate_hz, seed=6, pvc_every=7)
    counts = np.rint(ecg.signal_mv * 1000).astype("<i2")
    if not whole:
        for start_s, length_s in ((10, 0.0), (20.3, 0.015), (30.1, 0.025), (40, 1.5)):
            start = round(start_s * rate_hz)
            counts[start : start + max(1, round(length_s * rate_hz))] = -32768
    (folder / "r.dat").write_bytes(
        np.stack([np.full_like(counts, -32768), counts], axis=1).tobytes()
    )
    leads = [f"r.dat 16 1000/mV 16 0 0 0 0 {lead}" for lead in ("V1", "MLII")]
    (folder / "r.hea").write_text("\n".join([f"r 2 {rate_hz} {len(counts)}", *leads]) + "\n")
    # Annotations of a longer signal than there is.
    beyond = [len(counts) + 10, len(counts) + 400]
    samples = np.concatenate([ecg.samples, beyond])
    write_annotations(folder / "r.atr", samples, "".join(ecg.symbols) + "NV")


@pytest.mark.parametrize("rate_hz", [360, 250])
def test_examples_are_the_beats_that_scoring_answers(tmp_path: Path, rate_hz: int) -> None:
    model = load_model("bundled:ecg-beats", threads=1)
    spec = model.metadata.input
    assert isinstance(spec, BeatInput)
    write_with_gaps(tmp_path / "in", rate_hz)
    dataset = open_dataset(tmp_path / "in")
    assert dataset.targets is not None
    asked = []

    class Asked:
        path, metadata = model.path, model.metadata

        def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
            asked.append(inputs)
            return model.run(inputs)

    annotations = read_annotations(tmp_path / "in" / "r", "atr")
    record = read_record(tmp_path / "in" / "r.hea", lead="MLII")
    scored = classify_record(record, Asked(), peaks=annotations.samples)  # type: ignore[arg-type]
    assert "2 annotated beats lie outside the signal" in scored.notes
    times = scored.samples / rate_hz
    far = ~(((times > 28.9) & (times < 31.2)) | ((times > 38.9) & (times < 42.6)))
    far_answered = np.flatnonzero(far)
    assert not np.isnan(scored.scores[far_answered]).any()
    whole = {name: np.concatenate([a[name] for a in asked]) for name in asked[0]}
    own = dataset.inputs(spec)
    assert 40 < len(dataset) < len(annotations) - 5
    # Every example is a beat with an answer, and all that lie well apart from gaps are examples.
    rows = [np.flatnonzero((whole["beat"] == beat).all(axis=(1, 2))) for beat in own["beat"]]
    assert all(len(row) == 1 for row in rows)
    found = np.concatenate(rows)
    assert set(far_answered) <= set(found)
    assert not np.isnan(scored.scores[found]).any()
    for name, values in own.items():
        np.testing.assert_array_equal(values, whole[name][found])
    symbols = np.array(annotations.symbols[:-2])
    at = np.isin(annotations.samples[: len(symbols)], scored.samples[found])
    assert [BEAT_LABELS[i] for i in dataset.targets] == symbols[at].tolist()
    assert "2 annotated beats lie outside the signal" in dataset.info.note
    assert "beats beside gaps are no examples" in dataset.info.note


def test_annotations_beyond_the_end_are_no_examples(tmp_path: Path) -> None:
    write_with_gaps(tmp_path / "in", 360, whole=True)
    dataset = open_dataset(tmp_path / "in")
    assert len(dataset) == len(read_annotations(tmp_path / "in" / "r", "atr")) - 2
    assert dataset.info.note == "2 annotated beats lie outside the signal"
    assert np.isfinite(dataset.inputs(BEATS)["beat"]).all()


def test_beats_that_fall_onto_one_sample_at_a_lower_rate_are_one(tmp_path: Path) -> None:
    write_with_gaps(tmp_path / "in", 1000, whole=True)
    annotations = read_annotations(tmp_path / "in" / "r", "atr")
    samples = np.sort(np.append(annotations.samples[:-2], annotations.samples[10] + 1))
    write_annotations(tmp_path / "in" / "r.atr", samples, "N" * len(samples))
    beats = open_dataset(tmp_path / "in").inputs(BEATS)["beat"]
    assert len(beats) == len(samples)
    np.testing.assert_array_equal(beats[10], beats[11])
