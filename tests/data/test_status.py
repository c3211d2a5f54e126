from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.data.status import dataset_status


def test_what_is_here_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_mnist: Callable[..., tuple]
) -> None:
    write_mnist(tmp_path / "mnist", "test")
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path))
    splits = {split.name: split for entry in dataset_status() for split in entry.splits}
    assert splits["mnist:test"].through == "EDGECNN_DATA"
    assert splits["mnist:test"].folder == str(tmp_path / "mnist")
    sizes = sum(path.stat().st_size for path in (tmp_path / "mnist").iterdir())
    assert splits["mnist:test"].size_bytes == sizes
    assert splits["mnist:train"].folder is None
    assert splits["mitdb:ds1"].through is None
