from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

from edgecnn.ecg import parquet_tables
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import MissingPackageError, UsageError
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model, threads=1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three records, one of them without beats, one with a gap; and a bad file."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, seed in (("a", 1), ("b", 2)):
        signal = synthetic_ecg(60, 360, seed=seed).signal_mv.copy()
        signal[4000:5000] = np.nan
        np.savez(folder / f"{name}.npz", ecg=signal, fs=360.0, leads=["MLII"])
    np.savez(folder / "none.npz", ecg=np.zeros(7200), fs=360.0, leads=["MLII"])
    (folder / "bad.csv").write_text("MLII\nx\n")
    return folder


def test_both_formats_say_the_same(model, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_tables, "_GROUP", 50)
    score_records(model, [recordings], tmp_path, tables="csv")
    texts = {}
    for name in ("records", "beats", "errors"):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            texts[name] = list(csv.reader(file))
    score_records(model, [recordings], tmp_path, tables="parquet")
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {"records.parquet", "beats.parquet", "errors.parquet", "report.html"}
    for name, (header, *rows) in texts.items():
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table.column_names == header
        assert table.num_rows == len(rows)
        for column, field in enumerate(header):
            values = table.column(field).to_pylist()
            for text, value in zip((row[column] for row in rows), values, strict=True):
                if isinstance(value, float):
                    assert float(text) == pytest.approx(value, abs=6e-8)
                else:
                    assert text == ("" if value is None else str(value))
    report = (tmp_path / "report.html").read_text()
    assert 'href="beats.parquet"' in report
    assert ".csv" not in report.replace("bad.csv", "")


def test_the_file_does_not_depend_on_how_it_was_made(model, recordings, tmp_path):
    for name in ("one", "two"):
        score_records(model, [recordings], tmp_path / name, tables="parquet")
    for table in ("records", "beats", "errors"):
        one, two = (tmp_path / name / f"{table}.parquet" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_without_pyarrow_nothing_is_begun(model, recordings, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match="pyarrow"):
        score_records(model, [recordings], tmp_path / "out", tables="parquet")
    assert not (tmp_path / "out").exists()


def test_no_other_format(model, recordings, tmp_path):
    with pytest.raises(UsageError, match="no tables as xlsx"):
        score_records(model, [recordings], tmp_path / "out", tables="xlsx")
