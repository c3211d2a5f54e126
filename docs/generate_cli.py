"""Write docs/cli.md from what ``--help`` says; ``--check`` only compares.

Run it as ``python docs/generate_cli.py`` after changing a command.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import click

from edgecnn.cli.group import COMMANDS, edgecnn

TARGET = Path(__file__).with_name("cli.md")
WIDTH = 80


def reference() -> str:
    """Return the whole page."""
    parts = [
        "# Commands\n",
        "<!-- Made by docs/generate_cli.py from the commands' own --help: do not edit. -->\n",
        "Results go to stdout, progress and remarks to stderr. `--json` prints machine-readable\n"
        "output (see [Output formats](formats.md)). Exit code 0: done; 1: something could not be\n"
        "done; 2: wrong usage; 130: interrupted. `NO_COLOR` is obeyed.\n",
        "Tab completes commands, options, files and names of ours once the shell has been told,\n"
        'in `~/.bashrc`: `eval "$(_EDGECNN_COMPLETE=bash_source edgecnn)"` (zsh: `zsh_source`),\n'
        "for fish: `_EDGECNN_COMPLETE=fish_source edgecnn | source`.\n",
    ]
    whole = _context(edgecnn, "edgecnn", None)
    parts.append(_help(whole))
    for name in COMMANDS:
        command = edgecnn.get_command(whole, name)
        assert command is not None
        parts.append(f"## {name}\n")
        context = _context(command, name, whole)
        parts.append(_help(context))
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                inner = command.get_command(context, below)
                assert inner is not None
                parts.append(f"### {name} {below}\n")
                parts.append(_help(_context(inner, below, context)))
    return "\n".join(parts)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return command.make_context(
        name,
        [],
        parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )


def _help(context: click.Context) -> str:
    text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"```text\n{text}\n```\n"


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    page = reference()
    if not parser.parse_args().check:
        TARGET.write_text(page)
        return 0
    if TARGET.is_file() and TARGET.read_text() == page:
        return 0
    print("docs/cli.md is out of date: run python docs/generate_cli.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
