from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from edgecnn.calibration.target import this_machine
from edgecnn.cli.run import run
from edgecnn.errors import DatasetError
from edgecnn.runtime.session import load_model

#: A network without training: stripes one way give its first filter much, the other its second.
MODULE = """
import torch
from torch import nn

def build():
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                        nn.Flatten(), nn.Linear(8, 2))
    edge = torch.tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        net[0].weight[0, 0], net[0].weight[1, 0] = edge, edge.T
        net[4].weight[0, 0] = net[4].weight[1, 1] = 4.0
    return net
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model file, and pictures of stripes by class."""
    folder = tmp_path_factory.mktemp("quantize")
    (folder / "stripes_net.py").write_text(MODULE)
    rng = np.random.default_rng(0)
    for label in ("rows", "columns"):
        (folder / "photos" / label).mkdir(parents=True)
        for i in range(20):
            wave = np.sin(np.arange(40) * 0.7 + rng.uniform(0, 6)) * 90 + 120
            picture = np.repeat(wave[:, None], 40, axis=1) + rng.normal(0, 8, (40, 40))
            turned = picture if label == "rows" else picture.T
            name = folder / "photos" / label / f"{i}.png"
            cv2.imwrite(str(name), np.clip(turned, 0, 255).astype(np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "dont_write_bytecode", True)
        arguments = ["export", "stripes_net:build", "--input-shape", "1,20,20"]
        assert run([*arguments, "--labels", "rows,columns", "-o", "stripes.onnx"]) == 0
    return folder


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield folder
    for path in folder.glob("*.int8.onnx"):
        path.unlink()


#: So small a network does not pay in 8 bits.
QUANTIZE = ["quantize", "stripes.onnx", "--calibration", "photos", "--allow-slower"]


def test_json(here, capsys):
    assert run([*QUANTIZE, "--evaluate", "photos", "-o", "s.int8.onnx", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    agreed = {"metric", "fp32", "int8", "drop", "agreement", "latency_ms", "speedup"}
    assert agreed | {"size_bytes", "kept_fp32", "settings"} <= set(document)
    assert (document["metric"], document["fp32"], document["int8"]) == ("accuracy", 1.0, 1.0)
    assert document["agreement"] == 1.0
    assert load_model("s.int8.onnx", provider="cpu").measured.accuracy[0].value == 1.0


def test_text_and_usual_name(here, capsys):
    assert run([*QUANTIZE, "--evaluate", "photos", "--samples", "10", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    rows = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    assert rows["accuracy"][1:4] == ["1.0000", "1.0000", "+0.00"]
    assert "latency ms, median" in rows
    assert "size kB" in rows
    assert "same label in 100.00% of 40 examples (photos:all)" in out
    assert " on 10 of photos:all" in out
    assert out.splitlines()[-1] == "stripes.int8.onnx"
    assert (here / "stripes.int8.onnx").is_file()


def test_types_are_the_targets_not_this_machines(here, capsys):
    """And the file remembers what it was made for."""
    assert run([*QUANTIZE, "--evaluate", "photos", "--target", "arm"]) == 0
    out, err = capsys.readouterr()
    assert "for arm: int8 activations, 8-bit weights per channel (ARM multiplies signed" in out
    provenance = load_model("stripes.int8.onnx", provider="cpu").metadata.provenance
    assert provenance.settings["quantize.target"] == "arm"
    assert provenance.quantization.activations == "int8"
    assert ("made for arm and measured on" in err) == (this_machine() != "arm")
    assert run([*QUANTIZE, "--target", "x86"]) == 0
    assert "for x86: uint8 activations, 7-bit weights per channel" in capsys.readouterr().out


def test_slower_int8_is_not_hidden(here, capsys, monkeypatch):
    """The remark comes with the ratio that was measured."""
    from edgecnn.calibration import pay
    from edgecnn.calibration.latency import Comparison

    slow = Comparison((1.0, 1.1), (2.27, 2.5), 0.44, (0.43, 0.45), (0.43, 0.45))
    monkeypatch.setattr(pay, "compare_latency", lambda *_, **__: slow)
    assert run([*QUANTIZE, "--evaluate", "photos"]) == 0
    out, err = capsys.readouterr()
    assert "0.44x the speed (0.43 to 0.45)" in out
    assert "warning: INT8 is slower than FP32 on this machine: 0.44x its speed" in err
    measured = load_model("stripes.int8.onnx", provider="cpu").measured
    assert "0.44x the speed" in measured.note


def test_calibration_needs_no_known_labels(here, capsys):
    assert (
        run(
            ["quantize", "stripes.onnx", "--calibration", "photos/rows", "--json", "--allow-slower"]
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["metric"] is None
    assert "used in calibration" in document["agreement_on"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.onnx", "--calibration", "photos"], 1, "no such model: none.onnx"),
        (["stripes.onnx", "--calibration", "nowhere"], 1, "no such dataset or folder: nowhere"),
        (["stripes.onnx", "--calibration", "empty"], 1, "no pictures in empty"),
        (
            ["stripes.onnx", "--calibration", "photos", "--target", "cuda", "--form", "static"],
            2,
            "needs TensorRT",
        ),
        (["stripes.onnx", "--calibration", "photos", "--target", "z80"], 2, "'z80' is not one of"),
        (["stripes.onnx"], 2, "missing option '--calibration'"),
        (["stripes.onnx", "--calibration", "photos", "--evaluate", "photos/rows"], 1, "no labels"),
        (["stripes.onnx", "--calibration", "photos", "--exclude", "x"], 2, "no node x"),
        (["stripes.onnx", "--calibration", "photos", "--method", "x"], 2, "'x' is not one of"),
        (["done.int8.onnx", "--calibration", "photos"], 1, "is quantized already"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(here, capsys, arguments, code, message):
    (here / "empty").mkdir(exist_ok=True)
    if arguments[0] == "done.int8.onnx":
        assert run([*QUANTIZE, "--samples", "4", "-o", "done.int8.onnx"]) == 0
        capsys.readouterr()
    assert run(["quantize", *arguments, "-o", "x.int8.onnx"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert not (here / "x.int8.onnx").exists()
    assert not list(here.glob(".*"))


@pytest.mark.data
def test_records_for_a_model_of_pictures(here, data_root, capsys):
    assert run(["quantize", "stripes.onnx", "--calibration", "mitdb:100"]) == 1
    assert "heartbeats" in capsys.readouterr().err
    assert not (here / "stripes.int8.onnx").exists()


def test_download_is_said(here, capsys, monkeypatch):
    """The data is asked for before it is opened, and what comes is told."""
    asked = []

    def fetch(spec, *, progress):
        asked.append(spec)
        progress("archive.gz", 1, 2)
        if len(asked) == 2:
            raise DatasetError("no network")

    monkeypatch.setattr("edgecnn.data.fetch_dataset", fetch)
    arguments = ["quantize", "stripes.onnx", "--calibration", "mnist:train"]
    assert run([*arguments, "--evaluate", "mnist:test"]) == 1
    assert asked == ["mnist:train", "mnist:test"]
    err = capsys.readouterr().err
    assert err.count("downloading archive.gz") == 1
    assert "no network" in err


@pytest.mark.parametrize(
    "data", [["--calibration", "mitdb:ds1"], ["--calibration", "photos", "--evaluate", "mitdb:ds2"]]
)
def test_data_of_another_kind_is_refused_before_it_is_fetched(here, capsys, monkeypatch, data):
    def fetch(*specs):
        pytest.fail("fetched")

    monkeypatch.setattr("edgecnn.cli.output.fetch_data", fetch)
    assert run(["quantize", "stripes.onnx", *data]) == 1
    assert "holds heartbeats, but the model reads pictures" in capsys.readouterr().err


@pytest.fixture
def spoilt(here, tmp_path) -> Path:
    """The pictures, one of them broken, one there twice, and one black."""
    copy = tmp_path / "spoilt"
    shutil.copytree(here / "photos", copy)
    (copy / "rows" / "3.png").write_bytes(b"no picture")
    shutil.copy(copy / "rows" / "4.png", copy / "rows" / "again.png")
    cv2.imwrite(str(copy / "columns" / "0.png"), np.zeros((40, 40), np.uint8))
    return copy


def test_what_looks_wrong_is_said_and_in_the_json(here, spoilt, tmp_path, capsys):
    arguments = ["quantize", "stripes.onnx", "--calibration", str(spoilt), "--allow-slower"]
    assert run([*arguments, "--evaluate", "photos", "--json", "--no-cache"]) == 0
    out, err = capsys.readouterr()
    assert not (tmp_path / "cache").exists()
    assert "calibration kept" not in err
    findings = {finding["kind"]: finding for finding in json.loads(out)["findings"]}
    assert set(findings) >= {"unreadable", "duplicates", "constant", "overlap"}
    assert (findings["unreadable"]["count"], findings["unreadable"]["of"]) == (1, 41)
    assert findings["unreadable"]["first"] == [str(spoilt / "rows" / "3.png")]
    assert findings["duplicates"]["first"] == [str(spoilt / "rows" / "again.png")]
    # All but the black one, counting the one that is there twice.
    assert (findings["overlap"]["count"], findings["overlap"]["of"]) == (39, 40)
    for finding in findings.values():
        assert f"warning: {finding['text']}\n" in err


def test_strict_stops_at_a_broken_picture(here, spoilt, capsys):
    arguments = ["quantize", "stripes.onnx", "--calibration", str(spoilt), "--strict"]
    assert run([*arguments, "-o", "strict.int8.onnx"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {spoilt}/rows/3.png is not a readable picture")
    assert not (here / "strict.int8.onnx").exists()


def test_the_cache_is_named_used_and_can_be_left_out(here, tmp_path, capsys):
    kept = tmp_path / "cache" / "edgecnn" / "calibration"
    assert run(QUANTIZE) == 0
    first = (here / "stripes.int8.onnx").read_bytes()
    [file] = kept.iterdir()
    assert f"calibration kept in {file}\n" in capsys.readouterr().err
    assert run([*QUANTIZE, "-o", "again.int8.onnx"]) == 0
    assert f"calibration of 40 samples read from {file}\n" in capsys.readouterr().err
    # Latency is another, the graph with its ranges is not.
    graphs = [onnx.load_from_string(first), onnx.load("again.int8.onnx")]
    assert graphs[0].graph == graphs[1].graph


def test_a_full_disk_is_one_line_and_no_file(here, capsys):
    """A limit on file sizes ends the write half-way, as a full disk does."""
    code = """
        import resource, signal, sys
        from edgecnn.cli.run import run
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        sys.exit(run(sys.argv[1:]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *QUANTIZE, "-o", "full.int8.onnx"],
        capture_output=True,
        text=True,
        cwd=here,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(here.glob("*full*"))
