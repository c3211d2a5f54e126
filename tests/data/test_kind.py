"""What data holds is told by names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.data import dataset_names, require_kind
from edgecnn.errors import DataError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, InputSpec, RhythmFeatures

PICTURE = ImageInput(height=8, width=8, colour="gray")
BEAT = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=90,
    after=126,
    filter=BoxcarFilter(baseline_s=0.8, smooth_s=0.012),
    rhythm=RhythmFeatures(),
)


@pytest.mark.parametrize("name", dataset_names())
def test_every_named_dataset_has_a_kind(name: str) -> None:
    """And none is for pictures and heartbeats alike."""
    refused = 0
    for spec in (PICTURE, BEAT):
        try:
            require_kind(name, spec)
        except DataError:
            refused += 1
    assert refused >= 1


@pytest.mark.parametrize(
    ("data", "spec", "said"),
    [
        ("mitdb:ds2", PICTURE, "mitdb:ds2 holds heartbeats, but the model reads pictures"),
        ("cifar10:test", BEAT, "cifar10:test holds pictures, but the model reads heartbeats"),
        ("rt-polarity:test", PICTURE, "rt-polarity:test holds sentences"),
    ],
)
def test_named(data: str, spec: InputSpec, said: str) -> None:
    with pytest.raises(DataError, match=said):
        require_kind(data, spec)


@pytest.mark.parametrize(
    ("file", "kind"), [("100.hea", "heartbeats"), ("good.txt", "sentences"), ("a.png", "pictures")]
)
def test_folders(file: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / file).touch()
    for spec, reads in ((PICTURE, "pictures"), (BEAT, "heartbeats")):
        if kind == reads:
            require_kind(tmp_path, spec)
        else:
            with pytest.raises(DataError, match=f"holds {kind}, but the model reads {reads}"):
                require_kind(tmp_path, spec)


def test_one_text_file(tmp_path: Path) -> None:
    (tmp_path / "plays.txt").touch()
    with pytest.raises(DataError, match="holds characters"):
        require_kind(tmp_path / "plays.txt", PICTURE)


def test_what_is_not_there_is_for_others_to_name(tmp_path: Path) -> None:
    require_kind(tmp_path / "none", PICTURE)
    require_kind("nowhere", BEAT)
    require_kind("", BEAT)


def test_an_empty_folder_too(tmp_path: Path) -> None:
    require_kind(tmp_path, BEAT)
