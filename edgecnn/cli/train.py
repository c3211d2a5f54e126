"""``edgecnn train``."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_recipes
from edgecnn.cli.output import fetch_data, json_option, print_json, remark, threads_option, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgecnn.metadata import Accuracy
    from edgecnn.training.recipe import Recipe
    from edgecnn.training.summary import TrainSummary
    from edgecnn.web.address import Address

__all__ = ["train"]


@click.command()
@click.argument("recipe", shell_complete=complete_recipes)
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
    help="Change a value of the recipe, for example train.epochs=3, or epochs=3. Repeatable.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Start from the weights of a trained network: a training's folder, .safetensors or .pt. "
    "The head starts fresh; see the recipe's table [transfer].",
)
@threads_option("Processor threads to compute with.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted training.")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Cross-validate on the training set in so many folds (by patient where there are any) "
    "instead of training one model; the test set stays closed.",
)
@click.option(
    "--web",
    is_flag=False,
    flag_value="127.0.0.1:8080",
    metavar="[HOST:PORT]",
    help="Serve a page with curves, layers and controls [127.0.0.1:8080].",
)
@json_option
def train(
    recipe: str,
    *,
    output: Path | None,
    overrides: tuple[str, ...],
    source: Path | None,
    threads: int | None,
    folds: int | None,
    resume: bool,
    web: str | None,
    as_json: bool,
) -> None:
    r"""Train a network by RECIPE: a bundled recipe's name or a .toml file.

    \b
    edgecnn train mnist-lenet5
    edgecnn train cifar10-resnet --set train.epochs=5 -o runs/short
    edgecnn train mine.toml --from runs/cifar --set transfer.train_stages=0
    edgecnn train mnist-lenet5 --web
    """
    from edgecnn.errors import UsageError
    from edgecnn.training.recipe import load_recipe

    if folds is not None and resume:
        raise UsageError(
            "--folds does not go with --resume: a cross-validation is not kept between folds",
            hint="leave one of them out",
        )
    if folds is not None and web is not None:
        raise UsageError(
            "--folds does not go with --web: the page shows one training",
            hint="leave one of them out",
        )
    address = None
    if web is not None:
        from edgecnn.web.address import parse_address
        from edgecnn.web.server import require_web

        require_web()
        address = parse_address(web)
    if source is not None:
        overrides = (*overrides, f"transfer.source={json.dumps(str(source), ensure_ascii=False)}")
    resolved = load_recipe(recipe, overrides=overrides)
    _warn_of_precision(resolved)
    if folds is not None:
        from edgecnn.training.folds import FOLDS_NAME, cross_validate
        from edgecnn.training.progress import make_watcher

        fetch_data(resolved.data.train)
        watcher = make_watcher()
        report = cross_validate(resolved, folds, folder=output, threads=threads, watcher=watcher)
        if as_json:
            print_json(report)
        else:
            _print_accuracy(f"{folds} folds of {resolved.data.train}", report.pooled)
            if output is not None:
                click.echo(f"report in {output / FOLDS_NAME}")
        return

    from edgecnn.training.resume import RESUME_NAME
    from edgecnn.training.train import holds_training, train_recipe

    fetch_data(resolved.data.train, resolved.data.test)
    folder = output or Path("runs") / resolved.name
    if resume and not holds_training(folder):
        remark(f"{folder} holds no training to go on with: it begins")
    try:
        summary = _train(
            partial(
                train_recipe,
                resolved,
                folder,
                resume=resume,
                threads=threads,
                command=_command(recipe, overrides),
            ),
            resolved,
            folder,
            address,
        )
    except KeyboardInterrupt:
        if (folder / RESUME_NAME).exists():
            remark(f"{folder} holds all whole epochs: the same command with --resume goes on")
        else:
            remark("interrupted in the first epoch: nothing is kept")
        raise
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{summary.recipe}: {summary.architecture}, {summary.parameters:,} parameters, "
        f"{summary.epochs} epochs in {summary.seconds:.0f} s"
    )
    if summary.epochs < resolved.train.epochs:
        remark(
            f"note: stopped at epoch {summary.epochs} of {resolved.train.epochs}, as validation "
            f"loss was no lower for {resolved.train.patience} (train.patience)"
        )
    if summary.kept_epoch < summary.epochs:
        remark(
            f"note: the weights are those of epoch {summary.kept_epoch}, the one with the lowest "
            "validation loss (train.keep)"
        )
    if summary.test is not None:
        _print_accuracy(f"{summary.test.dataset}:{summary.test.split}", summary.test)
    if summary.interventions:
        remark(
            f"note: {len(summary.interventions)} change(s) were made by hand while it ran; the "
            "checkpoint lists them, and the recipe alone does not repeat this training"
        )
    click.echo(f"checkpoint, curves and log in {summary.folder}/")
    click.echo(f"next: edgecnn export {summary.folder} -o {summary.recipe}.onnx")


def _warn_of_precision(recipe: Recipe) -> None:
    """Say that bfloat16 costs time here, where that is known."""
    from edgecnn.runtime.machine import describe_machine

    machine = describe_machine()
    known = machine.architecture in ("x86_64", "aarch64")
    if recipe.train.precision == "bf16" and known and not machine.bfloat16:
        warn(
            f"{machine.cpu} has no instructions for bfloat16, which is emulated and slower than "
            "float32 by two to eight times: --set precision=fp32"
        )


def _train(
    run: Callable[..., TrainSummary], recipe: Recipe, folder: Path, address: Address | None
) -> TrainSummary:
    """Train, with a page in the browser if an address for one is given."""
    from edgecnn.training.progress import make_watcher
    from edgecnn.training.tensorboard import tensorboard_log
    from edgecnn.training.watcher import Watchers

    told = Watchers(make_watcher(), tensorboard_log(folder))
    if address is None:
        return run(watcher=told)
    from edgecnn.training.page.page import TrainingPage

    with TrainingPage(recipe, address) as page:
        remark(f"page: {page.url}")
        summary = run(watcher=Watchers(told, page), controls=page.controls)
        if summary.test is not None:
            page.tell(f"{summary.test.metric} {summary.test.value:.4f} on the test set")
        return summary


def _command(recipe: str, overrides: tuple[str, ...]) -> str:
    """Return what trains the same network again, wherever and with however many threads."""
    sets = [part for override in overrides for part in ("--set", override)]
    return shlex.join(["edgecnn", "train", recipe, *sets])


def _print_accuracy(title: str, accuracy: Accuracy) -> None:
    from edgecnn.cli.output import print_table

    low, high = accuracy.interval_95
    click.echo(
        f"{title}: {accuracy.metric} {accuracy.value:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, n = {accuracy.n:,})"
    )
    if accuracy.note:
        remark(f"note: {accuracy.note}")
    if not accuracy.per_class:
        return
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


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
