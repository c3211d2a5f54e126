from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.data.rt_polarity import open_rt_polarity, rt_polarity_files
from edgecnn.errors import DatasetError

NEGATIVE = [f"a dull film , the {n}th — of its kind . " for n in range(30)]
POSITIVE = [f"a café of wonders , the {n}th of its kind . " for n in range(30)]


def write_plain(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, lines in (("neg", NEGATIVE), ("pos", POSITIVE)):
        (folder / f"rt-polarity.{name}").write_text("\n".join(lines) + "\n", "utf-8")


def test_the_fixed_split_is_one_of_sentences(tmp_path: Path) -> None:
    write_plain(tmp_path / "rt")
    parts = {split: open_rt_polarity(tmp_path / "rt", split) for split in ("train", "test", "all")}
    train, test = (set(parts[split].texts) for split in ("train", "test"))
    assert train | test == set(parts["all"].texts)
    assert not train & test
    assert len(parts["all"]) == 60
    # What is in it does not change with the number of lines or their order.
    assert len(test) == 9
    assert parts["test"].targets is not None
    for text, target in zip(parts["test"].texts, parts["test"].targets, strict=True):
        assert target == ("café" in text)


def test_the_authors_archive_gives_the_same(
    tmp_path: Path, write_tar: Callable[[Path, dict[str, bytes]], None]
) -> None:
    write_plain(tmp_path / "rt")
    contents = {
        f"rt-polaritydata/rt-polarity.{name}": ("\n".join(lines) + "\n").encode("cp1252")
        for name, lines in (("neg", NEGATIVE), ("pos", POSITIVE))
    }
    write_tar(tmp_path / "tar" / "rt-polaritydata.tar.gz", contents)
    plain = open_rt_polarity(tmp_path / "rt", "all")
    packed = open_rt_polarity(tmp_path / "tar", "all")
    assert packed.texts == plain.texts
    assert packed.info == plain.info
    assert "30 of 5,331 lines" in packed.info.note


def test_a_broken_archive_is_one_line(
    tmp_path: Path, write_tar: Callable[[Path, dict[str, bytes]], None]
) -> None:
    archive = tmp_path / "rt-polaritydata.tar.gz"
    write_tar(archive, {"README": b"x"})
    with pytest.raises(DatasetError, match=r"holds no rt-polarity\.neg"):
        open_rt_polarity(tmp_path, "all")
    archive.write_bytes(archive.read_bytes()[:20])
    with pytest.raises(DatasetError, match="cannot unpack"):
        open_rt_polarity(tmp_path, "all")


@pytest.mark.data
def test_the_real_one(data_root: Path) -> None:
    folder = data_root / "text" / "rt-polarity"
    sizes = {split: len(open_rt_polarity(folder, split)) for split in ("train", "test", "all")}
    assert sizes == {"train": 9609, "test": 1053, "all": 10662}
    dataset = open_rt_polarity(folder, "all")
    assert dataset.targets is not None
    assert dataset.targets.sum() == 5331
    assert dataset.info.note == ""
    assert len(rt_polarity_files(folder)) == 2
