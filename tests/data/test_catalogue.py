from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgecnn.data.catalogue import CATALOGUE, mitdb_files
from edgecnn.data.mitdb import DS1, DS2
from edgecnn.files import sha256_of


def test_every_file_has_a_full_hash_and_a_secure_home() -> None:
    for entry in CATALOGUE.values():
        assert entry.attribution
        assert entry.licence
        for file in entry.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert all(url.startswith("https://") and url.endswith(file.name) for url in file.urls)
            assert file.urls


def test_mitdb_lists_all_48_records_with_three_files_each() -> None:
    names = [file.name for file in mitdb_files()]
    assert len(names) == 144
    assert {name.partition(".")[0] for name in names} > {*DS1, *DS2}


@pytest.mark.data
def test_hashes_are_those_of_the_real_files(data_root: Path) -> None:
    for file in mitdb_files()[::7]:
        assert sha256_of(data_root / "mitdb" / file.name) == file.sha256
    mnist = {file.name: file for file in CATALOGUE["mnist"].files}
    for name in ("t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        assert sha256_of(data_root / "mnist" / name) == mnist[name].sha256
    total = sum((data_root / "mitdb" / file.name).stat().st_size for file in mitdb_files())
    assert total == CATALOGUE["mitdb"].download_bytes
