"""What this machine can do, and what is wrong with it.

Each check looks at one thing and says what it found: ``ok``, ``warn`` (something will not work, or
not well, and may not be wanted here) or ``fail`` (broken: it has to be mended before models run).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal

from edgecnn import __version__
from edgecnn.errors import EdgeCNNError, GoldenError
from edgecnn.runtime.elf import missing_libraries
from edgecnn.runtime.machine import describe_machine
from edgecnn.runtime.providers import execution_provider, import_runtime, short_name

__all__ = ["Finding", "examine"]

Level = Literal["ok", "warn", "fail"]

_OLDEST_PYTHON = (3, 11)
_OLDEST_RUNTIME = (1, 24)
_BAD_OPENCV = "4.11.0.86"
_DEBIAN_PACKAGE = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
}
#: Modules that tell whether an extra is installed.
_EXTRAS = {
    "train": ("torch", "onnx", "onnxscript", "onnxsim", "safetensors", "matplotlib"),
    "quantize": ("onnx",),
    "ecg": ("wfdb", "scipy", "h5py", "pydicom"),
    "web": ("starlette", "uvicorn", "websockets", "prometheus_client", "cryptography"),
    "search": ("torch", "optuna", "tomli_w"),
    "screen": ("mss",),
    "serial": ("serial",),
    "letters": ("PIL",),
    "cluster": ("distributed", "pyarrow"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level : "ok", "warn" or "fail"
    topic : str
        What was looked at, in a word.
    what : str
        What was found, in one line.
    hint : str
        What to do about it; empty when nothing is to be done.
    """

    level: Level
    topic: str
    what: str
    hint: str = ""


def examine(*, provider: str = "auto") -> list[Finding]:
    """Look at everything that edgecnn needs from this machine.

    Parameters
    ----------
    provider : str
        An execution provider that has to work here, such as ``"cuda"``; ``"auto"`` asks for none.

    Returns
    -------
    list of Finding
        In the order of the checks; what is broken has level ``"fail"``.

    Examples
    --------
    >>> [finding.level for finding in examine() if finding.topic == "python"]
    ['ok']
    """
    installed = _installed()
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _check_python,
        lambda: _check_opencv_packages(installed),
        _check_opencv,
        lambda: _check_runtime_packages(installed),
        lambda: _check_runtime(provider),
        _check_bundled_models,
        _check_extras,
        _check_display,
        _check_cameras,
        _check_processor,
        _check_data,
    )
    return [finding for check in checks for finding in check()]


def _installed() -> dict[str, list[str]]:
    """Versions of the installed distributions by name; more than one when two copies lie about."""
    found: dict[str, list[str]] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        if distribution.version not in found.setdefault(name, []):
            found[name].append(distribution.version)
    return found


def _check_python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < _OLDEST_PYTHON:
        # Jetson Linux 36 (JetPack 6) is an Ubuntu 22.04 with Python 3.10, Jetson Linux 38
        # (JetPack 7) an Ubuntu 24.04 with Python 3.12.
        yield Finding(
            "fail",
            "python",
            f"Python {version}; edgecnn and ONNX Runtime 1.31 need 3.11 or newer",
            "on a Jetson: JetPack 7 has Python 3.12; on JetPack 6 install a newer Python beside it",
        )
    else:
        yield Finding("ok", "python", f"Python {version}, edgecnn {__version__}")


def _check_opencv_packages(installed: dict[str, list[str]]) -> Iterator[Finding]:
    packages = sorted(name for name in installed if name.startswith("opencv-"))
    if len(packages) > 1:
        yield Finding(
            "warn",
            "opencv",
            f"{' and '.join(packages)} are installed: they overwrite each other in cv2/",
            f"pip uninstall {' '.join(packages)}; then install one of them",
        )
    for name in packages:
        if _BAD_OPENCV in installed[name]:
            yield Finding(
                "fail",
                "opencv",
                f"{name} {_BAD_OPENCV} is known to be bad",
                f"pip install --upgrade {name}",
            )


def _check_opencv() -> Iterator[Finding]:
    try:
        import cv2
    except ImportError as error:
        yield _opencv_without_libraries(error)
        return
    what = f"OpenCV {cv2.__version__}"
    if cv2.currentUIFramework() == "":
        yield Finding(
            "warn",
            "opencv",
            f"{what} has no windows (a headless build)",
            "show pictures with `live --web`, or pip install opencv-python in its place",
        )
    else:
        yield Finding("ok", "opencv", f"{what}, windows by {cv2.currentUIFramework()}")
    build = cv2.getBuildInformation()
    missing = [name for name in ("FFMPEG", "GStreamer") if not re.search(rf"{name}:\s+YES", build)]
    if "FFMPEG" in missing:
        yield Finding(
            "warn",
            "video",
            "OpenCV was built without FFmpeg: it reads no video files or streams",
            "pip install opencv-python",
        )
    elif missing:
        yield Finding("ok", "video", "FFmpeg; no GStreamer (that takes the system's own OpenCV)")
    else:
        yield Finding("ok", "video", "FFmpeg and GStreamer")


def _opencv_without_libraries(error: ImportError) -> Finding:
    text = " ".join(str(error).split())
    named = re.match(r"(\S+\.so[.\d]*): ", text)
    if named is None:
        return Finding("fail", "opencv", f"cannot be imported: {text}", "pip install opencv-python")
    # The loader stops at the first one; ask for the others that OpenCV is known to need.
    missing = sorted({named[1], *missing_libraries(list(_DEBIAN_PACKAGE))})
    packages = sorted({_DEBIAN_PACKAGE[name] for name in missing if name in _DEBIAN_PACKAGE})
    apt = f"apt install {' '.join(packages)}, or " if packages else ""
    return Finding(
        "fail",
        "opencv",
        f"cannot be loaded: the system has no {', '.join(missing)}",
        f"{apt}pip install opencv-python-headless in place of opencv-python",
    )


def _check_runtime_packages(installed: dict[str, list[str]]) -> Iterator[Finding]:
    packages = sorted(name for name in installed if re.fullmatch(r"onnxruntime(-[a-z]+)?", name))
    if len(packages) > 1:
        yield Finding(
            "fail",
            "runtime",
            f"{' and '.join(packages)} are both installed and overwrite each other",
            f"pip uninstall {' '.join(packages)}; pip install 'edgecnn[cpu]' or 'edgecnn[gpu]'",
        )


def _check_runtime(provider: str) -> Iterator[Finding]:
    try:
        runtime = import_runtime()
    except EdgeCNNError as error:
        yield Finding("fail", "runtime", error.message, error.hint or "")
        return
    release = tuple(int(part) for part in re.findall(r"\d+", runtime.__version__)[:2])
    if release < _OLDEST_RUNTIME:
        yield Finding(
            "fail",
            "runtime",
            f"ONNX Runtime {runtime.__version__} is older than "
            f"{'.'.join(str(part) for part in _OLDEST_RUNTIME)}",
            "pip install --upgrade the one onnxruntime package that is installed",
        )
    else:
        names = ", ".join(short_name(name) for name in runtime.get_available_providers())
        yield Finding(
            "ok", "runtime", f"ONNX Runtime {runtime.__version__}, compiled with: {names}"
        )
    compiled_in = runtime.get_available_providers()
    if provider != "auto" and execution_provider(provider) not in compiled_in:
        yield Finding(
            "fail",
            provider,
            f"asked for, but this ONNX Runtime was built without {provider}",
            "pip uninstall onnxruntime; pip install 'edgecnn[gpu]'" if provider == "cuda" else "",
        )
    if execution_provider("cuda") in compiled_in:
        yield _check_cuda(runtime)


def _check_cuda(runtime: Any) -> Finding:
    """Name the libraries that CUDA lacks here; with all of them, prove that it starts."""
    from edgecnn.bundled import bundled_models
    from edgecnn.runtime.cuda import missing_cuda
    from edgecnn.runtime.session import open_session

    if cause := missing_cuda(runtime):
        return Finding("fail", "cuda", cause.message, cause.hint or "")
    for name, path in bundled_models().items():
        try:
            _, placement = open_session(path, provider="cuda")
        except EdgeCNNError as error:
            return Finding("fail", "cuda", error.message, error.hint or "")
        return Finding("ok", "cuda", f"started, with {placement.on_provider} nodes of {name}")
    return Finding("ok", "cuda", "all of its libraries are here")


def _check_bundled_models() -> Iterator[Finding]:
    """Run the golden vectors of the bundled models on this machine."""
    from edgecnn.bundled import bundled_models
    from edgecnn.runtime.session import load_model

    try:
        import_runtime()
    except EdgeCNNError:
        return  # said already
    models = bundled_models()
    if not models:
        yield Finding("fail", "models", "the bundled models are missing", "install edgecnn again")
        return
    agreeing = []
    for name, path in models.items():
        try:
            model = load_model(path, provider="cpu")
        except GoldenError as error:
            yield Finding("fail", "models", f"{name}: {error.message}", error.hint or "")
        except (EdgeCNNError, ImportError) as error:
            yield Finding("fail", "models", f"{name} cannot be run: {error}", "")
        else:
            if model.warnings:
                yield Finding("warn", "models", f"{name}: {model.warnings[0]}")
            else:
                agreeing.append(name)
    if agreeing:
        what = "give the answers that they were exported with"
        yield Finding("ok", "models", f"{', '.join(agreeing)}: {what}")


def _check_extras() -> Iterator[Finding]:
    from importlib.util import find_spec

    there = [extra for extra, modules in _EXTRAS.items() if all(map(find_spec, modules))]
    rest = [extra for extra in _EXTRAS if extra not in there]
    what = f"installed: {', '.join(there) or 'none'}"
    yield Finding("ok", "extras", f"{what}; not: {', '.join(rest)}" if rest else what)


def _check_display() -> Iterator[Finding]:
    named = [v for v in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(v)]
    hint = "show pictures with `live --web`, or run with --headless"
    if not named:
        what = "neither DISPLAY nor WAYLAND_DISPLAY is set: no window can be opened"
        yield Finding("warn", "display", what, hint)
        return
    what = f"{named[0]}={os.environ[named[0]]}"
    try:
        from edgecnn.runtime.sinks.window import window_trouble
    except ImportError:
        # That OpenCV cannot be loaded is said by its own check.
        return
    trouble = window_trouble()
    if trouble is None:
        yield Finding("ok", "display", what)
    else:
        yield Finding("warn", "display", f"{what}, but {trouble}", hint)


def _check_cameras(devices: Path = Path("/dev")) -> Iterator[Finding]:
    cameras = sorted(devices.glob("video*"))
    if not cameras:
        yield Finding(
            "warn",
            "camera",
            f"no camera: there is no {devices}/video*",
            "plug one in, or try `live --source test:`",
        )
        return
    closed = [str(path) for path in cameras if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield Finding(
            "warn",
            "camera",
            f"no permission to open {', '.join(closed)}",
            "sudo usermod -aG video $USER, then log in again",
        )
    else:
        yield Finding("ok", "camera", ", ".join(str(path) for path in cameras))


def _check_processor() -> Iterator[Finding]:
    machine = describe_machine()
    if machine.quota is not None and machine.quota < machine.cpus:
        yield Finding(
            "warn",
            "cpu",
            f"{machine}: more threads than its quota grants get throttled",
            f"pass --threads {max(1, int(machine.quota))}",
        )
    else:
        yield Finding("ok", "cpu", str(machine))
    if machine.int8:
        yield Finding("ok", "int8", f"has {', '.join(machine.int8)}")
    else:
        yield Finding(
            "warn",
            "int8",
            "no 8-bit dot product (VNNI, or asimddp on ARM): INT8 models may be slower here, and "
            "on x86 their sums may saturate",
            "compare the FP32 and the INT8 file with `edgecnn bench` and `edgecnn evaluate`",
        )


def _check_data() -> Iterator[Finding]:
    root = os.environ.get("EDGECNN_DATA")
    if root is None:
        return
    if Path(root).is_dir():
        yield Finding("ok", "data", f"EDGECNN_DATA={root}")
    else:
        yield Finding("warn", "data", f"EDGECNN_DATA={root} is not a folder", "correct or unset it")
