"""What the pages tell people to type can be typed, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgecnn.cli.group import edgecnn

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def typed_commands() -> list[tuple[str, str]]:
    """Page and line of every ``edgecnn ...`` in a shell block, or on a line of a help text."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for block in re.findall(r"^```(?:sh|bash|console|text)\n(.*?)^```", text, re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                if match := re.match(r"\s*(?:\$ )?(edgecnn [a-z].*)", line):
                    found.append((page.name, match[1]))
    return found


@pytest.mark.parametrize(("page", "line"), typed_commands())
def test_command_can_be_typed(page: str, line: str) -> None:
    """The command exists, and takes these options and arguments."""
    words = shlex.split(line, comments=True)[1:]
    for number, word in enumerate(words):
        if word in ("|", ">", "&&", "&"):
            words = words[:number]
            break
    whole = edgecnn.make_context("edgecnn", [], resilient_parsing=True)
    command = edgecnn.get_command(whole, words[0])
    assert command is not None, line
    try:
        command.make_context(words[0], words[1:], whole)
    except click.exceptions.Exit:
        pass  # --help
    except click.BadParameter as error:
        # The files of an example are not here.
        if "does not exist" not in error.message:
            raise


def test_there_are_commands_to_check() -> None:
    assert len(typed_commands()) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for target in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text(), re.M):
        assert "".join(target) in targets, target


def test_command_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate_cli.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_python_examples_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they stand there, in a folder that has the photos and recordings they speak of."""
    from edgecnn.ecg.readers.csv import write_csv
    from edgecnn.ecg.synthetic import synthetic_ecg
    from edgecnn.runtime.session import load_model

    golden = load_model("bundled:mnist-lenet5", check=False).golden
    assert golden is not None
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "digit.png").write_bytes(golden.examples[0].data)
    (tmp_path / "recordings").mkdir()
    drawn = synthetic_ecg(20.0, 360.0)
    write_csv(tmp_path / "recordings" / "ecg.csv", drawn.signal_mv, rate_hz=360.0, lead="MLII")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})
    if page == "docs/index.md":
        assert "photos/digit.png 0" in capsys.readouterr().out
    else:
        assert (tmp_path / "results" / "beats.csv").is_file()
