"""A camera that is disturbed, against a file that was calibrated with what it shows."""

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.calibration.baseline import measure_baseline
from edgecnn.export.embed import embed, serialized
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.answering import Answering, answer_pictures
from edgecnn.runtime.drift_values import brightness, energy
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.origin import Origin, Origins
from edgecnn.runtime.outlier import Outlier
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sinks.drift_remarks import DriftRemarks
from edgecnn.runtime.sources.test_camera import TestCamera

#: Another four digits in each frame, so that there is much to see in few of them.
CAMERA = "test:digits?size=320x240&count=4&hold=0.03&pace=free"
FRAMES = 130


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The bundled network, with a baseline of 200 pictures of the camera."""
    source = resolve_model("bundled:cifar10-resnet.int8")
    opened = load_model(source, provider="cpu", check=False)
    spec = opened.metadata.input
    camera = TestCamera(CAMERA)
    pictures = [camera.picture(number) for number in range(200)]
    tensors = np.stack([image_tensor(picture, spec) for picture in pictures])
    graph = onnx.load(source)
    baseline = measure_baseline(
        graph,
        opened.metadata,
        lambda: ({spec.name: tensors[i : i + 50]} for i in range(0, 200, 50)),
        data="camera",
        feature=opened.baseline.find("feature").tensor,
        brightness=[brightness(picture) for picture in pictures],
    )
    embed(graph, opened.metadata, None, None, baseline)
    path = tmp_path_factory.mktemp("model") / "calibrated.onnx"
    path.write_bytes(serialized(graph))
    return load_model(path, provider="cpu", threads=1, check=False)


class _Disturbed:
    description, fps, live = "camera", 30.0, False

    def __init__(self, disturb):
        self._camera = TestCamera(f"{CAMERA}&seed=5&frames={FRAMES}")
        self._disturb = disturb

    def open(self):
        self._camera.open()

    def read(self):
        frame = self._camera.read()
        if frame is None:
            return None
        return Frame("camera", frame.number, frame.captured_ns, self._disturb(frame.data))

    def close(self):
        pass


class _Keep(Sink):
    def __init__(self):
        self.rows = []

    def write(self, answer):
        self.rows.append(answer.row())


def _run(model, disturb, *sinks, **options):
    source, keep = _Disturbed(disturb), _Keep()
    settings = Answering(without=("outlier",), **options)
    processor, remarks = answer_pictures(model, settings, origin=Origins([source]))
    summary = Pipeline(source, processor, [keep, *sinks]).run()
    return keep.rows, summary, remarks


def _signals(summary):
    return {name for name, one in summary.drift["signals"].items() if one["state"] != "ok"}


def test_an_undisturbed_camera_is_not_warned_of(model):
    rows, summary, remarks = _run(model, lambda picture: picture)
    assert remarks == ["drift is watched against 200 examples of camera"]
    assert (summary.drift["state"], summary.drift["worst"]) == ("ok", "ok")
    assert set(summary.drift["signals"]) == {
        *("brightness", "input.0", "input.1", "input.2", "feature", "output"),
        *("confidence", "sharpness", "colour", "energy"),
    }
    # Before there is enough to compare, nothing is claimed.
    assert all("drift" not in row for row in rows[:15])
    assert all(set(row["drift"]) == {"state", "signals"} for row in rows[16:])
    assert all(
        set(one) == {"psi", "ks", "shift", "state"} for one in rows[-1]["drift"]["signals"].values()
    )
    assert rows[-1]["stages_ms"]["watch"] > 0


@pytest.mark.parametrize(
    ("disturb", "signal"),
    [
        (lambda picture: (0.4 * picture).astype(np.uint8), "brightness"),
        (lambda picture: cv2.blur(picture, (21, 21)), "sharpness"),
        (lambda picture: np.ascontiguousarray(picture[:, :, ::-1]), "colour"),
    ],
    ids=["darkened", "blurred", "colours exchanged"],
)
def test_a_disturbed_camera_is_warned_of_with_what_is_wrong(model, disturb, signal):
    said = []
    rows, summary, _ = _run(model, disturb, DriftRemarks(said.append))
    assert summary.drift["worst"] in ("warn", "alarm")
    assert signal in _signals(summary)
    assert rows[-1]["drift"]["state"] in ("warn", "alarm")
    assert said[0].startswith("drift ")
    assert any(signal in line for line in said)


def test_it_can_be_left_out_and_is_not_made_up(model):
    rows, summary, remarks = _run(model, lambda picture: picture, drift=False)
    assert (summary.drift, remarks) == (None, [])
    assert "drift" not in rows[-1]
    plain = load_model("bundled:mnist-lenet5", provider="cpu", check=False)
    _, remarks = answer_pictures(plain, Answering(), origin=lambda frame: Origin(live=True))
    assert remarks == [
        "no baseline in the file: drift is not watched; `edgecnn quantize` writes one"
    ]


def test_what_is_like_nothing_in_calibration_gets_no_label(model):
    reference = model.baseline.find("energy")
    spec, output = model.metadata.input, model.metadata.output
    camera = TestCamera(CAMERA)
    frames = [Frame("c", number, number, camera.picture(number)) for number in range(20)]
    energies = [
        float(energy(model.run({spec.name: image_tensor(frame.data, spec)[None]}), output)[0])
        for frame in frames
    ]
    # Of the file's own data nothing is refused; were its least energy higher, some would be.
    processor, _ = answer_pictures(model, Answering(), origin=lambda frame: Origin(live=False))
    assert {processor.process(frame).state for frame in frames} == {"ok"}
    least = float(np.median(energies))
    gate = Outlier(msgspec.structs.replace(reference, low=least), output)
    processor = ImageProcessor(model, after=[gate])
    results = [processor.process(frame) for frame in frames]
    refused = [result.cause == "outlier" for result in results]
    assert refused == [value < least for value in energies]
    assert 5 < sum(refused) < 15
    for result in results:
        assert (result.label == "unknown") == (result.cause == "outlier")
    assert f"there {least:.2f} or more" in results[refused.index(True)].reason
