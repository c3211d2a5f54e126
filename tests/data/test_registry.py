from __future__ import annotations

import dataclasses
import functools
import http.server
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.data import dataset_names, fetch_dataset, open_dataset
from edgecnn.data.catalogue import CATALOGUE, RemoteFile
from edgecnn.errors import DatasetError, MissingFileError, UsageError
from edgecnn.files import sha256_of


def test_names() -> None:
    assert dataset_names() == (
        "mnist:train",
        "mnist:test",
        "digit-scenes:train",
        "digit-scenes:validation",
        "digit-scenes:test",
        "cifar10:train",
        "cifar10:test",
        "mitdb:ds1",
        "mitdb:ds2",
        "mitdb-rhythm:fragments-train",
        "mitdb-rhythm:fragments-test",
        "mitdb-rhythm:fragments15-train",
        "mitdb-rhythm:fragments15-test",
        "mitdb-rhythm:fragments13-train",
        "mitdb-rhythm:fragments13-test",
        "mitdb-rhythm:records-train",
        "mitdb-rhythm:records-test",
        "rt-polarity:train",
        "rt-polarity:test",
        "rt-polarity:all",
        "tinyshakespeare:train",
        "tinyshakespeare:validation",
        "tinyshakespeare:all",
    )


@pytest.mark.parametrize("spec", ["mnist", "mnist:", "mnist:tets", "cifar10:all"])
def test_an_unknown_split_lists_the_known(spec: str) -> None:
    with pytest.raises(UsageError, match="has no split") as error:
        open_dataset(spec)
    assert f"{spec.partition(':')[0]}:test" in str(error.value.hint)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(MissingFileError, match="no such dataset or folder: minst:test") as error:
        open_dataset("minst:test")
    assert "mnist:test" in str(error.value.hint)


@pytest.mark.parametrize("spec", ["", " "])
def test_an_empty_name_is_not_the_current_folder(spec: str) -> None:
    with pytest.raises(UsageError, match="name or folder is empty"):
        open_dataset(spec)
    with pytest.raises(UsageError, match="name or folder is empty"):
        fetch_dataset(spec)


def test_absent_without_download(no_data: None) -> None:
    for name in dataset_names():
        with pytest.raises(DatasetError, match="not on this machine"):
            open_dataset(name, download=False)


def test_variable_and_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_mnist: Callable[..., tuple]
) -> None:
    write_mnist(tmp_path / "one" / "mnist", count=10)
    write_mnist(tmp_path / "two", count=20)
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path / "one"))
    assert len(open_dataset("mnist:test")) == 10
    assert len(open_dataset("mnist:test", root=tmp_path / "two")) == 20
    location = fetch_dataset("mnist:test")
    assert location is not None
    assert location.through == "EDGECNN_DATA"


def test_a_folder_may_have_a_datasets_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "1.jpg").write_bytes(jpeg((0, 0, 0)))
    monkeypatch.chdir(tmp_path)
    assert len(open_dataset("mnist")) == 1
    assert fetch_dataset("mnist") is None


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


def test_an_absent_dataset_is_downloaded_once(
    tmp_path: Path,
    own_cache: Path,
    no_data: None,
    monkeypatch: pytest.MonkeyPatch,
    write_mnist: Callable[..., tuple],
) -> None:
    home = tmp_path / "home"
    for split in ("train", "test"):
        write_mnist(home, split)
    handler = functools.partial(_Quiet, directory=str(home))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        files = tuple(
            RemoteFile(path.name, (f"{address}/{path.name}",), sha256_of(path))
            for path in sorted(home.iterdir())
        )
        entry = dataclasses.replace(CATALOGUE["mnist"], files=files)
        monkeypatch.setitem(CATALOGUE, "mnist", entry)
        told: list[str] = []
        dataset = open_dataset("mnist:test", progress=lambda name, *_: told.append(name))
        server.shutdown()
        thread.join()
    assert len(dataset) == 20
    assert set(told) == {file.name for file in files}
    assert {path.name for path in (own_cache / "mnist").iterdir()} == set(told)
    # The server is gone: from now on it is the cache.
    assert len(open_dataset("mnist:train")) == 20
    location = fetch_dataset("mnist:train")
    assert location is not None
    assert location.through == "cache"
