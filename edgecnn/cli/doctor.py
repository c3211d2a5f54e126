"""``edgecnn doctor``."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, print_json

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option(
    "--provider",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="An execution provider that has to work here: cpu, cuda, ...",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, provider: str, as_json: bool) -> None:
    """Say what this machine can do and what is wrong with it.

    Ends with exit code 1 when something is broken; a warning is something that may not be wanted
    on this machine, such as a window without a display.
    """
    from edgecnn.doctor import examine

    findings = examine(provider=provider)
    broken = sum(finding.level == "fail" for finding in findings)
    warnings = sum(finding.level == "warn" for finding in findings)
    if as_json:
        print_json({"findings": findings, "broken": broken, "warnings": warnings})
    else:
        for finding in findings:
            level = click.style(f"{finding.level:4}", fg=_COLOURS[finding.level])
            click.echo(f"{level}  {finding.topic:8} {finding.what}")
            if finding.hint:
                click.echo(f"{'':15}-> {finding.hint}")
        click.echo(f"{broken} broken, {warnings} to know about")
    ctx.exit(1 if broken else 0)
