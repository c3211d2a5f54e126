"""``edgecnn predict`` as a person runs it."""

import json
import os
import subprocess
import sys

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from edgecnn import metadata as contract


@pytest.fixture
def pictures(tmp_path):
    for name, value in (("dark.png", 5), ("light.png", 250)):
        cv2.imwrite(str(tmp_path / name), np.full((30, 40, 3), value, np.uint8))
    return tmp_path


def _predict(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "edgecnn", "predict", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=dict(os.environ),
        check=False,
    )


def test_json_is_one_line_per_input(picture_model, pictures):
    done = _predict(picture_model, pictures, "--json", "--top", 2)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["label"] for row in rows] == ["dark", "bright"]
    assert rows[0]["input"] == str(pictures / "dark.png")
    assert [len(row["top"]) for row in rows] == [2, 2]
    assert all(row["latency_ms"] > 0 for row in rows)


def test_text_names_the_file_and_the_best_labels(picture_model, pictures):
    done = _predict(picture_model, pictures / "dark.png")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{pictures / 'dark.png'}: dark  (dark 99.")


def test_a_bad_file_is_reported_the_others_are_answered_and_the_code_is_1(picture_model, pictures):
    (pictures / "broken.png").write_bytes(b"nothing")
    done = _predict(picture_model, pictures / "none.png", pictures, "--json")
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["label"] for row in rows] == [None, None, "dark", "bright"]
    assert [bool(row.get("error")) for row in rows] == [True, True, False, False]
    assert done.stderr.count("error:") == 2
    assert "Traceback" not in done.stderr


def test_a_signal_model_points_to_score(picture_model, pictures):
    spec = contract.BeatInput(
        name="input",
        sampling_rate_hz=100,
        leads=("MLII",),
        before=10,
        after=10,
        filter=contract.BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=contract.RhythmFeatures(),
    )
    model = onnx.load(picture_model)
    rr = onnx.helper.make_tensor_value_info("rr", onnx.TensorProto.FLOAT, ["N", 5])
    model.graph.input.append(rr)
    props = {p.key: p.value for p in model.metadata_props}
    described = contract.decode_metadata(props[contract.CONTRACT_KEY])
    beats = msgspec.structs.replace(described, input=spec)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {contract.CONTRACT_KEY: contract.encode(beats)})
    path = pictures / "beats.onnx"
    onnx.save(model, path)
    done = _predict(path, pictures / "dark.png")
    assert done.returncode == 1
    assert "reads heartbeats, not pictures" in done.stderr
    assert "edgecnn score" in done.stderr
    assert done.stdout == ""


def test_no_files_is_wrong_usage(picture_model):
    assert _predict(picture_model).returncode == 2


def test_a_flipped_golden_refuses_unless_told_not_to_check(picture_model, pictures):
    model = onnx.load(picture_model)
    props = {p.key: p.value for p in model.metadata_props}
    golden = contract.decode_golden(props[contract.GOLDEN_KEY])
    first = golden.examples[0]
    turned = msgspec.structs.replace(first, logits=(tuple(reversed(first.logits[0])),))
    props[contract.GOLDEN_KEY] = contract.encode(
        msgspec.structs.replace(golden, examples=(turned,))
    )
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, props)
    path = pictures / "flipped.onnx"
    onnx.save(model, path)
    refused = _predict(path, pictures / "dark.png")
    assert refused.returncode == 1
    assert "golden example 1" in refused.stderr
    assert "--no-check" in refused.stderr
    assert _predict(path, pictures / "dark.png", "--no-check").returncode == 0


def test_a_foreign_detector_lists_its_boxes_in_pixels_of_the_input(foreign_detector, tmp_path):
    for name, value in (("bright", 250), ("dark", 5)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((200, 200, 3), value, np.uint8))
    model, contract = foreign_detector
    arguments = (model, "--metadata", contract, tmp_path / "bright.png", tmp_path / "dark.png")
    done = _predict(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    bright, dark = (json.loads(line) for line in done.stdout.splitlines())
    ((*edges, label, score),) = bright["boxes"]
    assert edges == [0, 0, 100, 100]
    assert (label, score) == ("dog", pytest.approx(0.9 * 250 / 255, abs=1e-3))
    assert (bright["label"], bright["score"]) == (label, score)
    assert (dark["label"], dark["score"], dark["boxes"], dark["top"]) == ("none", 0, [], [])
    text = _predict(*arguments).stdout.splitlines()
    assert text[0].endswith("bright.png: dog  (dog 88.2 %)")
    assert text[1].endswith("dark.png: none")


def test_a_foreign_file_needs_its_contract_and_no_other_file_takes_one(
    foreign_detector, picture_model, pictures
):
    model, contract = foreign_detector
    done = _predict(model, pictures)
    assert done.returncode == 1
    assert "has no edgecnn metadata" in done.stderr
    assert "--metadata" in done.stderr
    done = _predict(picture_model, pictures, "--metadata", contract)
    assert done.returncode == 1
    assert "has a contract of its own" in done.stderr
    done = _predict(model, pictures, "--metadata", contract.with_name("absent.toml"))
    assert done.returncode == 1
    assert "no such metadata file" in done.stderr
