"""What each command may load, and that a device's packages are enough for its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.cli.group import COMMANDS
from edgecnn.metadata import GoldenExample
from edgecnn.runtime.session import load_model

#: Never on the way to an answer, however many packages are installed.
HEAVY = {
    "distributed",
    "matplotlib",
    "onnx",
    "onnxscript",
    "onnxsim",
    "pandas",
    "scipy",
    "sympy",
    "torch",
    "wfdb",
}
CLI_MODULES = sorted(
    path.stem for path in (Path(__file__).parents[1] / "edgecnn" / "cli").glob("[!_]*.py")
)


def loaded_by(code: str, python: str | Path = sys.executable) -> set[str]:
    """Top-level names of all modules, other than the standard library's, that some code loads."""
    done = subprocess.run(
        [python, "-c", f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names = {name.split(".")[0] for name in done.stderr.splitlines()[-1].split()}
    # The finder is how an editable install is found; a released one has none.
    return {
        name
        for name in names - sys.stdlib_module_names
        if not name.startswith(("__", "_distutils_hack", "_virtualenv"))
    }


def run_command(*arguments: str) -> str:
    return f"from edgecnn.cli.run import run\nassert run({list(arguments)!r}) == 0"


@pytest.mark.parametrize("module", CLI_MODULES)
def test_a_commands_module_imports_click_alone(module: str) -> None:
    assert loaded_by(f"import edgecnn.cli.{module}") <= {"click", "edgecnn"}


def test_there_is_a_module_for_every_command() -> None:
    assert set(COMMANDS) <= set(CLI_MODULES)


def test_help_imports_click_alone() -> None:
    assert loaded_by(run_command("--help")) == {"click", "edgecnn"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_imports_click_alone(command: str) -> None:
    assert loaded_by(run_command(command, "--help")) == {"click", "edgecnn"}


@pytest.fixture(scope="module")
def digit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A picture that the bundled model was exported with, and its label."""
    model = load_model("bundled:mnist-lenet5")
    assert model.golden is not None
    example: GoldenExample = model.golden.examples[0]
    path = tmp_path_factory.mktemp("digit") / "digit.png"
    path.write_bytes(example.data)
    return path, model.metadata.labels[int(np.argmax(example.logits[0]))]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A minute of drawn ECG as CSV, and its beats' symbols."""
    from edgecnn.ecg.synthetic import synthetic_ecg

    drawn = synthetic_ecg(60.0, rate_hz=360.0, seed=3)
    path = tmp_path_factory.mktemp("recording") / "ecg.csv"
    rows = [f"{n / 360:.6f},{value:.4f}" for n, value in enumerate(drawn.signal_mv)]
    path.write_text("\n".join(["time,MLII", *rows]) + "\n")
    return path, drawn.symbols


def test_predict_leaves_the_heavy_packages_alone(digit: tuple[Path, str]) -> None:
    loaded = loaded_by(run_command("predict", "bundled:mnist-lenet5", str(digit[0])))
    assert {"cv2", "numpy", "onnxruntime"} <= loaded
    # rich draws progress bars; one answer needs none, and it would cost a tenth of the time.
    assert not loaded & (HEAVY | {"rich"})


def test_live_leaves_the_heavy_packages_alone() -> None:
    arguments = ("live", "bundled:mnist-lenet5", "--source", "test:", "--headless", "--frames", "3")
    loaded = loaded_by(run_command(*arguments))
    assert not loaded & (HEAVY | {"starlette", "uvicorn", "websockets"})


def test_score_leaves_the_heavy_packages_alone(
    recording: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    arguments = ("score", "bundled:ecg-beats", str(recording[0]), "-o", str(tmp_path / "out"))
    assert not loaded_by(run_command(*arguments)) & HEAVY


def test_inspect_leaves_the_heavy_packages_alone() -> None:
    loaded = loaded_by(run_command("inspect", "bundled:ecg-beats"))
    assert not loaded & (HEAVY | {"cv2", "rich"})


def on_device(python: Path, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run a command with the device's packages alone; return its lines of JSON."""
    done = subprocess.run(
        [python, "-m", "edgecnn", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_device_has_no_workstation_packages(device_python: Path, tmp_path: Path) -> None:
    """Or the tests below would prove nothing."""
    for name in ("torch", "onnx", "scipy", "pandas", "wfdb", "matplotlib", "starlette", "pytest"):
        done = subprocess.run(
            [device_python, "-c", f"import {name}"], capture_output=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 1, name
        assert b"ModuleNotFoundError" in done.stderr, name


def test_device_predicts(device_python: Path, digit: tuple[Path, str], tmp_path: Path) -> None:
    path, label = digit
    (answer,) = on_device(
        device_python, tmp_path, "predict", "bundled:mnist-lenet5", str(path), "--json"
    )
    assert answer["label"] == label
    assert answer["input"] == str(path)


def test_device_runs_live(device_python: Path, tmp_path: Path) -> None:
    *frames, last = on_device(
        device_python, tmp_path, "live", "bundled:mnist-lenet5",
        "--source", "test:", "--headless", "--frames", "20", "--json",
    )  # fmt: skip
    labels = load_model("bundled:mnist-lenet5").metadata.labels
    assert len(frames) == last["summary"]["processed"] == 20
    assert last["summary"]["pending"] == 0
    assert {frame["label"] for frame in frames if frame["state"] == "ok"} <= set(labels)
    assert all(frame["state"] in ("ok", "unknown") for frame in frames)


def test_device_scores(
    device_python: Path, recording: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    path, symbols = recording
    done = subprocess.run(
        [device_python, "-m", "edgecnn", "score", "bundled:ecg-beats", path, "-o", "out"],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    header, *beats = (tmp_path / "out" / "beats.csv").read_text().splitlines()
    column = header.split(",").index("class")
    found = [row.split(",")[column] for row in beats]
    assert found.count("V") == symbols.count("V") > 0
    assert len(found) == pytest.approx(len(symbols), abs=2)
    (record,) = (tmp_path / "out" / "records.csv").read_text().splitlines()[1:]
    assert record


@pytest.mark.parametrize("name", ["mnist-lenet5", "ecg-beats", "digits-yolo"])
def test_bundled_models_are_small(name: str) -> None:
    assert resolve_model(f"bundled:{name}").stat().st_size <= 2_000_000


def test_nothing_is_kept_about_the_user_for_others(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry would leave a device id and events in the user's cache."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    subprocess.run(
        [sys.executable, "-m", "edgecnn", "inspect", "bundled:mnist-lenet5"],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=240,
    )
    assert list(tmp_path.rglob("*")) == []
