from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.mitdb import DS1, DS2, record_files
from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import DataError, DatasetError, RecordError, UsageError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures

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
    with pytest.raises(DatasetError, match="no record in"):
        open_dataset(records)


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
