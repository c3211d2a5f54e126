from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgecnn.cli.run import run
from edgecnn.data import dataset_names


def test_nothing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDGECNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(["datasets"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(dataset_names())
    assert all("download" in line for line in lines[1:])
    assert "ODC-By 1.0" in told.out
    assert "Krizhevsky" in told.err
    said = told.err.splitlines()[-1]
    assert "export EDGECNN_DATA=" in said
    assert "mnist/, cifar10/" in said
    assert str(tmp_path) in said


def test_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path))
    assert run(["datasets"]) == 0
    assert f"EDGECNN_DATA={tmp_path}, then in" in capsys.readouterr().err


def test_a_folder_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", "/nowhere/at/all")
    assert run(["datasets"]) == 1
    assert "EDGECNN_DATA names a folder that does not exist" in capsys.readouterr().err


@pytest.mark.data
def test_all_is_found_in_the_real_data(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    assert run(["datasets", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    splits = {split["name"]: split for entry in told for split in entry["splits"]}
    assert set(splits) == set(dataset_names())
    for split in splits.values():
        assert split["through"] == "EDGECNN_DATA"
        assert split["size_bytes"] > 1_000_000
