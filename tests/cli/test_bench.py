"""``edgecnn bench`` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgecnn.cli.run import run

QUICK = ("--seconds", "0.05", "--rounds", "1")


def test_table(picture_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(picture_model), "--batch", "1,4", "--threads", "1", *QUICK]) == 0
    out, err = capsys.readouterr()
    header, *rows = out.splitlines()
    assert header.split("  ")[0] == "provider"
    assert [row.split()[2:4] for row in rows] == [["1", "1"], ["1", "4"]]
    assert "CPU" in err
    assert "ONNX Runtime" in err


def test_json(picture_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(picture_model), "--json", *QUICK]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["rows"]
    assert row["batch"] == 1
    assert row["latency_ms"]["p50"] > 0
    assert row["throughput_per_s"] > 0
    assert row["peak_rss_bytes"] > 10_000_000
    assert document["machine"]["cpus"] >= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--batch", "a"), "'a' is not a list"),
        (("--batch", "0"), "the numbers start at 1"),
        (("--batch", ""), "the numbers start at 1"),
        (("--threads", "-1"), "the numbers start at 1"),
        (("--seconds", "0"), "--seconds"),
        (("--seconds", "inf"), "positive numbers"),
        (("--threads", "100000"), "more than this machine can use"),
        (("--provider", "warp"), "unknown provider: warp"),
        (("--provider", ","), "names none"),
    ],
)
def test_wrong_usage_is_2(
    arguments: tuple[str, ...],
    said: str,
    picture_model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["bench", str(picture_model), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_what_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.onnx").write_bytes(b"hello")
    assert run(["bench", str(tmp_path / "x.onnx"), *QUICK]) == 1
    assert "not a readable ONNX model" in capsys.readouterr().err


def test_a_batch_beyond_memory_is_one_line(
    picture_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing from the measuring process either."""
    assert run(["bench", str(picture_model), "--batch", "1000000000000", *QUICK]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", " hint"]
