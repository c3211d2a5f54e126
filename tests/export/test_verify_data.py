"""What a comparison can be made on: pictures, records, arrays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import DataError, MissingFileError
from edgecnn.export.verify_data import named_samples
from edgecnn.metadata import ModelMetadata
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.session import load_model


def _picture(path: Path, seed: int) -> np.ndarray:
    picture = np.random.default_rng(seed).integers(0, 255, (30, 24, 3)).astype(np.uint8)
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), picture)
    return picture


def test_files_and_folders_of_pictures(metadata, tmp_path):
    pictures = [_picture(tmp_path / "p" / f"{i}.png", i) for i in range(3)]
    files = [tmp_path / "p" / f"{i}.png" for i in (2, 0)]
    given = named_samples(files, metadata)
    assert (given.name, given.count) == ("2.png and 1 more:all", 2)
    expected = image_tensor(pictures[2], metadata.input)
    np.testing.assert_array_equal(given.tensors["input"][0], expected)
    assert given.again is not None
    np.testing.assert_array_equal(given.again(metadata.input)["input"], given.tensors["input"])
    assert named_samples([tmp_path / "p"], metadata).count == 3
    assert named_samples([files[0]], metadata).count == 1


@pytest.fixture(scope="module")
def beats() -> ModelMetadata:
    return load_model(resolve_model("bundled:ecg-beats"), provider="cpu", check=False).metadata


def _record(path: Path, seed: int) -> None:
    steps = np.rint(synthetic_ecg(20, 250, seed=seed).signal_mv * 200).astype("<i2")
    path.with_suffix(".dat").write_bytes(steps.tobytes())
    header = f"{path.name} 1 250 {len(steps)}\n{path.name}.dat 16 200 16 0 0 0 0 MLII\n"
    path.with_suffix(".hea").write_text(header)


def test_beats_of_a_record_without_annotations(beats, tmp_path):
    _record(tmp_path / "r", 3)
    given = named_samples([tmp_path / "r"], beats, limit=8)
    assert set(given.tensors) == set(beats.input.tensors)
    assert given.count == len(given.tensors["beat"]) == 8


def test_several_records(beats, tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        _record(tmp_path / name, seed)
    given = named_samples([tmp_path / "a.hea", tmp_path / "b"], beats, limit=1000)
    assert given.name == "a.hea and 1 more:all"
    assert given.count > named_samples([tmp_path / "a"], beats, limit=1000).count


def test_preprocessed_arrays(metadata, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(5, 1, 16, 16)))
    given = named_samples([f"tensors:{tmp_path / 'x.npy'}"], metadata)
    assert given.tensors["input"].dtype == np.float32
    assert given.count == 5


def test_what_is_not_there(beats, metadata, tmp_path):
    for name in ("no.png", "no.npy", "nothing"):
        with pytest.raises(MissingFileError):
            named_samples([tmp_path / name], metadata)
    with pytest.raises((MissingFileError, DataError)):
        named_samples([tmp_path / "record"], beats)
    with pytest.raises(DataError, match="not files of one kind"):
        named_samples(["a.png", "b.npy"], metadata)
