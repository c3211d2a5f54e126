"""The group lists its commands, and each is documented."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from edgecnn.cli.group import COMMANDS, edgecnn
from edgecnn.cli.run import run


def test_help_lists_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    listed = out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(len(line.split()) > 2 for line in listed)
    # Each on one line, and whole.
    assert all(line.endswith(".") and not line.endswith("..") for line in listed)


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = (
        "import sys; from edgecnn.cli.run import run; run(['--help'])\n"
        "from edgecnn.cli.group import COMMANDS\n"
        "loaded = [name for name in COMMANDS if f'edgecnn.cli.{name}' in sys.modules]\n"
        "print(loaded, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_named_and_documented(name: str) -> None:
    command = edgecnn.get_command(click.Context(edgecnn), name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert command.get_short_help_str(limit=200).endswith(".")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = edgecnn.get_command(click.Context(edgecnn), name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.show_default, f"{name} {parameter.opts}"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_every_command(name: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, flag]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: edgecnn {name}")
    assert all(len(line) <= 80 for line in out.splitlines())
    # A verbatim paragraph's mark is for click, and its lines are not run together.
    assert "\\b" not in out
    for example in re.findall(r"^ +(edgecnn .+)$", out, re.MULTILINE):
        assert example.count("edgecnn ") == 1, example


def test_no_command_shows_the_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "Commands:" in out + err


def test_unknown_command_is_none() -> None:
    assert edgecnn.get_command(click.Context(edgecnn), "output") is None
    assert edgecnn.get_command(click.Context(edgecnn), "../evil") is None
