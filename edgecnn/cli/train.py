"""``edgecnn train``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option, print_json, progress_bar, remark

if TYPE_CHECKING:
    from rich.progress import TaskID

    from edgecnn.metadata import Accuracy

__all__ = ["train"]


@click.command()
@click.argument("recipe")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the training.  [default: runs/NAME]",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a value of the recipe, for example train.epochs=3. Repeatable.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads to compute with.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Cross-validate on the training set in so many folds (by patient where there are any) "
    "instead of training one model; the test set stays closed.",
)
@json_option
def train(
    recipe: str,
    output: Path | None,
    overrides: tuple[str, ...],
    threads: int | None,
    folds: int | None,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    r"""Train a network by RECIPE: a bundled recipe's name or a .toml file.

    \b
    edgecnn train mnist-lenet5
    edgecnn train cifar10-resnet --set train.epochs=5 -o runs/short
    """
    from edgecnn.training.progress import make_watcher
    from edgecnn.training.recipe import load_recipe

    resolved = load_recipe(recipe, overrides=overrides)
    if folds is not None:
        from edgecnn.training.folds import cross_validate

        _fetch(resolved.data.train)
        report = cross_validate(resolved, folds, threads=threads, watcher=make_watcher())
        if as_json:
            print_json(report)
        else:
            _print_accuracy(f"{folds} folds of {resolved.data.train}", report.pooled)
        return

    from edgecnn.training.train import train_recipe

    _fetch(resolved.data.train, resolved.data.test)
    folder = output or Path("runs") / resolved.name
    try:
        summary = train_recipe(
            resolved,
            folder,
            resume=resume,
            threads=threads,
            watcher=make_watcher(),
            command=_command(recipe, overrides),
        )
    except KeyboardInterrupt:
        remark(f"{folder} holds all whole epochs: the same command with --resume goes on")
        raise
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{summary.recipe}: {summary.architecture}, {summary.parameters:,} parameters, "
        f"{summary.epochs} epochs in {summary.seconds:.0f} s"
    )
    if summary.test is not None:
        _print_accuracy(f"{summary.test.dataset}:{summary.test.split}", summary.test)
    click.echo(f"checkpoint, curves and log in {summary.folder}/")
    click.echo(f"next: edgecnn export {summary.folder} -o {summary.recipe}.onnx")


def _command(recipe: str, overrides: tuple[str, ...]) -> str:
    """Return what trains the same network again, wherever and with however many threads."""
    sets = [part for override in overrides for part in ("--set", override)]
    return shlex.join(["edgecnn", "train", recipe, *sets])


def _fetch(*specs: str) -> None:
    """Download what is not on this machine yet, with a bar."""
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


def _print_accuracy(title: str, accuracy: Accuracy) -> None:
    from edgecnn.cli.output import print_table

    low, high = accuracy.interval_95
    click.echo(
        f"{title}: {accuracy.metric} {accuracy.value:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, n = {accuracy.n:,})"
    )
    rows = [
        (
            label,
            score.n,
            *(_share(v) for v in (score.sensitivity, score.positive_predictivity)),
            _share(score.f1),
        )
        for label, score in accuracy.per_class.items()
    ]
    print_table(("class", "n", "Se", "+P", "F1"), rows)
    if accuracy.note:
        remark(f"note: {accuracy.note}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
