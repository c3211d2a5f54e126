"""CUDA's libraries, in an ONNX Runtime that asks for ones that nobody has."""

from __future__ import annotations

import struct
import types
from pathlib import Path
from typing import Any

import pytest

from edgecnn.runtime import cuda
from edgecnn.runtime.cuda import missing_cuda, preload_cuda
from edgecnn.runtime.elf import needed_libraries


def shared_library(needs: list[str]) -> bytes:
    """A file that asks the loader for these libraries, and nothing more."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in needs)
    at, entries = 1, b""
    for name in needs:
        entries += struct.pack("<QQ", 1, at)
        at += len(name) + 1
    strings = 64 + 2 * 56
    dynamic = strings + len(names)
    entries += struct.pack("<QQ", 5, 0x1000 + strings) + struct.pack("<QQ", 0, 0)
    total = dynamic + len(entries)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, total, total, 0x1000)
    link = struct.pack(
        "<IIQQQQQQ", 2, 6, dynamic, 0x1000 + dynamic, 0, len(entries), len(entries), 8
    )
    return header + load + link + names + entries


def gpu_runtime(folder: Path, needs: list[str]) -> Any:
    (folder / "capi").mkdir()
    (folder / "capi" / "libonnxruntime_providers_cuda.so").write_bytes(shared_library(needs))
    return types.SimpleNamespace(__file__=str(folder / "__init__.py"))


def test_all_missing_libraries_are_named(tmp_path: Path) -> None:
    needs = ["libcublasLt.so.77", "libcudart.so.77", "libc.so.6"]
    runtime = gpu_runtime(tmp_path, needs)
    assert needed_libraries(tmp_path / "capi" / "libonnxruntime_providers_cuda.so") == needs
    error = missing_cuda(runtime)
    assert error is not None
    assert "CUDA 77" in error.message
    assert "libcublasLt.so.77, libcudart.so.77" in error.message
    assert "libc.so.6" not in error.message
    assert "onnxruntime-gpu[cuda,cudnn]" in (error.hint or "")


def test_a_missing_driver_has_a_cure_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = gpu_runtime(tmp_path, ["libcuda.so.1", "libcudart.so.13"])
    monkeypatch.setattr(cuda, "missing_libraries", lambda names: ["libcuda.so.1"])
    error = missing_cuda(runtime)
    assert error is not None
    assert error.hint == "install NVIDIA's driver"


def test_all_libraries_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = gpu_runtime(tmp_path, ["libc.so.6", "libm.so.6"])
    monkeypatch.setattr(cuda, "_CUDNN", "libc.so.6")
    assert missing_cuda(runtime) is None


def test_cudnn_is_looked_for_though_no_list_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "_CUDNN", "libcudnn.so.77")
    error = missing_cuda(gpu_runtime(tmp_path, ["libc.so.6"]))
    assert error is not None
    assert "libcudnn.so.77" in error.message


def test_a_provider_that_is_not_there(tmp_path: Path) -> None:
    error = missing_cuda(types.SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    assert error is not None
    assert "cannot be read" in error.message


def test_preloading_keeps_stdout_clean(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    runtime = types.SimpleNamespace(
        preload_dlls=lambda: print("Failed to load libcublas.so"),
        set_default_logger_severity=said.append,
    )
    preload_cuda(runtime)
    assert capsys.readouterr().out == ""
    assert said == [4]
    preload_cuda(types.SimpleNamespace())
