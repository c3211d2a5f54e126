"""``edgecnn search``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.completion import complete_recipes
from edgecnn.cli.output import (
    fetch_data,
    json_option,
    print_json,
    print_table,
    remark,
)

if TYPE_CHECKING:
    from edgecnn.training.search import SearchReport

__all__ = ["search"]

_SHOWN = 10


@click.command()
@click.argument("recipe", shell_complete=complete_recipes)
@click.option(
    "--grid",
    "grids",
    metavar="KEY=A,B,...",
    multiple=True,
    help="Values of a key to try, for example lr=0.05,0.1. A key without a table is one of "
    "[train], of the network's arguments or of [augment]. Repeatable.",
)
@click.option(
    "--range",
    "ranges",
    metavar="KEY=LOW..HIGH[:log]",
    multiple=True,
    help="A range to draw a key's values from, for example lr=1e-3..1:log; whole numbers when both "
    "ends are. Repeatable.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), help="Trials in all.  [default: the whole grid, or 20]"
)
@click.option(
    "--sampler",
    type=click.Choice(["grid", "random", "tpe"]),
    help="Every combination in order; drawn evenly; drawn where the better ones were.  "
    "[default: tpe with a --range, else grid]",
)
@click.option(
    "--prune", is_flag=True, help="Stop trials that are worse than the median at the same epoch."
)
@click.option(
    "--metric",
    type=click.Choice(
        ["validation_loss", "validation_accuracy", "validation_macro_f1", "validation_map"]
    ),
    metavar="NAME",
    help="What to choose by, at the epoch that is kept: validation_loss, validation_accuracy, "
    "validation_macro_f1 or validation_map.  [default: validation_loss]",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Score by cross-validation on the training set in so many folds.",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a value of the recipe, in the trials and in best.toml. Repeatable.",
)
@click.option(
    "--trial-set",
    "trial_overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a value in the trials alone, for example train.epochs=5. Repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the search.  [default: runs/NAME-search]",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted search, or add trials.")
@click.option("--keep", is_flag=True, help="Keep the trained weights of every finished trial.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the draws.")
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads to compute with.")
@json_option
def search(
    recipe: str,
    *,
    output: Path | None,
    resume: bool,
    keep: bool,
    threads: int | None,
    as_json: bool,
    **asked: Any,
) -> None:
    r"""Search for better values of RECIPE: a bundled recipe's name or a .toml file.

    Every trial is scored on the validation set; the test set stays closed. The best recipe is
    written to best.toml in the output folder, ready to train.

    \b
    edgecnn search mnist-lenet5 --grid lr=0.05,0.1,0.2 --grid dropout=0,0.2
    edgecnn search mnist-lenet5 --range lr=1e-3..1:log --trials 30 --prune
    edgecnn search mine.toml --range batch=16..64 --trial-set train.epochs=5
    """
    from edgecnn.training.search import plan_search, run_search
    from edgecnn.training.search.progress import make_observer

    plan = plan_search(recipe, **asked)
    fetch_data(plan.question.recipe.data.train)
    folder = output or Path("runs") / f"{plan.question.recipe.name}-search"
    try:
        report = run_search(
            plan,
            folder,
            resume=resume,
            keep=keep,
            threads=threads,
            observer=make_observer(),
            command=_command(recipe, asked),
        )
    except KeyboardInterrupt:
        remark(f"{folder} holds all trials so far: the same command with --resume goes on")
        raise
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _command(recipe: str, asked: dict[str, Any]) -> str:
    """Return what searches like this again."""
    words = ["edgecnn", "search", recipe]
    names = {"grids": "grid", "ranges": "range", "overrides": "set", "trial_overrides": "trial-set"}
    for name, value in asked.items():
        option = f"--{names.get(name, name)}"
        if isinstance(value, tuple):
            words += [part for text in value for part in (option, text)]
        elif value is True:
            words.append(option)
        elif value:
            words += [option, str(value)]
    return shlex.join(words)


def _print_report(report: SearchReport) -> None:
    from edgecnn.training.search.record import ranked, shown

    keys = list(report.best.values)
    rows = [
        (
            trial.number,
            trial.outcome if trial.score is None else f"{trial.score:.4f}",
            *(shown(trial.values[key]) for key in keys),
            len(trial.history) or "-",
            f"{trial.seconds:.1f}",
        )
        for trial in ranked(report.trials, report.direction)[:_SHOWN]
    ]
    print_table(("trial", report.metric, *keys, "epochs", "seconds"), rows)
    if len(report.trials) > _SHOWN:
        click.echo(f"... and {len(report.trials) - _SHOWN} more in trials.csv")
    for key, share in report.importance.items():
        click.echo(f"importance of {key}: {share:.0%}")
    click.echo(f"all trials, {' and '.join(report.figures)} in {report.folder}/")
    click.echo(f"next: edgecnn train {Path(report.folder) / 'best.toml'}")
