"""What is trained on must not be tested on, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.leak import check_leak, fingerprint, leaks
from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.record import Record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import DataError


def write_record(folder: Path, name: str, *, seed: int, first: int = 0, flat: bool = False) -> None:
    ecg = synthetic_ecg(60, 360, seed=seed)
    signal = np.rint(ecg.signal_mv * 200).astype("<i2")[first:]
    signal = np.zeros_like(signal) if flat else signal
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.dat").write_bytes(signal.tobytes())
    header = f"{name} 1 360 {len(signal)}\n{name}.dat 16 200 16 0 0 0 0 MLII\n"
    (folder / f"{name}.hea").write_text(header)
    at = np.array(ecg.samples)[np.array(ecg.samples) >= first] - first
    write_annotations(folder / f"{name}.atr", at, "N" * len(at))


def test_different_recordings_pass(tmp_path: Path) -> None:
    for number, folder in enumerate(("train", "test")):
        write_record(tmp_path / folder, "a", seed=number)
    check_leak(open_dataset(tmp_path / "train"), open_dataset(tmp_path / "test"))


def test_a_copy_under_another_name_is_found(tmp_path: Path) -> None:
    write_record(tmp_path / "train", "a", seed=1)
    write_record(tmp_path / "train", "b", seed=2)
    write_record(tmp_path / "test", "x", seed=2)
    with pytest.raises(DataError, match="x of test:all is the signal of b"):
        check_leak(open_dataset(tmp_path / "train"), open_dataset(tmp_path / "test"))


def test_a_part_of_a_record_is_found_wherever_it_was_cut(tmp_path: Path) -> None:
    write_record(tmp_path / "train", "a", seed=1)
    write_record(tmp_path / "test", "x", seed=1, first=7001)
    assert len(leaks(open_dataset(tmp_path / "train"), open_dataset(tmp_path / "test"))) == 1


def test_flat_lines_are_copies_of_nothing(tmp_path: Path) -> None:
    write_record(tmp_path / "train", "a", seed=1, flat=True)
    write_record(tmp_path / "test", "x", seed=2, flat=True)
    check_leak(open_dataset(tmp_path / "train"), open_dataset(tmp_path / "test"))


def test_a_fingerprint_has_a_number_for_each_beat() -> None:
    signal = np.random.default_rng(0).normal(size=(4000, 2))
    record = Record("a", Path("a"), 360, ("I", "II"), signal)
    peaks = np.array([10, 500, 1000, 3990])
    assert len(fingerprint(record, peaks)) == 2
    other = Record("a", Path("a"), 360, ("I", "II"), signal + np.array([0, 0.5]))
    assert not np.intersect1d(fingerprint(record, peaks), fingerprint(other, peaks)).size
    assert fingerprint(record, peaks[:0]).size == 0


@pytest.mark.data
def test_the_canonical_halves_share_no_record_and_declare_the_man_who_is_in_both(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    train, test = open_dataset("mitdb:101,201"), open_dataset("mitdb:202,100")
    assert leaks(train, test) == []
    with pytest.raises(DataError, match="201 in both mitdb:101,201 and mitdb:201,100"):
        check_leak(train, open_dataset("mitdb:201,100"))
    assert open_dataset("mitdb:ds2").info.shared == ("202",)
    assert open_dataset("mitdb:ds1").info.shared == ()
