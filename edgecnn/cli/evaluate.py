"""``edgecnn evaluate``: how good a model file is on labelled data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from edgecnn.cli.completion import complete_data, complete_models
from edgecnn.cli.output import json_option

if TYPE_CHECKING:
    from edgecnn.metadata import Accuracy


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("data", shell_complete=complete_data)
@click.option("--provider", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@click.option("--limit", type=click.IntRange(min=1), help="Measure on this many examples only.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@click.option(
    "--map",
    "class_map",
    type=click.Choice(["literature", "bxb"]),
    help="Classes of annotated heartbeats; bxb counts escape beats as supraventricular "
    "[default: the model's].",
)
@json_option
def evaluate(
    model: str,
    data: str,
    *,
    provider: str,
    limit: int | None,
    batch: int,
    class_map: Literal["literature", "bxb"] | None,
    as_json: bool,
) -> None:
    r"""Measure MODEL on labelled DATA.

    DATA is a dataset (mnist:test, cifar10:test, mitdb:ds2, mitdb-rhythm:records-test,
    rt-polarity:test), a folder with a sub-folder of pictures per class, of WFDB records with .atr
    annotations, or of sentences in a file LABEL.txt per class. A network that writes is measured on
    text: in nats per character (tinyshakespeare:validation, or a .txt file).

    \b
    edgecnn evaluate bundled:mnist-lenet5 mnist:test
    edgecnn evaluate net.onnx photos/ --json
    """
    from edgecnn.cli.output import fetch_data, print_json, progress_bar, remark, warn
    from edgecnn.data import open_dataset, require_kind
    from edgecnn.evaluation.evaluate import evaluate_model
    from edgecnn.runtime.session import load_model

    opened = load_model(model, provider=provider)
    for text in opened.warnings:
        warn(text)
    require_kind(data, opened.metadata.input)
    fetch_data(data)
    dataset = open_dataset(data, labels=opened.metadata.labels)
    remark(f"{opened.path.name} on {opened.placement.provider} ({opened.placement.reason})")
    with progress_bar() as bar:
        task = bar.add_task("evaluating", total=None)
        accuracy = evaluate_model(
            opened,
            dataset,
            batch=batch,
            limit=limit,
            class_map=class_map,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(_document(accuracy, opened.metadata.labels, str(opened.path)))
    else:
        _print(accuracy, opened.metadata.labels)


def _document(accuracy: Accuracy, labels: tuple[str, ...], model: str) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(accuracy)
    return {**plain, "labels": labels, "model": model}


def _print(accuracy: Accuracy, labels: tuple[str, ...]) -> None:
    from edgecnn.cli.output import print_table

    low, high = accuracy.interval_95
    click.echo(
        f"{accuracy.metric}  {accuracy.value:.4f}  (95 %: {low:.4f} to {high:.4f}; "
        f"{accuracy.n} {'examples' if accuracy.per_class else 'characters'} of "
        f"{accuracy.dataset}:{accuracy.split})"
    )
    if accuracy.note:
        click.echo(accuracy.note)
    if not accuracy.per_class:
        return
    click.echo()
    # A table of a thousand classes hides the few that were asked about.
    shown = [label for label in labels if accuracy.per_class[label].n]
    detector = any(score.average_precision is not None for score in accuracy.per_class.values())
    print_table(
        ("class", "n", "Se %", "+P %", "F1 %", *(("AP %",) if detector else ())),
        [
            (label, score.n, *(_percent(v) for v in _scores(accuracy, label, detector=detector)))
            for label in shown
            for score in [accuracy.per_class[label]]
        ],
    )
    if accuracy.confusion and len(labels) <= 20:
        click.echo()
        print_table(
            ("true \\ answered", *labels),
            [(label, *row) for label, row in zip(labels, accuracy.confusion, strict=True)],
        )
    if len(accuracy.by_record) > 1:
        click.echo()
        _print_records(accuracy, labels)


def _print_records(accuracy: Accuracy, labels: tuple[str, ...]) -> None:
    """Print what became of each record's beats: one patient can make or break an average."""
    from edgecnn.cli.output import print_table

    shown = [label for label in labels if accuracy.per_class[label].n]
    rows = []
    for record, matrix in accuracy.by_record.items():
        cells: list[str] = []
        for label in shown:
            place = labels.index(label)
            right, of = matrix[place][place], sum(matrix[place])
            answered = sum(row[place] for row in matrix)
            cells += [
                str(of),
                f"{100 * right / of:.1f}" if of else "-",
                f"{100 * right / answered:.1f}" if answered else "-",
            ]
        rows.append((record, *cells))
    print_table(("record", *(f"{x}{y}" for x in shown for y in ("", " Se %", " +P %"))), rows)


def _scores(accuracy: Accuracy, label: str, *, detector: bool) -> tuple[float | None, ...]:
    score = accuracy.per_class[label]
    scores = (score.sensitivity, score.positive_predictivity, score.f1)
    return (*scores, score.average_precision) if detector else scores


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
