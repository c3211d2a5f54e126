from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.data.catalogue import entry_of
from edgecnn.data.tinyshakespeare import open_tinyshakespeare
from edgecnn.errors import DatasetError
from edgecnn.files import sha256_of


def test_the_last_tenth_is_for_validation(tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text("".join(chr(97 + n % 26) for n in range(1999)), "utf-8")
    parts = {
        split: open_tinyshakespeare(tmp_path, split) for split in ("train", "validation", "all")
    }
    assert len(parts["train"].text) == 1799
    assert parts["train"].text + parts["validation"].text == parts["all"].text
    assert parts["train"].info.note == "not the published file: it has another hash"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "input.txt").touch()
    with pytest.raises(DatasetError, match="is empty"):
        open_tinyshakespeare(tmp_path, "all")


@pytest.mark.data
def test_the_real_one(data_root: Path) -> None:
    folder = data_root / "text" / "tinyshakespeare"
    published = entry_of("tinyshakespeare")
    assert sha256_of(folder / "input.txt") == published.file("input.txt").sha256
    assert (folder / "input.txt").stat().st_size == published.download_bytes
    train, validation = (
        open_tinyshakespeare(folder, split).text for split in ("train", "validation")
    )
    assert (len(train), len(validation)) == (1_003_854, 111_540)
    assert train.startswith("First Citizen:\nBefore we proceed any further")
    assert set(validation) <= set(train)
    assert len(set(train)) == 65
