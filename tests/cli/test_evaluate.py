from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.cli.run import run
from edgecnn.errors import DatasetError
from edgecnn.export.embed import embed
from edgecnn.metadata import ImageInput, ModelMetadata


@pytest.fixture(scope="module")
def brightness(tmp_path_factory) -> Path:
    """A real model file that tells dark pictures from bright ones."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
            helper.make_node("Gemm", ["mean", "w", "b"], ["logits"]),
        ],
        "g",
        [value("input", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [value("logits", TensorProto.FLOAT, ["batch", 2])],
        [
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
            numpy_helper.from_array(np.array([[-8, 8]], np.float32), "w"),
            numpy_helper.from_array(np.array([4, -4], np.float32), "b"),
        ],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    spec = ImageInput(height=8, width=8, colour="gray")
    embed(model, ModelMetadata(name="b", task="classify", labels=("dark", "bright"), input=spec))
    path = tmp_path_factory.mktemp("model") / "brightness.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three dark and two bright pictures; one bright one lies in the wrong folder."""
    folder = tmp_path / "photos"
    for label, levels in (("dark", (0, 20, 40, 250)), ("bright", (200, 240))):
        (folder / label).mkdir(parents=True)
        for level in levels:
            cv2.imwrite(str(folder / label / f"{level}.png"), np.full((20, 30), level, np.uint8))
    return folder


def test_text(brightness, photos, capsys):
    assert run(["evaluate", str(brightness), str(photos), "--provider", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("accuracy  0.8333  (95 %: 0.43")
    table = [line.split() for line in out.splitlines()]
    assert ["dark", "4", "75.00", "100.00", "85.71"] in table
    assert ["bright", "2", "100.00", "66.67", "80.00"] in table
    assert ["dark", "3", "1"] in table
    assert "on cpu (asked for)" in err


def test_json(brightness, photos, capsys):
    assert run(["evaluate", str(brightness), str(photos), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"metric", "value", "interval_95", "per_class", "confusion", "n"} <= set(document)
    assert document["value"] == pytest.approx(5 / 6)
    assert document["confusion"] == [[3, 1], [0, 2]]
    assert document["labels"] == ["dark", "bright"]


def test_limit(brightness, photos, capsys):
    assert run(["evaluate", str(brightness), str(photos), "--json", "--limit", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["n"] == 2
    assert "2 examples drawn at random" in document["note"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere", "no such dataset or folder: nowhere"),
        ("mnist:half", "mnist has no split 'half'"),
    ],
)
def test_data_that_is_not_there(brightness, capsys, data, message):
    assert run(["evaluate", str(brightness), data]) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_unlabelled_folder_and_unknown_class(brightness, photos, tmp_path, capsys):
    assert run(["evaluate", str(brightness), str(photos / "dark")]) == 1
    assert "no labels to measure against" in capsys.readouterr().err
    (photos / "dark").rename(photos / "cat")
    assert run(["evaluate", str(brightness), str(photos)]) == 1
    assert "'cat' is no class of this model" in capsys.readouterr().err


def test_model_that_is_none(photos, tmp_path, capsys):
    path = tmp_path / "m.onnx"
    assert run(["evaluate", str(path), str(photos)]) == 1
    path.write_bytes(b"nonsense")
    assert run(["evaluate", str(path), str(photos)]) == 1
    err = capsys.readouterr().err
    assert "no such model" in err
    assert "not a readable ONNX model" in err


def test_contract_that_does_not_hold(brightness, tmp_path, capsys):
    model = onnx.load(brightness)
    for entry in model.metadata_props:
        entry.value = entry.value.replace('"task":"classify"', '"task":"knit"')
    onnx.save(model, tmp_path / "m.onnx")
    assert run(["evaluate", str(tmp_path / "m.onnx"), "mnist:test"]) == 1
    assert "does not hold" in capsys.readouterr().err


@pytest.mark.data
def test_records_for_a_model_of_pictures(brightness, data_root, capsys):
    assert run(["evaluate", str(brightness), "mitdb:100"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) <= 3
    assert "error:" in err


@pytest.mark.data
def test_folder_of_annotated_records(data_root, tmp_path, capsys):
    """Records of one's own, here two of DS1, get a table by AAMI class."""
    for name in ("119", "208"):
        for end in ("atr", "dat", "hea"):
            (tmp_path / f"{name}.{end}").symlink_to(data_root / "mitdb" / f"{name}.{end}")
    assert run(["evaluate", "bundled:ecg-beats", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("macro-F1 (N,S,V)  0.")
    assert "only 2 records: the interval says little" in out
    by_class, _, confusion = out.partition("true \\ answered")
    confusion, _, by_record = confusion.partition("record")
    assert [line.split()[0] for line in by_record.splitlines()[1:] if line] == ["119", "208"]
    assert "class map" not in out
    scores = {line.split()[0]: line.split() for line in by_class.splitlines() if line}
    assert float(scores["V"][2]) > 90
    assert int(scores["V"][1]) == 1436
    assert confusion.split()[:4] == ["N", "S", "V", "F"]


@pytest.mark.data
def test_escape_beats_by_the_other_map(data_root, tmp_path, capsys):
    """Record 223 has 16 atrial escape beats."""
    for end in ("atr", "dat", "hea"):
        (tmp_path / f"223.{end}").symlink_to(data_root / "mitdb" / f"223.{end}")
    counts = {}
    for name in ("literature", "bxb"):
        assert run(["evaluate", "bundled:ecg-beats", str(tmp_path), "--map", name]) == 0
        out = capsys.readouterr().out
        assert ("class map bxb" in out) == (name == "bxb")
        lines = [line.split() for line in out.splitlines() if line[:1] in "NS" and line.strip()]
        counts[name] = {cells[0]: int(cells[1]) for cells in reversed(lines)}
    assert counts["bxb"]["S"] - counts["literature"]["S"] == 16
    assert counts["literature"]["N"] - counts["bxb"]["N"] == 16


def test_a_class_map_is_for_heartbeats(brightness, tmp_path, capsys):
    (tmp_path / "dark").mkdir()
    cv2.imwrite(str(tmp_path / "dark" / "a.png"), np.zeros((8, 8), np.uint8))
    assert run(["evaluate", str(brightness), str(tmp_path), "--map", "bxb"]) != 0
    assert "a class map is for heartbeats" in capsys.readouterr().err


def test_download_is_said(brightness, capsys, monkeypatch):
    """The data is asked for before it is opened, and what comes is told."""
    asked = []

    def fetch(spec, *, progress):
        asked.append(spec)
        progress("archive.gz", 1, 2)
        if len(asked) == 1:
            raise DatasetError("no network")

    monkeypatch.setattr("edgecnn.data.fetch_dataset", fetch)
    assert run(["evaluate", str(brightness), "mnist:test"]) == 1
    assert asked == ["mnist:test"]
    assert "downloading archive.gz" in capsys.readouterr().err


def test_data_of_another_kind_is_refused_before_it_is_fetched(brightness, capsys, monkeypatch):
    def fetch(*specs):
        pytest.fail("fetched")

    monkeypatch.setattr("edgecnn.cli.output.fetch_data", fetch)
    assert run(["evaluate", str(brightness), "mitdb:ds2"]) == 1
    assert "mitdb:ds2 holds heartbeats, but the model reads pictures" in capsys.readouterr().err
