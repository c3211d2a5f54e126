"""Results to stdout, remarks to stderr, and text that a pipe can read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgecnn.cli.output import print_json, print_table, progress_bar, remark, warn
from edgecnn.metadata import ImageInput


@dataclass
class Row:
    name: str
    count: int


def test_json_is_one_line_of_anything_plain(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"rows": [Row("a\nb", 1)], "input": ImageInput(height=1, width=1, colour="gray")})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    document = json.loads(out)
    assert document["rows"] == [{"name": "a\nb", "count": 1}]
    assert document["input"]["kind"] == "image"


def test_table_aligns_text_left_and_numbers_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        ("name", "n", "share"), [("long name", 5, "1.5 %"), ("b", 1_000, "10 %"), ("", "-", "")]
    )
    assert capsys.readouterr().out.splitlines() == [
        "name          n  share",
        "long name     5  1.5 %",
        "b          1000   10 %",
        "              -",
    ]


def test_table_of_no_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [], title="nothing")
    assert capsys.readouterr().out.splitlines() == ["nothing", "a  b"]


def test_remarks_and_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    remark("by the way")
    warn("look out")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["by the way", "warning: look out"]


def test_progress_is_silent_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar() as bar:
        task = bar.add_task("working", total=3)
        bar.advance(task, 3)
    out, err = capsys.readouterr()
    assert out + err == ""


def in_a_terminal(*arguments: str | Path, **environment: str) -> bytes:
    """Run Python with stderr in a pseudo-terminal; return what appears there."""
    ours, theirs = os.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**inherited, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    seen = b""
    # Linux ends a pseudo-terminal with an error.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            seen += chunk
    os.close(ours)
    process.wait(timeout=240)
    return seen


PROGRESS = """
from edgecnn.cli.output import progress_bar
with progress_bar() as bar:
    task = bar.add_task("working", total=3)
    bar.advance(task, 2)
    bar.refresh()
"""


def test_progress_shows_in_a_terminal_and_goes_away() -> None:
    seen = in_a_terminal("-c", PROGRESS)
    assert b"working" in seen
    assert b"2/3" in seen
    # Its line is erased at the end.
    assert seen.rstrip().endswith(b"\x1b[2K")


COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9]")


def test_no_color_is_obeyed(picture_model: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(picture_model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    for arguments, said in (
        (("-c", PROGRESS), b"working"),
        (("-m", "edgecnn", "inspect", tmp_path / "foreign.onnx"), b"warning:"),
        (("-m", "edgecnn", "inspect", tmp_path / "none.onnx"), b"error:"),
    ):
        coloured = in_a_terminal(*arguments)
        plain = in_a_terminal(*arguments, NO_COLOR="1")
        assert said in coloured
        assert COLOUR.search(coloured)
        assert said in plain
        assert not COLOUR.search(plain), plain
