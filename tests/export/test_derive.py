"""Other forms of a file: held to the file's answers, and run by edgecnn as it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.calibration.compare import compare_models
from edgecnn.calibration.prepare import refuse_embedded
from edgecnn.data import open_dataset
from edgecnn.errors import ModelError, ParityError, TaskError, UsageError
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.explain.explain import explain_model
from edgecnn.export.derive import derive_model
from edgecnn.export.drawings import drawn_frames
from edgecnn.export.embed_preprocessing import embed_preprocessing
from edgecnn.metadata import ImageInput
from edgecnn.runtime.predict import predict_files
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that takes frames and names what is on them, in FP16."""
    path = tmp_path_factory.mktemp("forms") / "camera.onnx"
    derive_model(
        "bundled:cifar10-resnet",
        path,
        fp16=True,
        keep_io=False,
        preprocessing=True,
        decoding=True,
        top=3,
        samples=14,
    )
    return path


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that takes frames and lists boxes."""
    path = tmp_path_factory.mktemp("forms") / "boxes.onnx"
    derive_model("bundled:digits-yolo", path, preprocessing=True, decoding=True, samples=7)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn digits and shapes of many sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    metadata = load_model("bundled:digits-yolo", check=False).metadata
    for number, frame in enumerate(drawn_frames(metadata, 7, seed=5)):
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    return folder


def test_what_is_reported(camera: Path, tmp_path: Path) -> None:
    report = derive_model(
        "bundled:mnist-lenet5", tmp_path / "half.onnx", fp16=True, samples=8, block=["Gemm"]
    )
    (step,) = report.steps
    assert (step.what, step.against, step.samples, step.agreement) == ("fp16", "FP32", 8, 1.0)
    assert 0 < step.max_share < 0.03
    assert [layer.operator for layer in report.kept_fp32] == ["Gemm"] * 3
    assert any("no faster on a CPU" in text for text in report.remarks)
    model = load_model(tmp_path / "half.onnx", provider="cpu")
    assert not model.warnings
    assert len(model.metadata.provenance.half.kept_fp32) == 3
    assert model.measured.parity.reference == "FP32"
    assert model.measured.accuracy[0].note.endswith("before fp16")


def test_the_contract_says_what_is_embedded(camera: Path) -> None:
    model = load_model(camera, provider="cpu")
    assert not model.warnings
    assert model.golden.examples
    spec, decoded = model.metadata.input, model.metadata.output.decoded
    assert isinstance(spec, ImageInput)
    assert (spec.name, spec.embedded, spec.height) == ("frame", True, 32)
    assert decoded.names == ("scores", "labels")
    assert model.metadata.provenance.half.keep_io is False


def test_predict_prepares_nothing_twice(camera: Path, finder: Path, pictures: Path) -> None:
    for path, source in ((camera, "cifar10-resnet"), (finder, "digits-yolo")):
        plain, made = (
            [p.result for p in predict_files(load_model(f, provider="cpu"), [pictures])]
            for f in (f"bundled:{source}", path)
        )
        assert [r.label for r in plain] == [r.label for r in made]
        for one, other in zip(plain, made, strict=True):
            assert other.score == pytest.approx(one.score, abs=0.02)


def test_accuracy_is_measured_frame_by_frame(camera: Path, tmp_path: Path) -> None:
    for label, size in (("cat", (40, 50)), ("dog", (64, 32)), ("ship", (20, 20))):
        (tmp_path / label).mkdir()
        cv2.imwrite(str(tmp_path / label / "a.png"), np.full((*size, 3), 90, np.uint8))
    model = load_model(camera, provider="cpu")
    data = open_dataset(str(tmp_path), labels=model.metadata.labels)
    plain = load_model("bundled:cifar10-resnet", provider="cpu")
    assert evaluate_model(model, data).confusion == evaluate_model(plain, data).confusion
    compared = compare_models(plain, model, data, seconds=0)
    assert compared.agreement == 1.0


@pytest.mark.data
def test_a_detectors_average_precision_is_that_of_its_source(finder: Path) -> None:
    scenes = open_dataset("digit-scenes:test")
    values = [
        evaluate_model(load_model(f, provider="cpu"), scenes, limit=12).value
        for f in ("bundled:digits-yolo", finder)
    ]
    assert values[1] == pytest.approx(values[0], abs=0.02)


def test_the_page_about_it_runs(finder: Path, pictures: Path, repository: Path) -> None:
    """With bare ONNX Runtime, and the boxes that edgecnn finds."""
    page = (repository / "docs" / "embedded.md").read_text()
    (script,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert "edgecnn" not in script.replace('["edgecnn"]', "")
    model = load_model("bundled:digits-yolo", provider="cpu")
    answers = list(predict_files(model, [pictures]))
    best = max(answers, key=lambda p: len(p.result.fields["boxes"]))
    expected = best.result.fields["boxes"]
    assert expected
    for name, source in (("boxes.onnx", finder), ("photo.png", Path(best.input))):
        link = pictures.parent / name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=pictures.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(box[4]) for box in expected]
    for line, box in zip(lines, expected, strict=True):
        given = json.loads(line[line.index("[") :])
        assert np.abs(np.subtract(given, box[:4])).max() < 3


def test_the_same_form_comes_out_the_same(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.onnx", "other.onnx")]
    for path in files:
        derive_model(
            "bundled:mnist-lenet5", path, fp16=True, preprocessing=True, decoding=True, samples=8
        )
    one, other = (onnx.load_model(path) for path in files)
    for model in (one, other):
        kept = [e for e in model.metadata_props if e.key != "edgecnn.measured"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
    assert one == other
    assert not any(str(tmp_path) in entry.value for entry in one.metadata_props)


def test_every_kind_of_network_can_be_converted(tmp_path: Path) -> None:
    for name, options in (
        ("ecg-beats", {"fp16": True, "decoding": True}),
        ("rt-polarity-cnn", {"fp16": True, "keep_io": False, "decoding": True}),
        ("shakespeare-lstm", {"fp16": True, "keep_io": False}),
        ("cifar10-resnet.int8", {"preprocessing": True, "decoding": True}),
    ):
        path = tmp_path / f"{name}.onnx"
        report = derive_model(f"bundled:{name}", path, samples=4, **options)
        assert report.golden, name
        assert not load_model(path, provider="cpu").warnings


def test_wrong_preprocessing_is_found_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(model, metadata):
        other = msgspec.structs.replace(metadata.input, colour="bgr")
        made, _ = embed_preprocessing(model, msgspec.structs.replace(metadata, input=other))
        return made, embed_preprocessing(model, metadata)[1]

    monkeypatch.setattr("edgecnn.export.derive.embed_preprocessing", swapped)
    with pytest.raises(ParityError, match="embed-preprocessing"):
        derive_model("bundled:cifar10-resnet", tmp_path / "x.onnx", preprocessing=True, samples=8)
    assert not list(tmp_path.iterdir())


def test_fp16_that_overflows_is_found_though_the_cpu_hides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two scales that undo each other: fine in FP32, infinite between them in FP16."""
    file = resolve_model("bundled:mnist-lenet5")
    model = onnx.load_model(file)
    first = model.graph.node[0]
    inner = first.output[0]
    first.output[0] = "before"
    names = [("before", "up", "large", 1e6), ("large", "down", inner, 1e-6)]
    for place, (x, scale, y, value) in enumerate(names, start=1):
        model.graph.initializer.append(
            onnx.helper.make_tensor(scale, onnx.TensorProto.FLOAT, [1], [value])
        )
        model.graph.node.insert(place, onnx.helper.make_node("Mul", [x, scale], [y]))
    path = tmp_path / "scaled.onnx"
    onnx.save(model, path)
    report = derive_model(path, tmp_path / "half.onnx", fp16=True, samples=4)
    assert len(report.kept_fp32) >= 2
    # Without looking for it, the comparison finds it.
    monkeypatch.setattr("edgecnn.export.fp16_plan._MOST", np.inf)
    monkeypatch.setattr("edgecnn.export.fp16_plan.weight_loss", _no_loss)
    with pytest.raises(ParityError, match="fp16"):
        derive_model(path, tmp_path / "wrong.onnx", fp16=True, samples=4)
    assert not (tmp_path / "wrong.onnx").exists()


def _no_loss(tensor):
    from edgecnn.export.fp16_weights import WeightLoss

    return WeightLoss(overflows=None, flushed=0, change=0.0)


def test_what_cannot_be_done_is_said_in_one_line(camera: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    with pytest.raises(UsageError, match="nothing is to be changed"):
        derive_model(camera, out)
    with pytest.raises(UsageError, match="source itself"):
        derive_model(camera, camera, decoding=True)
    for options in ({"fp16": True}, {"preprocessing": True}, {"decoding": True}):
        with pytest.raises(TaskError, match="already"):
            derive_model(camera, out, **options)
    with pytest.raises(TaskError, match="reads no pictures"):
        derive_model("bundled:ecg-beats", out, preprocessing=True)
    with pytest.raises(ModelError, match="quantized"):
        derive_model("bundled:mnist-lenet5.int8", out, fp16=True)
    with pytest.raises(ModelError, match="must not be quantized"):
        refuse_embedded(load_model(camera).metadata, "camera.onnx")
    with pytest.raises(TaskError, match="prepares its frames itself"):
        explain_model(load_model(camera), "x.png", tmp_path / "sheets")
    assert not out.exists()
