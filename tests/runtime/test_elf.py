"""What a compiled file needs, against what the system's own tool says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.runtime.elf import missing_libraries, needed_libraries


def compiled_files() -> list[Path]:
    import cv2
    import numpy as np
    import onnxruntime

    files = [
        *Path(onnxruntime.__file__).parent.glob("capi/*.so"),
        *Path(np.__file__).parent.glob("_core/*.so"),
        *Path(cv2.__file__).parent.glob("*.so"),
        Path(sys.executable).resolve(),
    ]
    assert len(files) > 4
    return files


@pytest.mark.skipif(shutil.which("readelf") is None, reason="no readelf here (binutils)")
def test_same_list_as_readelf() -> None:
    for file in compiled_files():
        listed = subprocess.run(
            ["readelf", "-d", file], capture_output=True, text=True, check=True
        ).stdout
        assert needed_libraries(file) == re.findall(r"\(NEEDED\).*\[(.+)\]", listed), file


def test_the_c_library_is_needed() -> None:
    """Where readelf is missing as well."""
    lists = [needed_libraries(file) for file in compiled_files()]
    assert sum(any(name.startswith("libc.so") for name in names) for names in lists) > 4


@pytest.mark.parametrize(
    "content", [b"", b"MZ", b"\x7fELF\x01\x01" + bytes(100), b"\x7fELF\x02\x01"]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.so").write_bytes(content)
    with pytest.raises(ValueError, match="no 64-bit little-endian ELF"):
        needed_libraries(tmp_path / "x.so")


def test_missing_libraries() -> None:
    assert missing_libraries(["libc.so.6", "libnobody-has-this.so.1"]) == [
        "libnobody-has-this.so.1"
    ]
