from __future__ import annotations

import pytest

from edgecnn.errors import MissingFileError
from edgecnn.export.locked_file import find_locked, locked


@pytest.fixture
def files(tmp_path):
    for folder in ("old", "copy", "new"):
        (tmp_path / folder).mkdir()
    for folder, weights, document in (
        ("old", b"1", b"a"),
        ("copy", b"1", b"b"),
        ("new", b"2", b"b"),
    ):
        (tmp_path / folder / "w.bin").write_bytes(weights * 10)
        (tmp_path / folder / "d.json").write_bytes(document * 10)
    return tmp_path


def _lock(folder):
    return (locked(folder / "w.bin", "weights"), locked(folder / "d.json", "checkpoint"))


def test_by_content_and_those_that_lie_together(files):
    lock = _lock(files / "copy")
    assert [one.path for one in find_locked(lock, [files])] == [
        files / "copy" / "w.bin",
        files / "copy" / "d.json",
    ]


def test_under_another_name(files):
    lock = _lock(files / "new")
    (files / "new" / "w.bin").rename(files / "elsewhere")
    found = find_locked(lock, [files])
    assert (found[0].path, found[0].same) == (files / "elsewhere", True)


def test_one_of_the_name_where_none_has_the_content(files):
    lock = _lock(files / "new")
    (files / "new" / "w.bin").write_bytes(b"changed")
    found = find_locked(lock, [files / "new"])
    assert [one.same for one in found] == [False, True]
    assert "is not the file of then: sha256" in found[0].remark


def test_nowhere(files):
    lock = _lock(files / "new")
    with pytest.raises(MissingFileError, match=r"w\.bin \(sha256 .*\) is not in .*d\.json"):
        find_locked(lock, [files / "new" / "d.json"])
    with pytest.raises(MissingFileError, match="no such file or folder"):
        find_locked(lock, [files / "nowhere"])


def test_hidden_folders_are_left_out(files):
    lock = _lock(files / "new")
    (files / "new").rename(files / ".new")
    (files / "old" / "w.bin").unlink()
    (files / "copy" / "w.bin").unlink()
    with pytest.raises(MissingFileError):
        find_locked(lock, [files])
