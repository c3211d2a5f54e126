import cv2
import numpy as np
import pytest

from edgecnn.runtime.predict import predict_files
from edgecnn.runtime.session import load_model


@pytest.fixture
def pictures(tmp_path):
    for name, value in (("dark.png", 5), ("sub/light.jpg", 250)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((30, 40, 3), value, np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_files_folders_and_globs_in_the_given_order(picture_model, pictures):
    model = load_model(picture_model, provider="cpu")
    paths = [pictures / "dark.png", pictures / "sub", str(pictures / "d*.png")]
    predictions = list(predict_files(model, paths))
    assert [p.result.label for p in predictions] == ["dark", "bright", "dark"]
    assert predictions[0].input == str(pictures / "dark.png")
    assert all(p.latency_ms > 0 and p.error is None for p in predictions)


def test_a_bad_file_is_reported_and_the_others_are_answered(picture_model, pictures):
    model = load_model(picture_model, provider="cpu")
    paths = [pictures / "none.png", pictures, pictures / "no*.jpg"]
    predictions = list(predict_files(model, paths))
    assert [p.result is None for p in predictions] == [True, True, False, False, True]
    assert "no such file" in predictions[0].error.message
    assert "broken.png" in predictions[1].error.message
    row = predictions[1].row()
    assert row["label"] is None
    assert "broken.png" in row["error"]


def test_rows_have_the_agreed_keys(picture_model, pictures):
    model = load_model(picture_model, provider="cpu")
    (prediction,) = predict_files(model, [pictures / "dark.png"], top=2)
    row = prediction.row()
    assert set(row) == {"input", "label", "score", "top", "latency_ms"}
    assert len(row["top"]) == 2
    assert row["top"][0] == [row["label"], row["score"]]
