from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import safetensors.torch
import torch

from edgecnn.cli.run import run
from edgecnn.errors import DatasetError
from edgecnn.runtime.session import load_model

#: A network without training: it answers with the brightest quarter of the picture.
MODULE = """
from torch import nn

class Quarters(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(4)
        self.last = nn.Linear(4, 4)
        nn.init.eye_(self.last.weight)
        nn.init.zeros_(self.last.bias)
    def forward(self, x):
        return 10 * self.last(self.pool(x).flatten(1))

def build():
    return Quarters()
"""
UNTRAINED = "warning: no --weights: the network is exported with the values it was built with\n"
OPTIONS = ["--input-shape", "1,8,8", "--labels", "a,b,c,d"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module in it."""
    (tmp_path / "quarters_net.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "quarters_net", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def _files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"quarters_net.py", "__pycache__"}


def test_module_of_the_users_own(folder, capsys):
    arguments = ["export", "quarters_net:build", *OPTIONS, "-o", "q.onnx"]
    assert run([*arguments, "--mean", "0.5", "--std", "0.25", "--opset", "19", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    # These weights came with the code, which is said; nothing else is.
    assert err == UNTRAINED
    agreed = {"path", "opset", "ir_version", "parameters", "parity", "sha256"}
    assert agreed <= set(document)
    assert (document["opset"], document["parameters"]) == (19, 20)
    assert {"max_abs", "max_rel", "top1_agreement"} <= set(document["parity"])
    model = load_model("q.onnx", provider="cpu")
    assert model.metadata.name == "quarters_net"
    assert model.metadata.labels == ("a", "b", "c", "d")
    assert model.metadata.input.mean == (0.5,)
    assert model.metadata.provenance.architecture == "quarters_net:build"
    assert _files(folder) == {"q.onnx"}


def test_text(folder, capsys):
    assert run(["export", "quarters_net:build", *OPTIONS, "-o", "q.onnx"]) == 0
    out = capsys.readouterr().out
    assert "opset 20, IR 9, 20 parameters" in out
    assert "same label in 100.00%" in out
    assert "golden vectors" in out


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_weights_are_used(folder, capsys, name):
    state = {"last.weight": torch.eye(4).flip(0), "last.bias": torch.zeros(4)}
    if name.endswith(".pt"):
        torch.save(state, name)
    else:
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, name)
    arguments = ["export", "quarters_net:build", *OPTIONS, "--weights", name]
    assert run([*arguments, "-o", "q.onnx"]) == 0
    picture = torch.zeros(1, 1, 8, 8)
    picture[:, :, :4, :4] = 1
    logits = load_model("q.onnx", provider="cpu").run({"input": picture.numpy()})
    assert logits.argmax() == 3


def test_contract_from_toml(folder, capsys):
    (folder / "m.toml").write_text(
        'name = "quarter"\nlabels = ["a", "b", "c", "d"]\n'
        '[input]\nkind = "image"\nheight = 8\nwidth = 8\ncolour = "gray"\n'
    )
    assert run(["export", "quarters_net:build", "--metadata", "m.toml", "-o", "q.onnx"]) == 0
    assert load_model("q.onnx", provider="cpu").metadata.name == "quarter"


def test_labels_from_a_file_and_parity_on_data(folder, capsys):
    import cv2
    import numpy as np

    (folder / "labels.txt").write_text("a\nb\nc\nd\n")
    (folder / "photos").mkdir()
    for i in range(3):
        cv2.imwrite(f"photos/{i}.png", np.random.default_rng(i).integers(0, 255, (20, 20, 3)))
    arguments = ["export", "quarters_net:build", "--input-shape", "1x8x8"]
    arguments += ["--labels", "labels.txt", "--parity", "photos", "-o", "q.onnx", "--json"]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["parity"]["samples"] == 3
    used = load_model("q.onnx", provider="cpu").metadata.provenance.datasets
    assert [(d.name, d.role) for d in used] == [("photos:all", "parity")]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["quarters_net:missing", *OPTIONS], 1, "quarters_net has no factory missing"),
        (["no_such_net:build", *OPTIONS], 1, "cannot import no_such_net"),
        (["quarters_net:build", *OPTIONS, "--weights", "no.pt"], 1, "no such weights: no.pt"),
        (["quarters_net:build", *OPTIONS, "--weights", "bad.pt"], 1, "bad.pt does not fit"),
        (["quarters_net:build", "--labels", "a,b"], 2, "needs --input-shape and --labels"),
        (
            ["quarters_net:build", "--input-shape", "1,9", "--labels", "a,b"],
            2,
            "not the shape of a picture",
        ),
        (
            ["quarters_net:build", "--input-shape", "1,8,x", "--labels", "a,b"],
            2,
            "not a list of numbers",
        ),
        (
            ["quarters_net:build", "--input-shape", "3,8,8", "--labels", "a,b,c,d"],
            1,
            "Quarters cannot run input",
        ),
        (
            ["quarters_net:build", "--input-shape", "1,8,8", "--labels", "a,b,c"],
            1,
            "returns shape (N, 4) for 3 labels",
        ),
        (["quarters_net:build", "--metadata", "no.toml"], 1, "no such metadata file"),
        (["no_such_run"], 1, "no such checkpoint"),
        (["no_such_run", "--labels", "a,b"], 2, "a checkpoint brings its own"),
        (["no_such_run", "--mean", "0.5"], 2, "its own: --mean not"),
        (["no_such_run", "--resize", "crop", "--std", "1"], 2, "its own: --std, --resize not"),
        (["no_such_run", "--colour", "gray"], 2, "its own: --colour not"),
        (["no_such_run", "--metadata", "m.toml"], 2, "its own: --metadata not"),
        (
            ["quarters_net:build", "--metadata", "m.toml", "--mean", "0.5", "--resize", "stretch"],
            2,
            "--metadata brings its own: --mean, --resize not",
        ),
        (["quarters_net:build", *OPTIONS, "--mean", "nan"], 2, "mean is not finite: nan"),
        (["quarters_net:build", *OPTIONS, "--opset", "12"], 2, "12 is not in the range"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(folder, capsys, arguments, code, message):
    torch.save({"last.weight": torch.eye(4), "other": torch.zeros(1)}, "bad.pt")
    assert run(["export", *arguments, "-o", "out/q.onnx"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if line.lower().startswith("error:")]) == 1
    assert not list(folder.rglob("*.onnx"))


def test_checkpoint_of_a_training(folder, capsys, monkeypatch):
    """The glue to the training's side: a checkpoint as a training writes it."""
    from edgecnn.metadata import Measured, ModelMetadata
    from edgecnn.models import create_model
    from edgecnn.training.checkpoint import Checkpoint, save_checkpoint
    from edgecnn.training.recipe import load_recipe

    recipe = load_recipe("mnist-lenet5")
    labels = tuple("0123456789")
    torch.manual_seed(0)
    network = create_model("lenet5", classes=10)
    metadata = ModelMetadata(name="lenet", task="classify", labels=labels, input=recipe.input)
    saved = Checkpoint(network.eval(), metadata, Measured(revision="r"), recipe, epoch=1)
    save_checkpoint(folder / "run", saved)
    (folder / "photos").mkdir()
    import cv2
    import numpy as np

    for i in range(4):
        cv2.imwrite(f"photos/{i}.png", np.random.default_rng(i).integers(0, 255, (40, 40, 3)))
    asked: list[str] = []
    monkeypatch.setattr("edgecnn.data.fetch_dataset", lambda spec, **_: asked.append(spec))
    assert run(["export", "run", "-o", "lenet.onnx", "--parity", "photos"]) == 0
    model = load_model("lenet.onnx", provider="cpu")
    assert model.metadata.labels == labels
    assert model.measured.revision == "r"
    with torch.inference_mode():
        expected = network(torch.ones(1, 1, 28, 28)).numpy()
    got = model.run({"input": np.ones((1, 1, 28, 28), np.float32)})
    np.testing.assert_allclose(got, expected, atol=1e-4)
    monkeypatch.setattr("edgecnn.data.registry.fetch_dataset", lambda *_, **__: None)
    capsys.readouterr()
    assert run(["export", "run", "-o", "other.onnx"]) == 0
    assert asked == ["photos", "mnist:train"]
    assert (
        "warning: compared on drawn inputs: mnist:train is not at hand" in capsys.readouterr().err
    )
    use = load_model("other.onnx", provider="cpu").metadata.provenance.datasets[-1]
    assert (use.name, use.role) == ("drawings", "parity")
    assert run(["export", "run", "-o", "x.onnx", "--verify-with", "nowhere"]) == 1
    assert "no such dataset or folder: nowhere" in capsys.readouterr().err
    assert not Path("x.onnx").exists()


def test_same_bytes_from_another_folder(folder, tmp_path_factory):
    """In processes of their own, with another hash seed: the graph must not depend on either."""
    contents = []
    for seed in ("1", "2"):
        place = tmp_path_factory.mktemp("place")
        (place / "quarters_net.py").write_text(MODULE)
        command = [sys.executable, "-m", "edgecnn", "export", "quarters_net:build", *OPTIONS]
        done = subprocess.run(
            [*command, "-o", "q.onnx"],
            cwd=place,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        )
        # torch's exporter and the simplifier would print pages.
        assert done.stderr == UNTRAINED
        assert len(done.stdout.splitlines()) == 5
        model = onnx.load(place / "q.onnx")
        assert str(place).encode() not in model.SerializeToString()
        kept = [entry for entry in model.metadata_props if entry.key != "edgecnn.measured"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        contents.append(model.SerializeToString(deterministic=True))
    assert contents[0] == contents[1]


def test_download_is_said(folder, capsys, monkeypatch):
    """The data is asked for before it is opened, and what comes is told."""
    asked = []

    def fetch(spec, *, progress):
        asked.append(spec)
        progress("archive.gz", 1, 2)
        if len(asked) == 1:
            raise DatasetError("no network")

    monkeypatch.setattr("edgecnn.data.fetch_dataset", fetch)
    arguments = ["export", "quarters_net:build", *OPTIONS, "-o", "q.onnx"]
    assert run([*arguments, "--parity", "mnist:test"]) == 1
    assert asked == ["mnist:test"]
    assert "downloading archive.gz" in capsys.readouterr().err


def test_rebuild(folder, capsys):
    """The file is proved from another folder; with other weights it says what differs."""
    weights = {"last.weight": torch.eye(4), "last.bias": torch.arange(4.0)}
    safetensors.torch.save_file(weights, "w.safetensors")
    arguments = ["export", "quarters_net:build", *OPTIONS, "--weights", "w.safetensors"]
    assert run([*arguments, "-o", "out/q.onnx", "--opset", "19"]) == 0
    capsys.readouterr()
    assert run(["export", "--rebuild", "out/q.onnx"]) == 0
    out, err = capsys.readouterr()
    assert "w.safetensors: w.safetensors\n" in out
    assert "the same graph, weights, contract and golden vectors again" in out
    assert err == ""
    weights["last.bias"][2] = 5
    safetensors.torch.save_file(weights, "w.safetensors")
    assert run(["export", "--rebuild", "out/q.onnx", "."]) == 1
    out, err = capsys.readouterr()
    assert "weights last.bias: 1 of 4 values differ, by at most 3" in out
    assert "warning: w.safetensors is not the file of then: sha256 " in err
    assert run(["export", "--rebuild", "out/q.onnx", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["same"] is False
    assert document["differences"]
    assert {p.name for p in (folder / "out").iterdir()} == {"q.onnx"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--rebuild", "q.onnx", "--opset", "20"], 2, "by the file's own settings: --opset not"),
        (["--rebuild", "q.onnx", "-o", "x.onnx"], 2, "by the file's own settings: --out not"),
        (["--rebuild", "nowhere.onnx"], 1, "no such model: nowhere.onnx"),
        (["-o", "x.onnx"], 2, "missing argument 'SOURCE'"),
        (["quarters_net:build"], 2, "missing option '-o'"),
        (["net.onnx", "-o", "x.onnx"], 1, "no such model: net.onnx"),
        (["net.pt2", *OPTIONS, "-o", "x.onnx"], 1, "no such program: net.pt2"),
        (["net.pt2", "-o", "x.onnx"], 2, "needs --input-shape and --labels"),
        (["net.onnx", "--weights", "w.pt", "-o", "x.onnx"], 2, "brings its own"),
        (["quarters_net:build", *OPTIONS, "--atol", "inf", "-o", "x.onnx"], 2, "not infinite"),
        (["quarters_net:build", *OPTIONS, "--rtol", "-1", "-o", "x.onnx"], 2, "-1"),
        (
            ["quarters_net:build", *OPTIONS, "--dynamic", "time", "-o", "x.onnx"],
            2,
            "no axis named 'time'",
        ),
        (
            ["quarters_net:build", *OPTIONS, "--outputs", "a,b", "-o", "x.onnx"],
            2,
            "logits is not among them",
        ),
        (
            ["quarters_net:build", *OPTIONS, "--verify-with", "no.npy", "-o", "x.onnx"],
            1,
            "no such file: no.npy",
        ),
    ],
)
def test_more_bad_input_is_one_line_and_leaves_no_file(folder, capsys, arguments, code, message):
    assert run(["export", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len([line for line in err.splitlines() if line.lower().startswith("error:")]) == 1
    assert not list(folder.rglob("*.onnx"))


def test_a_full_disk_leaves_nothing(folder):
    """A limit on file sizes ends the write half-way, as a full disk does."""
    code = """
import resource, sys
from edgecnn.cli.run import run
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
sys.exit(run(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, "export", "quarters_net:build", *OPTIONS]
    done = subprocess.run(
        [*command, "-o", "out/q.onnx"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "error: cannot write out/q.onnx: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((folder / "out").iterdir()) == []
