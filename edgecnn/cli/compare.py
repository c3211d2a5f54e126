"""``edgecnn compare``: two model files on the same data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_data, complete_models
from edgecnn.cli.output import json_option, metadata_option, threads_option

if TYPE_CHECKING:
    from edgecnn.calibration.compare_report import CompareReport
    from edgecnn.calibration.sqnr import LayerNoise
    from edgecnn.metadata import ClassScore

#: More classes than this make no table that can be read.
_TABLED_CLASSES = 20
_TABLED_LAYERS = 30
_FLIPS = 8


@click.command()
@click.argument("first", metavar="A", shell_complete=complete_models)
@click.argument("second", metavar="B", shell_complete=complete_models)
@click.option(
    "--data",
    required=True,
    shell_complete=complete_data,
    help="A dataset's name or a folder; labels if there are.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Compare on this many examples only.")
@click.option("--seed", type=int, default=0, show_default=True, help="For drawing them.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@click.option(
    "--layers",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    help="Examples to compare layer by layer, if B was made from A; 0: do not.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Time to spend on timing both in turns; 0: do not.",
)
@click.option(
    "--max-drop",
    type=float,
    metavar="POINTS",
    help="Exit with 1 if B's metric is lower by more (text: nats per character).",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Exit with 1 if fewer answers are the same.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report too, one HTML file.",
)
@click.option(
    "--provider", default="auto", show_default=True, help="auto, cpu, cuda, ...: what runs them."
)
@threads_option("CPU threads [default: all].")
@metadata_option
@json_option
def compare(
    *,
    first: str,
    second: str,
    data: str,
    limit: int | None,
    seed: int,
    batch: int,
    layers: int,
    seconds: float,
    max_drop: float | None,
    min_agreement: float | None,
    out: Path | None,
    provider: str,
    threads: int | None,
    metadata: Path | None,
    as_json: bool,
) -> None:
    r"""Compare two model files of one task on the same data.

    How often they agree; with labels, which is better and how surely, as a paired test and
    interval; where B was made from A, as by `edgecnn quantize`, the noise of every layer; latency,
    measured in turns.

    \b
    edgecnn compare net.onnx net.int8.onnx --data labelled/ -o report.html
    edgecnn compare old.onnx new.onnx --data mnist:test --max-drop 0.3
    """
    from edgecnn.calibration.compare import compare_models, open_pair
    from edgecnn.calibration.compare_page import write_page
    from edgecnn.calibration.gates import check_gates, require_labels
    from edgecnn.cli.output import fetch_data, print_json, progress_bar, warn
    from edgecnn.data import open_dataset, require_kind
    from edgecnn.metadata import read_contract

    contract = read_contract(metadata) if metadata else None
    models = open_pair(first, second, provider=provider, threads=threads, contract=contract)
    spec = models[0].metadata
    require_kind(data, spec.input)
    fetch_data(data)
    dataset = open_dataset(data, labels=spec.labels)
    if max_drop is not None:
        require_labels(dataset, spec)
    with progress_bar() as bar:
        tasks = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        report = compare_models(
            *models,
            dataset,
            limit=limit,
            seed=seed,
            batch=batch,
            layer_samples=layers,
            seconds=seconds,
            threads=threads,
            progress=progress,
        )
    if out is not None:
        write_page(out, report, dataset, spec)
    if as_json:
        print_json(report)
    else:
        _print(report)
        if out is not None:
            click.echo(out)
    for text in report.remarks:
        warn(text)
    check_gates(report, max_drop=max_drop, min_agreement=min_agreement)


def _print(report: CompareReport) -> None:
    from edgecnn.cli.output import print_table

    for letter, file in (("A", report.first), ("B", report.second)):
        click.echo(f"{letter}  {file.path} ({file.kind}, {file.provider})")
    note = f" ({report.note})" if report.note else ""
    click.echo(f"on {report.n:,} {report.unit} of {report.data}{note}")
    click.echo()
    print_table(("", "A", "B", "B against A"), _rows(report))
    click.echo()
    _print_answers(report)
    if report.per_class and len(report.per_class) <= _TABLED_CLASSES:
        click.echo()
        detector = any(c.first.average_precision is not None for c in report.per_class.values())
        name = "AP" if detector else "F1"
        print_table(
            ("class", "n", "Se A", "Se B", "+P A", "+P B", f"{name} A", f"{name} B", "change"),
            [
                (
                    label,
                    one.first.n,
                    _percent(one.first.sensitivity),
                    _percent(one.second.sensitivity),
                    _percent(one.first.positive_predictivity),
                    _percent(one.second.positive_predictivity),
                    _percent(_score(one.first, detector=detector)),
                    _percent(_score(one.second, detector=detector)),
                    "-" if one.change is None else f"{100 * one.change:+.2f}",
                )
                for label, one in report.per_class.items()
            ],
        )
    if report.layers:
        click.echo()
        _print_layers(report)


def _rows(report: CompareReport) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    if report.value is not None and report.difference is not None:
        shares = bool(report.per_class)
        factor, unit, digits = (100, " points", 2) if shares else (1, "", 4)
        change = f"{factor * report.difference:+.{digits}f}{unit}"
        if report.difference_interval_95 is not None:
            low, high = (factor * bound for bound in report.difference_interval_95)
            change += f" (95 %: {low:+.{digits}f} to {high:+.{digits}f})"
        rows.append(
            (str(report.metric), f"{report.value.first:.4f}", f"{report.value.second:.4f}", change)
        )
    if report.latency_ms is not None and report.speedup_range is not None:
        low, high = report.speedup_range
        rows.append(
            (
                "latency ms, median",
                _ms(report.latency_ms.first),
                _ms(report.latency_ms.second),
                f"{report.speedup:.2f}x the speed ({low:.2f} to {high:.2f})",
            )
        )
    if report.latency_p95_ms is not None:
        p95 = report.latency_p95_ms
        rows.append(("latency ms, 95 %", _ms(p95.first), _ms(p95.second), ""))
    sizes = report.first.size_bytes, report.second.size_bytes
    rows.append(
        ("size kB", f"{sizes[0] / 1e3:.1f}", f"{sizes[1] / 1e3:.1f}", f"{sizes[1] / sizes[0]:.2f}x")
    )
    return rows


def _print_answers(report: CompareReport) -> None:
    interval = ""
    if report.agreement_interval_95 is not None:
        low, high = report.agreement_interval_95
        interval = f" (95 %: {low:.2%} to {high:.2%})"
    click.echo(f"{report.agreement_on} in {report.agreement:.2%}{interval}")
    if report.test is not None:
        click.echo(
            f"only A right {report.test.only_first}, only B right {report.test.only_second}: "
            f"p = {report.test.p_value:.3g} ({report.test.method})"
        )
    if report.interval_method:
        click.echo(f"interval of the difference: {report.interval_method}")
    if report.outputs is not None:
        sqnr = "" if report.outputs.sqnr_db is None else f", SQNR {report.outputs.sqnr_db:.1f} dB"
        unit = "grey levels" if report.task == "image-to-image" else "logits"
        click.echo(
            f"{unit} differ by {report.outputs.mean_abs:.3g} on average, "
            f"{report.outputs.max_abs:.3g} at most{sqnr}"
        )
    if report.flips:
        shown = ", ".join(f"{one} → {other} {n}x" for one, other, n in report.flips[:_FLIPS])
        click.echo(f"changed most often: {shown}")


def _print_layers(report: CompareReport) -> None:
    from edgecnn.cli.output import print_table

    shown = report.layers
    title = f"noise by layer, on {report.layers_n} examples"
    if len(shown) > _TABLED_LAYERS:
        noisiest = sorted(shown, key=lambda one: (not one.not_finite, _noise_rank(one)))
        kept = set(noisiest[:_TABLED_LAYERS])
        shown = tuple(one for one in shown if one in kept)
        title += f": the {len(shown)} noisiest of {len(report.layers)}"
    print_table(
        ("layer", "tensor", "SQNR dB", "most"),
        [(one.title, one.tensor, _decibels(one), f"{one.max_abs:.3g}") for one in shown],
        title=title,
    )


def _noise_rank(layer: LayerNoise) -> float:
    return float("inf") if layer.sqnr_db is None else layer.sqnr_db


def _score(score: ClassScore, *, detector: bool) -> float | None:
    return score.average_precision if detector else score.f1


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _decibels(layer: LayerNoise) -> str:
    if layer.sqnr_db is not None:
        return f"{layer.sqnr_db:.1f}"
    return "not finite" if layer.not_finite else "equal"


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
