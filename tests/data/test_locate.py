from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgecnn.data import locate
from edgecnn.data.catalogue import DatasetEntry, RemoteFile
from edgecnn.data.locate import cache_root, find_dataset, locate_dataset
from edgecnn.errors import DatasetError, MissingFileError

ENTRY = DatasetEntry(
    name="tiny",
    title="",
    splits=("all",),
    attribution="",
    licence="",
    files=(RemoteFile("a.bin", (), ""), RemoteFile("b.bin", (), "")),
    download_bytes=0,
)


def is_complete(folder: Path) -> bool:
    return (folder / "a.bin").is_file()


def place(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"a")
    return folder


def test_order_is_path_then_variable_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_data: None
) -> None:
    assert find_dataset(ENTRY, is_complete) is None
    cached = place(cache_root() / "tiny")
    found = find_dataset(ENTRY, is_complete)
    assert found is not None
    assert (found.folder, found.through) == (cached, "cache")

    named = place(tmp_path / "data" / "tiny")
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path / "data"))
    found = find_dataset(ENTRY, is_complete)
    assert found is not None
    assert (found.folder, found.through) == (named, "EDGECNN_DATA")

    own = place(tmp_path / "own")
    found = find_dataset(ENTRY, is_complete, root=own)
    assert found is not None
    assert (found.folder, found.through) == (own, "path")
    found = find_dataset(ENTRY, is_complete, root=tmp_path / "data")
    assert found is not None
    assert found.folder == named


def test_a_folder_without_the_dataset_falls_through_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path))
    place(cache_root() / "tiny")
    found = find_dataset(ENTRY, is_complete)
    assert found is not None
    assert found.through == "cache"


def test_named_folders_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError, match="no such folder"):
        find_dataset(ENTRY, is_complete, root=tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="no tiny in"):
        find_dataset(ENTRY, is_complete, root=tmp_path)
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(MissingFileError, match="EDGECNN_DATA"):
        find_dataset(ENTRY, is_complete)


def test_absent_is_an_error_where_downloads_are_off(
    no_data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetError, match="not on this machine") as error:
        locate_dataset(ENTRY, is_complete, download=False)
    assert "a.bin" in str(error.value.hint)
    monkeypatch.setenv("EDGECNN_OFFLINE", "1")
    with pytest.raises(DatasetError, match="not on this machine"):
        locate_dataset(ENTRY, is_complete)


def test_absent_is_downloaded_into_the_cache(
    no_data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(remote: RemoteFile, folder: Path, **_: object) -> None:
        fetched.append(remote.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / remote.name).write_bytes(b"x")

    monkeypatch.setattr(locate, "fetch", fetch)
    location = locate_dataset(ENTRY, is_complete, needed=("a.bin",))
    assert (location.folder, location.through) == (cache_root() / "tiny", "download")
    assert fetched == ["a.bin"]
    assert locate_dataset(ENTRY, is_complete).through == "cache"


def test_a_dataset_may_lie_deeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = dataclasses.replace(ENTRY, folder="text/tiny")
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path))
    assert find_dataset(entry, is_complete) is None
    deep = place(tmp_path / "text" / "tiny")
    for root in (None, tmp_path, deep):
        found = find_dataset(entry, is_complete, root=root)
        assert found is not None
        assert found.folder == deep
    monkeypatch.delenv("EDGECNN_DATA")
    with pytest.raises(DatasetError) as error:
        locate_dataset(entry, is_complete, download=False)
    assert "$EDGECNN_DATA/text/tiny/" in str(error.value.hint)
