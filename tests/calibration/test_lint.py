from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.calibration.lint import lint_examples, lint_overlap, lint_ranges
from edgecnn.calibration.survey import survey
from edgecnn.calibration.tensor_values import Range
from edgecnn.data import open_dataset
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.ecg.annotations import write_annotations
from edgecnn.errors import ImageError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures

RGB = ImageInput(height=16, width=16, colour="rgb")
GREY = ImageInput(height=16, width=16, colour="gray")
RANDOM = np.random.default_rng(0)


def _dataset(pictures, targets=None, labels=("a", "b")) -> PictureArray:
    info = DatasetInfo("set", "train", labels, "0" * 64, "", "")
    return PictureArray(info, pictures, None if targets is None else np.array(targets))


def _photos(n: int, side: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def _kinds(dataset, spec=RGB, samples=100) -> dict[str, str]:
    seen = survey(dataset, spec, samples)
    return {finding.kind: finding.text for finding in lint_examples(dataset, spec, seen)}


def test_nothing_to_find():
    assert _kinds(_dataset(_photos(40), [0, 1] * 20)) == {}
    assert _kinds(_dataset(_photos(40))) == {}


def test_duplicates_by_value():
    pictures = _photos(30)
    pictures[[7, 9]] = pictures[3]
    found = _kinds(_dataset(pictures))
    assert found == {
        "duplicates": "2 of 30 calibration examples repeat one of 1 others, value for value: "
        "picture 7, picture 9"
    }


@pytest.mark.parametrize("spec", [RGB, GREY])
def test_constant_and_black(spec):
    pictures = _photos(30)
    pictures[3], pictures[4] = 255, RANDOM.integers(0, 9, (24, 24, 3))
    pictures[5] = (10, 90, 200)
    found = _kinds(_dataset(pictures), spec)
    assert list(found) == ["constant"]
    assert found["constant"].startswith("3 of 30 calibration pictures are black or of one colour")
    assert found["constant"].endswith("picture 3, picture 4, picture 5")


def test_grey_pictures_for_a_colour_model_only():
    grey = np.repeat(_photos(30)[..., :1], 3, axis=3)
    assert (
        "30 of 30 calibration pictures are grey, the model reads RGB"
        in _kinds(_dataset(grey))["grey"]
    )
    assert _kinds(_dataset(grey), GREY) == {}
    one = _photos(30)
    one[0] = grey[0]
    assert _kinds(_dataset(one)) == {}


def test_pictures_that_are_made_larger():
    found = _kinds(_dataset(_photos(30, side=12)))
    assert "30 of 30 calibration pictures are enlarged to fill" in found["upscaled"]
    assert _kinds(_dataset(_photos(30, side=16))) == {}


def test_imbalance():
    found = _kinds(_dataset(_photos(60), [0] * 57 + [1] * 3))
    assert found["imbalance"] == (
        "1 of 2 classes have less than a tenth of the calibration examples of a (57): b (3)"
    )
    assert "b (0)" in _kinds(_dataset(_photos(60), [0] * 60))["imbalance"]
    # Drawn evenly, a smaller sample has as many of each.
    balanced = _dataset(_photos(100), [0] * 90 + [1] * 10)
    assert _kinds(balanced, samples=20) == {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, picture in enumerate(_photos(12)):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), picture)
    return tmp_path


def test_unreadable_pictures_are_passed_over_and_others_taken(folder):
    for number in (2, 5):
        (folder / f"{number:02}.png").write_bytes(b"no picture")
    dataset = open_dataset(folder)
    for samples, expected in ((100, 10), (8, 8)):
        seen = survey(dataset, RGB, samples)
        assert len(seen.chosen) == expected
        assert not {2, 5} & set(seen.chosen.tolist())
    seen = survey(dataset, RGB, 100)
    finding = lint_examples(dataset, RGB, seen)[0]
    assert (finding.kind, finding.count, finding.of) == ("unreadable", 2, 12)
    assert finding.text.startswith("2 pictures cannot be read and are passed over: ")
    assert "02.png" in finding.text
    with pytest.raises(ImageError, match=r"02\.png is not a readable"):
        survey(dataset, RGB, 100, strict=True)


def test_none_can_be_read(folder):
    for path in folder.glob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ImageError, match=r"none of 12 pictures can be read, first: .*png is empty"):
        survey(open_dataset(folder), RGB, 5)


def test_the_draw_is_seeded_and_even():
    dataset = _dataset(_photos(100), [0] * 90 + [1] * 10)
    first, again, other = (survey(dataset, RGB, 20, seed=seed).chosen for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.bincount(dataset.targets[first]).tolist() == [10, 10]


def test_overlap_by_pixels_not_by_name(folder, tmp_path_factory):
    """The same pictures under other names and in another format."""
    other = tmp_path_factory.mktemp("other")
    for number, name in ((3, "x.bmp"), (4, "y.png")):
        cv2.imwrite(str(other / name), cv2.imread(str(folder / f"{number:02}.png")))
    cv2.imwrite(str(other / "00.png"), _photos(1, seed=9)[0])
    dataset = open_dataset(folder)
    seen = survey(dataset, RGB, 100)
    finding = lint_overlap(dataset, seen, open_dataset(other), RGB)[0]
    assert (finding.kind, finding.count, finding.of) == ("overlap", 2, 12)
    assert [Path(name).name for name in finding.first] == ["03.png", "04.png"]
    for path in other.glob("[xy].*"):
        path.unlink()
    assert lint_overlap(dataset, seen, open_dataset(other), RGB) == []


def test_ranges_that_still_grow():
    half = {name: Range(-1, 1) for name in "abcdefghij"}
    assert lint_ranges(half, half, 64) == []
    slightly = {name: Range(-1.05, 1.05) for name in half}
    assert lint_ranges(half, slightly, 64) == []
    grown = half | {"c": Range(-1, 2), "d": Range(-1.2, 1.2)}
    finding = lint_ranges(half, grown, 64)[0]
    assert (finding.kind, finding.count, finding.of, finding.first) == (
        "too-few",
        2,
        10,
        ("c", "d"),
    )
    assert "(most: c, 50%)" in finding.text
    dead = half | {"c": Range(0, 0), "d": Range(0, 0)}
    assert lint_ranges(dead, half, 64)[0].text.endswith("from nothing)")
    assert lint_ranges(half | {"c": Range(0, 0)}, half | {"c": Range(0, 0)}, 64) == []


BEATS = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=80,
    after=120,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)


@pytest.mark.data
def test_records_that_are_in_both(data_root):
    """By their content: of mitdb 201 is calibrated on, and it is in the evaluation data as well."""
    calibration = open_dataset("mitdb:101,201", root=data_root)
    evaluation = open_dataset("mitdb:201,202", root=data_root)
    seen = survey(calibration, BEATS, 40)
    finding = lint_overlap(calibration, seen, evaluation, BEATS)[0]
    assert finding.text.startswith("1 of 2 calibration records are in the evaluation data")
    assert finding.first == ("201",)


def test_flat_and_saturated_beats(tmp_path):
    """Beats where the electrode came off, and where the amplifier is at its end."""
    rate, beats = 360, np.arange(200, 360 * 60, 300)
    random = np.random.default_rng(0)
    signal = random.normal(0, 0.01, 360 * 61)
    for beat in beats:
        signal[beat - 10 : beat + 10] += np.hanning(20)
    signal[360 * 10 : 360 * 20] = 0.0
    # Large beats that the converter cuts off.
    for beat in beats[(beats > 360 * 30) & (beats < 360 * 36)]:
        signal[beat - 30 : beat + 30] += 20 * np.hanning(60)
    signal = np.clip(signal, -5, 5)
    (tmp_path / "r.dat").write_bytes(np.rint(200 * signal).astype("<i2").tobytes())
    (tmp_path / "r.hea").write_text(f"r 1 {rate} {len(signal)}\nr.dat 16 200 16 0 0 0 0 MLII\n")
    write_annotations(tmp_path / "r.atr", beats, "N" * len(beats))
    dataset = open_dataset(tmp_path)
    seen = survey(dataset, BEATS, 1000)
    found = {f.kind: f for f in lint_examples(dataset, BEATS, seen)}
    assert 10 <= found["flat"].count <= 14
    assert found["flat"].first[0].startswith("r beat ")
    assert 6 <= found["saturated"].count <= 10
