"""The example contracts for foreign detectors, on the real files and videos."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.errors import MetadataError, ModelError
from edgecnn.metadata import read_contract
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.boxes import expected_shape
from edgecnn.runtime.tasks.detect import detect
from edgecnn.runtime.tasks.nms import overlaps

CONTRACTS = Path(__file__).parent.parent / "docs" / "contracts"
FILES = {"yolox-nano": "yolox_nano_416.onnx", "fastestdet": "fastestdet_352.onnx"}


def _frames(video, step, count):
    capture = cv2.VideoCapture(str(video))
    frames = []
    for number in range(step * count):
        there, frame = capture.read()
        if there and number % step == 0:
            frames.append(frame)
    capture.release()
    assert len(frames) == count
    return frames


@pytest.mark.parametrize("path", sorted(CONTRACTS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_holds(path):
    contract = read_contract(path)
    assert contract.task == "detect"
    assert contract.name == path.stem
    assert len(contract.labels) == 80
    assert expected_shape(contract.output.boxes, contract.input, 80)
    assert f"--metadata {path.name}" in path.read_text()


@pytest.mark.data
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("video", "label", "least"),
    [("one-by-one-person-detection", "person", 0.55), ("bottle-detection", "bottle", 0.95)],
)
def test_the_person_and_the_bottle_are_found(name, video, label, least, data_root):
    contract = read_contract(CONTRACTS / f"{name}.toml")
    model = load_model(
        data_root / "models" / FILES[name], provider="cpu", threads=1, contract=contract
    )
    found = 0
    for frame in _frames(data_root / "video" / f"{video}.mp4", 15, 20):
        tensor = image_tensor(frame, contract.input)[None]
        boxes = detect(model.run({contract.input.name: tensor})[0], contract, *frame.shape[:2])
        best = dict(boxes.best_by_label(contract.labels, 80))
        found += best.get(label, 0) > 0.6
        assert (boxes.boxes[:, 2:] <= [frame.shape[1], frame.shape[0]]).all()
        for kind in np.unique(boxes.labels):
            alike = boxes.boxes[boxes.labels == kind]
            table = overlaps(alike, alike) - np.eye(len(alike))
            assert table.max() <= contract.output.boxes.max_overlap
    assert found >= least * 20


@pytest.mark.data
def test_the_two_networks_see_the_bottles_in_the_same_places(data_root):
    (frame,) = _frames(data_root / "video" / "bottle-detection.mp4", 1, 200)[-1:]
    places = []
    for name, file in FILES.items():
        contract = read_contract(CONTRACTS / f"{name}.toml")
        model = load_model(
            data_root / "models" / file, provider="cpu", threads=1, contract=contract
        )
        tensor = image_tensor(frame, contract.input)[None]
        boxes = detect(model.run({contract.input.name: tensor})[0], contract, *frame.shape[:2])
        places.append(boxes.boxes[boxes.labels == contract.labels.index("bottle")])
    fewer, more = sorted(places, key=len)
    assert len(fewer) >= 2
    # One letterboxed at the top left, the other stretched: a wrong geometry would show here.
    assert overlaps(fewer, more).max(axis=1).min() > 0.6


@pytest.mark.data
def test_a_contract_that_does_not_fit_is_refused_on_opening(data_root, tmp_path):
    model = data_root / "models" / FILES["yolox-nano"]
    text = (CONTRACTS / "yolox-nano.toml").read_text()
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace("strides = [8, 16, 32]", "strides = [8, 16]"))
    with pytest.raises(ModelError, match=r"has shape \(1, 3549, 85\), but yolox with 80 labels"):
        load_model(model, provider="cpu", contract=read_contract(path))
    path.write_text(text.replace("pad_value", "pad_valeu"))
    with pytest.raises(MetadataError, match="pad_valeu"):
        read_contract(path)
