"""Files looked into, from the .onnx alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.ecg.readers.csv import write_csv
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import (
    DataError,
    EdgeCNNError,
    ImageError,
    MissingFileError,
    RecordError,
    TaskError,
    UsageError,
)
from edgecnn.explain.activations import activations
from edgecnn.explain.beats import explain_beats
from edgecnn.explain.characters import explain_characters
from edgecnn.explain.explain import explain_model, explain_sentence
from edgecnn.explain.pictures import explain_picture, seen_part
from edgecnn.explain.words import explain_words
from edgecnn.export.layers import Network
from edgecnn.metadata import BeatInput, CharacterInput, ImageInput
from edgecnn.models.kernel_file import export_kernel
from edgecnn.preprocessing.image import image_tensor
from edgecnn.preprocessing.picture import decode_picture
from edgecnn.runtime.session import Model, load_model
from edgecnn.runtime.sources.test_camera import TestCamera


def bundled(name: str) -> Model:
    return load_model(f"bundled:{name}", provider="cpu", check=False)


def golden_picture(model: Model, number: int = 0) -> bytes:
    assert model.golden is not None
    return model.golden.examples[number].data


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("mnist-lenet5", "occlusion"),
        ("mnist-lenet5.int8", "occlusion"),
        ("cifar10-resnet", "class-activation"),
        ("cifar10-resnet.int8", "class-activation"),
    ],
)
def test_pictures(name: str, method: str, tmp_path: Path) -> None:
    model = bundled(name)
    (tmp_path / "in.png").write_bytes(golden_picture(model))
    found = explain_model(model, tmp_path / "in.png", tmp_path / "out")
    assert model.golden is not None
    assert found.label == model.metadata.labels[int(np.argmax(model.golden.examples[0].logits))]
    assert found.method == method
    assert found.layers == len(list((tmp_path / "out" / "layers").iterdir()))
    assert found.layers == (7 if "lenet" in name else 22)
    assert {"evidence.png", "layers.png", "kernels.png"} <= {Path(f).name for f in found.files}
    for file in found.files:
        picture = cv2.imread(file)
        assert picture is not None
        assert picture.shape[1] == 1600


def test_evidence_moves_with_the_picture() -> None:
    """The digit in another corner: so is the evidence."""
    model = bundled("mnist-lenet5")
    spec = model.metadata.input
    assert isinstance(spec, ImageInput)
    network = Network(model.path)
    centres = []
    for shift in (-4, 4):
        picture = np.zeros((28, 28, 3), np.uint8)
        cv2.line(picture, (14 + shift, 5), (14 + shift, 22), (255, 255, 255), 2)
        inputs = {"input": image_tensor(picture, spec)[None]}
        evidence = explain_picture(model, network, picture, inputs)
        assert evidence.answer.label == "1"
        strong = np.abs(evidence.maps[0])
        centres.append(float((strong.sum(axis=0) * np.arange(28)).sum() / strong.sum()))
    assert centres[1] - centres[0] > 3


def test_evidence_lies_in_what_is_seen_of_a_letterbox() -> None:
    model = bundled("cifar10-resnet")
    spec = model.metadata.input
    assert isinstance(spec, ImageInput)
    boxed = dataclasses.replace(
        model, metadata=_with_input(model, resize="letterbox", shorter_side=None)
    )
    picture = np.random.default_rng(0).integers(0, 256, (30, 90, 3), dtype=np.uint8)
    inputs = {"input": image_tensor(picture, boxed.metadata.input)[None]}  # type: ignore[arg-type]
    evidence = explain_picture(boxed, Network(model.path), picture, inputs)
    # 8 rows over 32 pixels; the picture fills the middle third.
    assert evidence.maps.shape[1] in (2, 3, 4)
    assert evidence.maps.shape[2] == 8


def _with_input(model: Model, **changes: object):  # type: ignore[no-untyped-def]
    from msgspec.structs import replace

    return replace(model.metadata, input=replace(model.metadata.input, **changes))


def test_seen_part_is_cut_but_not_resized() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    spec = ImageInput(height=20, width=20, colour="rgb", resize="crop")
    np.testing.assert_array_equal(seen_part(picture, spec), picture[:, 20:80])
    grey = seen_part(picture, ImageInput(height=20, width=20, colour="gray", resize="stretch"))
    assert grey.shape == picture.shape
    assert (grey[..., 0] == grey[..., 2]).all()


def test_a_kernel_has_layers_but_no_evidence(tmp_path: Path) -> None:
    export_kernel("edges", tmp_path / "edges.onnx")
    model = load_model(tmp_path / "edges.onnx", provider="cpu")
    cv2.imwrite(str(tmp_path / "in.png"), np.zeros((40, 30, 3), np.uint8))
    found = explain_model(model, tmp_path / "in.png", tmp_path / "out")
    assert (found.label, found.method, found.layers) == (None, None, 1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "kernels.png", "layers", "layers.png",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ecg = synthetic_ecg(40.0, 360.0, seed=3, pvc_every=7)
    path = tmp_path_factory.mktemp("ecg") / "drawn.csv"
    write_csv(path, ecg.signal_mv, rate_hz=360.0, lead="MLII")
    return path


@pytest.mark.parametrize("name", ["ecg-beats", "ecg-beats.int8"])
def test_heartbeats(name: str, recording: Path, tmp_path: Path) -> None:
    found = explain_model(bundled(name), recording, tmp_path / "out")
    # The rarest class comes first: every seventh beat is ventricular.
    assert (found.label, found.method) == ("V", "erasing")
    assert found.layers > 10
    assert cv2.imread(found.files[0]).shape[0] > 700


def test_evidence_of_a_ventricular_beat_is_at_its_qrs(recording: Path, beat_model: Path) -> None:
    """Of the rule: shape says ventricular, and nothing else in the window does."""
    model = load_model(beat_model, provider="cpu", check=False)
    beats = explain_beats(read_record(recording), model)
    assert beats[0].label == "V"
    ventricular = beats[0]
    peak = model.metadata.input.before / 360  # type: ignore[union-attr]
    assert abs(int(np.abs(ventricular.evidence).argmax()) / 360 - peak) < 0.15
    # It comes early, which the rule counts against it: that is for a beat of the atria.
    assert ventricular.ratios[0] < 0.9


def test_the_bundled_file_tells_a_ventricular_beat_by_its_numbers(recording: Path) -> None:
    beats = explain_beats(read_record(recording), bundled("ecg-beats"))
    assert [beat.label for beat in beats] == ["V", "N"]
    assert beats[0].ratios[0] < 0.9
    # Most of what a window would show is in its likeness to the timely beat already.
    assert beats[0].ratio_evidence.max() > np.abs(beats[0].evidence).max()
    assert len(beats[0].names) == len(set(beats[0].names)) == 54 + 17


def test_beat_nearest_to_a_time(recording: Path) -> None:
    model = bundled("ecg-beats")
    (beat,) = explain_beats(read_record(recording), model, at_s=20.0)
    assert abs(beat.at_s - 20.0) < 0.8
    (last,) = explain_beats(read_record(recording), model, at_s=1e6)
    assert last.at_s > 38


def test_flat_line(tmp_path: Path) -> None:
    write_csv(tmp_path / "flat.csv", np.zeros(3600), rate_hz=360.0, lead="MLII")
    with pytest.raises(RecordError, match="no heartbeats found"):
        explain_model(bundled("ecg-beats"), tmp_path / "flat.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_explained_leaves_nothing(tmp_path: Path, recording: Path) -> None:
    digits, beats = bundled("mnist-lenet5"), bundled("ecg-beats")
    (tmp_path / "text.png").write_text("no picture")
    cases: list[tuple[Model, Path, dict[str, object], type[EdgeCNNError]]] = [
        (digits, tmp_path / "none.png", {}, MissingFileError),
        (digits, tmp_path / "text.png", {}, ImageError),
        (digits, recording, {}, ImageError),
        (digits, recording, {"at_s": 3.0}, UsageError),
        (beats, recording, {"lead": "V5"}, RecordError),
    ]
    for model, source, options, error in cases:
        with pytest.raises(error):
            explain_model(model, source, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_a_real_recording(data_root: Path) -> None:
    beats = explain_beats(read_record(data_root / "mitdb" / "208"), bundled("ecg-beats"))
    assert {beat.label for beat in beats} == {"N", "S", "V", "F"}
    (atrial,) = (beat for beat in beats if beat.label == "S")
    evidence = dict(zip(atrial.names, atrial.ratio_evidence.tolist(), strict=True))
    # A premature atrial beat is told by being early, and by a P wave of its own.
    assert evidence["earliness by irregularity"] > 0.5
    assert sum(each for name, each in evidence.items() if name.startswith("RR before : ")) > 0.5
    assert evidence["difference from the timely P wave"] > 0.5


@pytest.mark.data
def test_a_foreign_network_sees_the_fish(data_root: Path) -> None:
    from edgecnn.metadata import ModelMetadata, Output

    words = (data_root / "imagenet-samples" / "synset_words.txt").read_text().splitlines()
    spec = ImageInput(
        height=224, width=224, colour="rgb", shorter_side=256,
        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
    )  # fmt: skip
    contract = ModelMetadata(
        name="m", task="classify", labels=tuple(words), input=spec, output=Output(name="output")
    )
    path = data_root / "models" / "mobilenetv2_fp32_dequantised.onnx"
    model = load_model(path, provider="cpu", contract=contract)
    photo = data_root / "imagenet-samples" / "n01440764_tench.JPEG"
    picture = decode_picture(photo.read_bytes())
    inputs = {"input": image_tensor(picture, spec)[None]}
    evidence = explain_picture(model, Network(path), picture, inputs)
    assert evidence.method == "class-activation"
    assert "tench" in evidence.answer.label
    assert evidence.maps.shape == (3, 7, 7)
    # The fish lies across the middle; above it is cloth.
    assert evidence.maps[0, 3:5].mean() > 4 * np.abs(evidence.maps[0, 0]).mean()


def test_beats_beside_a_gap_are_not_chosen(recording: Path) -> None:
    model = bundled("ecg-beats")
    record = read_record(recording)
    signal = record.signal_mv.copy()
    signal[round(19.6 * 360) : round(20.4 * 360)] = np.nan
    gappy = dataclasses.replace(record, signal_mv=signal)
    (beat,) = explain_beats(gappy, model, at_s=20.0)
    spec = model.metadata.input
    assert isinstance(spec, BeatInput)
    first, last = beat.at_s - spec.before / 360, beat.at_s + spec.after / 360
    assert last <= 19.61 or first >= 20.39


def test_a_sentence(tmp_path: Path) -> None:
    model = bundled("rt-polarity-cnn")
    found = explain_sentence(model, "A dull film, zzyzx!", tmp_path / "out")
    assert (found.label, found.method) == ("negative", "erasing")
    assert {Path(f).name for f in found.files if "/layers/" not in f} == {
        "evidence.png",
        "layers.png",
    }
    # From a file: its first sentence.
    (tmp_path / "reviews.txt").write_text("\n a dull film, zzyzx!\nlovely\n", "utf-8")
    explain_model(model, tmp_path / "reviews.txt", tmp_path / "again")
    layer = "layers/01-conv-3x32-relu.png"
    assert (tmp_path / "out" / layer).is_file()
    assert (tmp_path / "again" / layer).is_file()


def test_each_words_part_is_what_the_answer_loses_without_it() -> None:
    model = bundled("rt-polarity-cnn")
    evidence, inputs = explain_words(model, "a dull film, zzyzx!")
    assert evidence.words == ("a", "dull", "film", ",", "zzyzx", "!")
    assert evidence.unknown == {"zzyzx"}
    assert evidence.left_out == 0
    # Of two classes one is shown, and the strongest word for it is the one that says so.
    assert [label for label, _ in evidence.shown] == ["negative"]
    (losses,) = evidence.losses
    assert evidence.words[int(np.argmax(losses))] == "dull"
    # A word that is unknown already loses nothing.
    assert losses[4] == 0
    whole = model.run(inputs)[0]
    without = model.run(explain_words(model, "a zzyzx film, zzyzx!")[1])[0]
    number = model.metadata.labels.index("negative")
    wanted = (whole - whole.mean())[number] - (without - without.mean())[number]
    assert losses[1] == pytest.approx(wanted, abs=1e-5)


def test_words_beyond_what_the_network_reads_are_counted() -> None:
    evidence, _ = explain_words(bundled("rt-polarity-cnn"), "film " * 70)
    assert (len(evidence.words), evidence.left_out) == (64, 6)


def test_a_detectors_boxes_are_drawn_over_its_input(tmp_path: Path) -> None:
    camera = TestCamera("test:digits?pace=free")
    camera.open()
    frame = camera.read()
    assert frame is not None
    cv2.imwrite(str(tmp_path / "scene.png"), frame.data)
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((48, 64, 3), np.uint8))
    model = bundled("digits-yolo")
    found = explain_model(model, tmp_path / "scene.png", tmp_path / "out")
    assert found.label == frame.truth
    assert found.score is not None
    assert found.score > 0.4
    nothing = explain_model(model, tmp_path / "empty.png", tmp_path / "none")
    assert (nothing.label, nothing.score) == ("none", None)


def test_a_network_that_writes_shows_what_it_expected(tmp_path: Path) -> None:
    model = bundled("shakespeare-lstm")
    text = "First Citizen:\nBefore we proceed \x00qq"
    evidence, inputs = explain_characters(model, text)
    # A character that it does not know is read as the contract says.
    known = text.replace("\x00", " ")
    assert evidence.text == known
    logits = model.run(inputs)[0].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    spec = model.metadata.input
    assert isinstance(spec, CharacterInput)
    for place in range(1, len(known)):
        number = spec.vocabulary.index(known[place])
        nats = -np.log(shares[place - 1, number])
        assert evidence.surprise_nats[place] == pytest.approx(nats, abs=1e-4)
        (best, share), *_ = evidence.expected[place]
        assert best == spec.vocabulary[int(shares[place - 1].argmax())]
        assert share == pytest.approx(shares[place - 1].max(), abs=1e-5)
    assert evidence.surprise_nats[-1] > 3
    assert np.isnan(evidence.surprise_nats[0])
    assert evidence.states.shape[1] == len(known)


@pytest.mark.parametrize("name", ["shakespeare-lstm", "shakespeare-lstm.int8"])
def test_a_generators_layers_have_a_column_for_each_character(name: str, tmp_path: Path) -> None:
    model = bundled(name)
    _, inputs = explain_characters(model, "To be")
    layers = activations(Network(model.path), inputs)
    assert [(layer.title, layer.values.shape) for layer in layers] == [
        ("LSTM", (256, 5)),
        ("dense", (65, 5)),
    ]
    # The last layer's column is the logits after that character.
    assert np.allclose(layers[1].values.T, model.run(inputs)[0], atol=0.3)
    found = explain_sentence(model, "To be", tmp_path / "out")
    assert (found.method, found.layers) == ("surprise", 2)
    (tmp_path / "play.txt").write_text("To be\n", "utf-8")
    again = explain_model(model, tmp_path / "play.txt", tmp_path / "again")
    assert (again.label, again.score) == (found.label, found.score)


def test_too_little_text_for_a_generator_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fewer than two characters"):
        explain_sentence(bundled("shakespeare-lstm"), "T", tmp_path / "out")
    with pytest.raises(TaskError, match="reads no sentences"):
        explain_sentence(bundled("mnist-lenet5"), "seven", tmp_path / "out")
    assert not (tmp_path / "out").exists()
