"""Real files of many kinds; what a device needs for the usual ones."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.score import score_records
from edgecnn.runtime.session import load_model

DEVICE = """
    import sys
    from pathlib import Path
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.session import load_model

    summary = score_records(load_model(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]))
    assert not summary.problems, summary.problems
    print(sum(record.beats for record in summary.records))
    heavy = {"wfdb", "scipy", "pandas", "torch", "onnx", "matplotlib", "starlette", "cv2", "rich"}
    print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("where", ["here", "device"])
def test_csv_and_plain_wfdb_need_nothing_but_numpy_and_the_runtime(
    request, beat_model, recordings, tmp_path, where
):
    """Nothing else is loaded where it is there, and nothing else is missed where it is not."""
    python = sys.executable if where == "here" else request.getfixturevalue("device_python")
    done = subprocess.run(
        [python, "-c", textwrap.dedent(DEVICE), beat_model, recordings, tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    beats, heavy = done.stdout.splitlines()
    assert int(beats) > 150
    assert heavy == "[]"


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, as wfdb calls it
def test_real_files_of_many_kinds(data_root, tmp_path):
    """A file without a rate gets the given one; each says so itself where it has one."""
    extra = data_root / "ecg-extra"
    paths = [
        extra / "csv" / "biosppy-ecg.txt",
        extra / "csv" / "e0103.csv",
        extra / "wfdb-samples",
        extra / "cinc2021-georgia",
        extra / "edf",
        data_root / "mitdb" / "208",
    ]
    model = load_model("bundled:ecg-beats")
    summary = score_records(model, paths, tmp_path, rate_hz=250)
    assert [(Path(p.path).name, p.reason) for p in summary.problems] == [
        ("test_edfann.edf", "holds annotations without a signal")
    ]
    found = {record.record.rpartition("/")[2]: record for record in summary.records}
    assert len(found) == 18
    assert found["biosppy-ecg"].sampling_rate_hz == 1000
    assert found["e0103"].sampling_rate_hz == 250
    assert found["e0103"].heart_rate_bpm.mean == pytest.approx(60, abs=15)
    assert (found["a103l"].lead, found["s0010_re"].lead) == ("II", "ii")
    assert found["E07500"].sampling_rate_hz == 500
    assert found["208"].counts["V"] > 800
    assert all(record.beats >= 8 for record in found.values())
    names = {path.name for path in (tmp_path / "annotations").rglob("*.edge")}
    assert len(names) == 18
    assert found["mitdb-209-first5min"].sampling_rate_hz == 360
    # An infarct turns QRS and T over as an inverted lead does; the limb leads fit together.
    assert found["s0010_re"].remarks == ("ii may be inverted: QRS and T point down",)
    assert found["E07500"].remarks == ()
    # The annotations lie where the reader of the format's own package finds them.
    import wfdb

    base = str(Path(found["E07500"].annotations).with_suffix(""))
    assert len(wfdb.rdann(base, "edge").sample) == found["E07500"].beats
    assert wfdb.rdrecord(base).p_signal.shape == (5000, 12)


@pytest.mark.data
def test_records_without_the_lead_are_reported(data_root, tmp_path):
    paths = [data_root / "mitdb" / name for name in ("102", "100", "104")]
    summary = score_records(load_model("bundled:ecg-beats"), paths, tmp_path, beats="atr")
    assert [record.record for record in summary.records] == ["100"]
    assert summary.records[0].beats == 2273
    assert ["has no lead MLII; it has V5, V2" in p.error.message for p in summary.problems] == [
        True,
        True,
    ]


@pytest.mark.data
def test_beats_within_an_edf_file_are_taken(data_root, tmp_path):
    path = data_root / "ecg-extra" / "edf" / "mitdb-209-first5min.edf"
    summary = score_records(load_model("bundled:ecg-beats"), [path], tmp_path, beats="edf")
    reference = read_annotations(data_root / "mitdb" / "209", "atr")
    beats = [
        sample
        for sample, symbol in zip(reference.samples.tolist(), reference.symbols, strict=True)
        if symbol in CLASS_OF_SYMBOL and sample < 108_000
    ]
    assert summary.records[0].samples.tolist() == beats
