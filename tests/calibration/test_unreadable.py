"""Pictures that cannot be read, among those that calibrate and those that are left to compare."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.remarks import remarks_on
from edgecnn.calibration.target import this_machine
from edgecnn.data import open_dataset
from edgecnn.errors import ImageError

QUICK = {"seconds": 0.05, "allow_slower": True, "method": "min-max", "bias_correction": False}


@pytest.fixture
def folder(calibration, tmp_path):
    """Ten pictures, four of which are cut off."""
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(10):
        _, data = cv2.imencode(".jpg", calibration.pictures[number])
        whole = number % 3 != 0
        (made / f"{number}.jpg").write_bytes(data.tobytes()[: None if whole else 40])
    return made


@pytest.mark.parametrize("samples", [3, 6, 10])
def test_they_are_passed_over_and_counted(fp32, folder, tmp_path, samples):
    """Those that calibration did not come to as well: the answers are compared on them."""
    report = quantize_model(
        fp32,
        tmp_path / "o.onnx",
        open_dataset(str(folder)),
        samples=samples,
        page=tmp_path / "q.html",
        **QUICK,
    )
    assert report.settings["samples"] == min(samples, 6)
    assert 3 <= report.n <= 6
    said = [f.text for f in report.findings if f.kind == "unreadable"]
    assert bool(said) or "unreadable left out" in report.agreement_on
    assert (tmp_path / "q.html").stat().st_size > 10_000


def test_strict_stops(fp32, folder, tmp_path):
    with pytest.raises(ImageError, match="not a readable picture"):
        quantize_model(
            fp32, tmp_path / "o.onnx", open_dataset(str(folder)), samples=10, strict=True, **QUICK
        )
    assert not (tmp_path / "o.onnx").exists()


def test_no_clear_difference_is_not_called_slower():
    timed = Comparison((0.04, 0.05), (0.04, 0.05), 0.998, (0.99, 1.0), (0.99, 1.0))
    options = {"precision": "INT4", "form": "weights", "measured": True, "same_data": False}
    assert remarks_on(timed, Fusion((), (), 0), this_machine(), **options) == ()
    slow = Comparison((0.04, 0.05), (0.08, 0.1), 0.5, (0.45, 0.55), (0.48, 0.52))
    (said,) = remarks_on(slow, Fusion((), (), 0), this_machine(), **options)
    assert said.startswith("INT4 is slower")
    assert "weights alone make a file smaller" in said


def test_what_is_compared_are_the_pictures_that_can_be_read(folder):
    from edgecnn.data.picked_pictures import PickedPictures

    whole = open_dataset(str(folder))
    picked = PickedPictures(whole, np.array([8, 1]))
    assert len(picked) == 2
    assert picked.name_of(0) == whole.name_of(8)
    np.testing.assert_array_equal(picked.picture(1), whole.picture(1))
