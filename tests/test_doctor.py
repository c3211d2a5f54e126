"""Every mess that ``doctor`` names, made for real where this machine allows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
import pytest

from edgecnn import doctor
from edgecnn.doctor import Finding, examine
from edgecnn.errors import ProviderError
from edgecnn.runtime.elf import needed_libraries
from edgecnn.runtime.machine import Machine

MISSING = "cannot open shared object file: No such file or directory"


def run_doctor(
    python: Path, *arguments: str, path: Path | None = None, **environment: str
) -> tuple[int, list[dict[str, str]]]:
    """Run ``edgecnn doctor --json`` elsewhere, with ``path`` before all other packages."""
    keep = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [python, "-m", "edgecnn", "doctor", "--json", *arguments],
        capture_output=True,
        text=True,
        env={**keep, **environment},
        cwd=python.parent,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    document = json.loads(done.stdout)
    findings = document["findings"]
    assert document["broken"] == sum(f["level"] == "fail" for f in findings)
    assert document["warnings"] == sum(f["level"] == "warn" for f in findings)
    return done.returncode, findings


def of(findings: list[dict[str, str]], topic: str, level: str) -> list[str]:
    return [
        f"{f['what']} -> {f['hint']}"
        for f in findings
        if (f["topic"], f["level"]) == (topic, level)
    ]


def installed_as(folder: Path, name: str, version: str) -> None:
    """Leave the record that pip and others read beside a package's modules."""
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_device_in_order(device_python: Path) -> None:
    code, findings = run_doctor(device_python)
    broken = [f for f in findings if f["level"] == "fail"]
    assert (code, broken) == (0, [])
    assert {"python", "opencv", "video", "runtime", "models", "cpu", "int8"} <= {
        f["topic"] for f in findings
    }
    (models,) = of(findings, "models", "ok")
    assert "mnist-lenet5" in models
    assert "ecg-beats" in models


def test_no_runtime(make_environment: Callable[..., Path]) -> None:
    code, findings = run_doctor(make_environment(without={"onnxruntime"}))
    assert code == 1
    (said,) = of(findings, "runtime", "fail")
    assert "not installed" in said
    assert "edgecnn[cpu]" in said
    assert "edgecnn[gpu]" in said


def test_both_runtimes(device_python: Path, tmp_path: Path) -> None:
    installed_as(tmp_path, "onnxruntime-gpu", "1.31.1")
    code, findings = run_doctor(device_python, path=tmp_path)
    assert code == 1
    (said,) = of(findings, "runtime", "fail")
    assert "onnxruntime and onnxruntime-gpu are both installed" in said
    assert "pip uninstall onnxruntime onnxruntime-gpu" in said


def test_what_uninstalling_one_of_both_leaves(
    make_environment: Callable[..., Path], tmp_path: Path
) -> None:
    """The other's folder without its files imports as an empty namespace."""
    (tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    code, findings = run_doctor(make_environment(without={"onnxruntime"}), path=tmp_path)
    assert code == 1
    (said,) = of(findings, "runtime", "fail")
    assert "broken" in said


def test_runtime_older_than_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", "1.23.2")
    (finding,) = [f for f in doctor._check_runtime("auto") if f.level == "fail"]
    assert "1.23.2 is older than 1.24" in finding.what
    monkeypatch.setattr(onnxruntime, "__version__", "1.24.0")
    assert [f.level for f in doctor._check_runtime("auto")] == ["ok"]


def test_cuda_asked_for_but_not_compiled_in(device_python: Path) -> None:
    code, findings = run_doctor(device_python, "--provider", "cuda")
    assert code == 1
    (said,) = of(findings, "cuda", "fail")
    assert "built without cuda" in said
    assert "edgecnn[gpu]" in said


def test_unknown_provider_is_wrong_usage(device_python: Path) -> None:
    done = subprocess.run(
        [device_python, "-m", "edgecnn", "doctor", "--provider", "warp"],
        capture_output=True,
        text=True,
        cwd=device_python.parent,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown provider: warp" in done.stderr


def test_cuda_compiled_in_but_libraries_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search itself is tested in tests/runtime/test_cuda.py."""
    cause = ProviderError("compiled for CUDA 77, it cannot start without a.so", hint="get it")
    monkeypatch.setattr("edgecnn.runtime.cuda.missing_cuda", lambda runtime: cause)
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    (finding,) = [f for f in doctor._check_runtime("auto") if f.topic == "cuda"]
    assert finding == Finding("fail", "cuda", cause.message, "get it")


def test_cuda_that_has_its_libraries_but_does_not_start(
    monkeypatch: pytest.MonkeyPatch, picture_model: Path
) -> None:
    """No driver, no device: only a session tells."""
    monkeypatch.setattr("edgecnn.runtime.cuda.missing_cuda", lambda runtime: None)
    monkeypatch.setattr("edgecnn.bundled.bundled_models", lambda: {"x": picture_model})
    finding = doctor._check_cuda(onnxruntime)
    assert finding.level == "fail" or "CUDAExecutionProvider" in (
        onnxruntime.get_available_providers()
    )


@pytest.mark.gpu
def test_cuda_on_a_machine_that_has_it() -> None:
    assert [f.level for f in examine(provider="cuda") if f.topic == "cuda"] == ["ok"]


def test_known_bad_opencv(device_python: Path, tmp_path: Path) -> None:
    installed_as(tmp_path, "opencv-python", "4.11.0.86")
    code, findings = run_doctor(device_python, path=tmp_path)
    assert code == 1
    (said,) = of(findings, "opencv", "fail")
    assert "opencv-python 4.11.0.86 is known to be bad" in said


def test_several_opencvs(device_python: Path, tmp_path: Path) -> None:
    installed_as(tmp_path, "opencv-contrib-python", "5.0.0.93")
    _, findings = run_doctor(device_python, path=tmp_path)
    warnings = [said for said in of(findings, "opencv", "warn") if "overwrite" in said]
    assert len(warnings) == 1
    assert "opencv-contrib-python and opencv-python" in warnings[0]


def test_no_opencv(make_environment: Callable[..., Path]) -> None:
    python = make_environment(without={"opencv-python", "opencv-python-headless"})
    code, findings = run_doctor(python)
    assert code == 1
    (said,) = of(findings, "opencv", "fail")
    assert "No module named 'cv2'" in said


def test_a_system_library_that_opencv_lacks(device_python: Path, tmp_path: Path) -> None:
    """A copy of the real OpenCV that asks for a library of another name, which nobody has."""
    real = Path(cv2.__file__).parent
    # Copied, not linked: OpenCV looks for its binary beside its real __init__.py.
    copy = shutil.copytree(real, tmp_path / "cv2", ignore=shutil.ignore_patterns("*.so", "data"))
    (binary,) = real.glob("*.so")
    wanted = needed_libraries(binary)[0]
    absent = wanted.replace("lib", "LIB", 1)
    content = binary.read_bytes()
    assert b"\0" + wanted.encode() in content
    changed = content.replace(b"\0" + wanted.encode(), b"\0" + absent.encode())
    (copy / binary.name).write_bytes(changed)
    for libraries in real.parent.glob("opencv_python*.libs"):
        (tmp_path / libraries.name).symlink_to(libraries)
    code, findings = run_doctor(device_python, path=tmp_path)
    assert code == 1
    (said,) = of(findings, "opencv", "fail")
    assert f"the system has no {absent}" in said
    assert "opencv-python-headless" in said


@pytest.mark.parametrize(
    ("library", "package"),
    [("libGL.so.1", "libgl1"), ("libgthread-2.0.so.0", "libglib2.0-0")],
)
def test_missing_system_library_names_its_package(
    library: str, package: str, device_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "cv2.py").write_text(f"raise ImportError('{library}: {MISSING}')\n")
    code, findings = run_doctor(device_python, path=tmp_path)
    assert code == 1
    (said,) = of(findings, "opencv", "fail")
    assert library in said
    assert f"apt install {package}" in said


def test_opencv_without_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    finding = next(doctor._check_opencv())
    assert (finding.level, finding.topic) == ("warn", "opencv")
    assert "headless" in finding.what
    assert "--web" in finding.hint


def test_opencv_without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    build = cv2.getBuildInformation().replace("FFMPEG:                      YES", "FFMPEG: NO")
    assert "FFMPEG: NO" in build
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: build)
    assert [(f.level, f.topic) for f in doctor._check_opencv()][1] == ("warn", "video")


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_display(variable: str, device_python: Path) -> None:
    code, findings = run_doctor(device_python)
    assert code == 0
    (said,) = of(findings, "display", "warn")
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in said
    _, findings = run_doctor(device_python, **{variable: ":7"})
    # Nothing listens there: what `live` finds out, doctor says.
    (said,) = of(findings, "display", "warn")
    assert said.startswith(f"{variable}=:7, but the display ")


def test_a_display_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr("edgecnn.runtime.sinks.window.window_trouble", lambda: None)
    assert [(f.level, f.what) for f in doctor._check_display()] == [("ok", "DISPLAY=:7")]


def test_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.level for f in doctor._check_cameras(tmp_path)] == ["warn"]
    (tmp_path / "video0").write_text("")
    (finding,) = doctor._check_cameras(tmp_path)
    assert (finding.level, finding.what) == ("ok", str(tmp_path / "video0"))
    # Whoever runs this may be root, whom no permission stops.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (finding,) = doctor._check_cameras(tmp_path)
    assert finding.level == "warn"
    assert "no permission" in finding.what
    assert "video" in finding.hint


def test_python_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.level for f in doctor._check_python()] == ["ok"]
    monkeypatch.setattr(doctor, "_OLDEST_PYTHON", (3, 99))
    (finding,) = doctor._check_python()
    assert finding.level == "fail"
    assert "JetPack 7" in finding.hint


MACHINE = Machine("Acme", "x86_64", 8, None, 2**30, ("avx_vnni",), "Linux 6")


@pytest.mark.parametrize(
    ("quota", "int8", "levels"),
    [
        (None, ("avx_vnni",), ["ok", "ok"]),
        (1.5, ("avx_vnni",), ["warn", "ok"]),
        (8.0, ("avx_vnni",), ["ok", "ok"]),
        (None, (), ["ok", "warn"]),
    ],
)
def test_processor(
    quota: float | None, int8: tuple[str, ...], levels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine("Acme", "x86_64", 8, quota, 2**30, int8, "Linux 6")
    monkeypatch.setattr(doctor, "describe_machine", lambda: machine)
    findings = list(doctor._check_processor())
    assert [f.level for f in findings] == levels
    if quota == 1.5:
        assert "--threads 1" in findings[0].hint


def test_data_folder(device_python: Path, tmp_path: Path) -> None:
    _, findings = run_doctor(device_python, EDGECNN_DATA=str(tmp_path))
    assert of(findings, "data", "ok")
    _, findings = run_doctor(device_python, EDGECNN_DATA=str(tmp_path / "none"))
    assert of(findings, "data", "warn")


def with_golden(model: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Copy a model with its golden document changed."""
    import onnx

    loaded = onnx.load(model)
    for entry in loaded.metadata_props:
        if entry.key == "edgecnn.golden":
            document = json.loads(entry.value)
            change(document)
            entry.value = json.dumps(document)
    onnx.save(loaded, path)
    return path


def models_checked(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> list[Finding]:
    bundled = {path.stem: path for path in paths}
    monkeypatch.setattr("edgecnn.bundled.bundled_models", lambda: bundled)
    return list(doctor._check_bundled_models())


def test_bundled_model_that_answers_otherwise_here(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip(document: dict[str, Any]) -> None:
        document["examples"][0]["logits"][0].reverse()

    def drift(document: dict[str, Any]) -> None:
        document["examples"][0]["logits"][0][0] += 0.1

    flipped = with_golden(picture_model, tmp_path / "flipped.onnx", flip)
    drifted = with_golden(picture_model, tmp_path / "drifted.onnx", drift)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(picture_model.read_bytes()[:100])
    findings = models_checked(monkeypatch, picture_model, flipped, drifted, cut)
    assert [(f.level, f.what.split(":")[0].split()[0]) for f in findings] == [
        ("fail", "flipped"),
        ("warn", "drifted"),
        ("fail", "cut"),
        ("ok", "brightness"),
    ]


def test_bundled_models_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = models_checked(monkeypatch)
    assert finding.level == "fail"
    assert "missing" in finding.what


def test_extras(make_environment: Callable[..., Path], device_python: Path) -> None:
    _, findings = run_doctor(device_python)
    (said,) = of(findings, "extras", "ok")
    assert said.startswith("installed: none; not: train, quantize, ecg, web")
    _, findings = run_doctor(make_environment(extras={"cpu", "web"}))
    (said,) = of(findings, "extras", "ok")
    assert said.startswith("installed: web; not: train, quantize, ecg")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here")
def test_libgl_hidden_for_real(device_python: Path, tmp_path: Path) -> None:
    """Hide the system's libGL from one process, in a mount namespace of its own."""
    if not list(Path(cv2.__file__).parent.parent.glob("opencv_python.libs/libQt*")):
        pytest.skip("this OpenCV has no windows, so it needs no libGL")
    libraries = sorted(path.resolve() for path in Path("/usr/lib").glob("*/libGL.so.1"))
    hide = " && ".join(f"mount --bind /dev/null {path}" for path in libraries) or "true"
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f"{hide} && exec {device_python} -m edgecnn doctor --json",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    if not done.stdout:
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    (said,) = of(json.loads(done.stdout)["findings"], "opencv", "fail")
    assert "libGL.so.1" in said
    assert "apt install libgl1" in said
    assert done.returncode == 1
