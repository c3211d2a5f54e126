"""What every command prints with: JSON and tables to stdout, remarks and progress to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = [
    "fetch_data",
    "json_option",
    "metadata_option",
    "model_options",
    "print_json",
    "print_table",
    "progress_bar",
    "remark",
    "threads_option",
    "warn",
]


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` (parameter ``as_json``)."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(
        function
    )


def model_options(
    function: Callable[..., Any], *, threads: str = "CPU threads [default: all]."
) -> Callable[..., Any]:
    """Add ``--provider``, ``--threads`` and ``--check/--no-check``: how a model is opened."""
    options = (
        click.option(
            "--provider",
            default="auto",
            show_default=True,
            help="auto, cpu, cuda, ...: what runs it.",
        ),
        threads_option(threads),
        click.option(
            "--check/--no-check", default=True, help="Run the model's golden vectors first."
        ),
    )
    # Help lists them in this order, so the last is added first.
    for option in reversed(options):
        function = option(function)
    return function


def threads_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make ``--threads``, which refuses numbers that no machine has a use for."""

    def check(_: click.Context, parameter: click.Parameter, threads: int | None) -> int | None:
        if threads is not None:
            from edgecnn.runtime.machine import check_threads

            check_threads(threads)
        return threads

    return click.option("--threads", type=click.IntRange(min=1), callback=check, help=text)


def metadata_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--metadata``: the contract of a model that brings none."""
    return click.option(
        "--metadata",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Contract, as a TOML file, of a MODEL that brings none.",
    )(function)


def print_json(value: object) -> None:
    """Print one JSON document on one line: dataclasses, structs and plain data."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def remark(text: str) -> None:
    """Say something on stderr that is not the result."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """Say on stderr that something needs attention."""
    click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {text}", err=True)


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Print an aligned table; numbers to the right. Plain text, so that it can be piped."""
    cells = [[str(cell) for cell in row] for row in rows]
    lines = [list(header), *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    numeric = [all(_is_number(row[i]) for row in cells) for i in range(len(header))]
    if title:
        click.secho(title, bold=True)
    for number, line in enumerate(lines):
        text = "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        click.secho(text.rstrip(), dim=number == 0)


def progress_bar() -> Progress:
    """Return a progress bar with ETA on stderr, silent where stderr is no terminal.

    Use it as ``with progress_bar() as bar: task = bar.add_task("calibrating", total=n)``.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def fetch_data(*specs: str | None) -> None:
    """Download what is not on this machine yet, with a bar, or a remark where there is none.

    Paths, which name no dataset, and None are passed over.
    """
    from edgecnn.data import fetch_dataset

    tasks: dict[str, TaskID] = {}
    with progress_bar() as bar:

        def downloading(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"downloading {name}", total=total or None)
                if bar.disable:
                    remark(f"downloading {name}")
            bar.update(tasks[name], completed=done)

        for spec in specs:
            if spec:
                fetch_dataset(spec, progress=downloading)


def _is_number(cell: str) -> bool:
    digits = cell.strip("+-%× ").replace(".", "").replace(",", "")
    return digits.isdigit() or cell in ("", "-")
