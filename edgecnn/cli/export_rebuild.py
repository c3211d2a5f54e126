"""``edgecnn export --rebuild``: whether a file can be made again from what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

__all__ = ["rebuilt", "refuse_settings"]

#: Options that say where things lie, not how the file is made.
_TAKEN = ("source", "rebuild", "verify_with", "as_json")


def refuse_settings() -> None:
    """Refuse options of the export itself: the file says how it was exported."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _TAKEN:
            raise click.UsageError(
                f"--rebuild goes by the file's own settings: {parameter.opts[-1]} not needed"
            )


def rebuilt(file: Path, place: str | None, verify_with: Sequence[str], *, as_json: bool) -> int:
    """Export again, compare and report; the exit code is 1 where something differs."""
    from edgecnn.cli.output import print_json, warn
    from edgecnn.training.rebuilding import rebuild_model

    report = rebuild_model(file, (place or ".",), verify_with=verify_with)
    if as_json:
        print_json(report)
        return 0 if report.same else 1
    for text in report.remarks:
        warn(text)
    for name, path in report.inputs.items():
        click.echo(f"{name}: {path}")
    if report.same:
        click.echo(f"{report.path}: the same graph, weights, contract and golden vectors again")
        return 0
    click.echo(f"{report.path} is not what is made of them here:")
    for line in report.differences:
        click.echo(f"  {line}")
    return 1
