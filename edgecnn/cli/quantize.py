"""``edgecnn quantize``: FP32 file to INT8 file, with what it gained and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_data, complete_models
from edgecnn.cli.output import json_option, threads_option

if TYPE_CHECKING:
    from edgecnn.calibration.report import QuantizeReport


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--calibration",
    required=True,
    shell_complete=complete_data,
    metavar="DATA",
    help="Typical inputs: a dataset's name, a folder, a list of files (.csv, .jsonl, .txt), a WFDB "
    "record, pictures in .npy or .npz, or tensors:FILE.npz.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The new file  [default: NAME.int8.onnx beside MODEL]",
)
@click.option(
    "--evaluate",
    "evaluation",
    shell_complete=complete_data,
    help="Labelled data to measure both files on.",
)
@click.option("--samples", type=click.IntRange(min=1), default=256, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="For drawing the samples.")
@click.option(
    "--method",
    type=click.Choice(("auto", "min-max", "moving-average", "percentile", "entropy", "mse")),
    default="auto",
    show_default=True,
    help="How the range of an activation is found; auto: by what leaves the least noise.",
)
@click.option(
    "--percentile",
    type=float,
    help="For --method percentile: share of values kept, in percent  [default: 99.99]",
)
@click.option(
    "--target",
    type=click.Choice(("auto", "x86-vnni", "x86", "arm", "cuda")),
    default="auto",
    show_default=True,
    help="What the file will run on; auto: a machine like this one. x86 is right on every x86, "
    "x86-vnni on those with VNNI.",
)
@click.option(
    "--activations",
    type=click.Choice(("auto", "uint8", "int8")),
    default="auto",
    show_default=True,
    help="auto: what suits the target.",
)
@click.option(
    "--form",
    type=click.Choice(("auto", "static", "dynamic", "weights", "fp16")),
    default="auto",
    show_default=True,
    help="static: calibrated ranges; dynamic: the range of each input (LSTM); weights: stored in 8 "
    "bits, FP32 when loaded; fp16 (cuda); auto: what suits network and target.",
)
@click.option(
    "--bits",
    type=click.Choice(("8", "4")),
    default="8",
    show_default=True,
    help="Of weights; 4 is for --form weights, and asks for it: large products stay in 4 bits, "
    "other weights are stored so.",
)
@click.option(
    "--block",
    type=click.Choice(("16", "32", "64", "128", "256")),
    help="Of 4 bits: weights that share a scale  [default: 32]",
)
@click.option("--exclude", multiple=True, metavar="NODE", help="Leave this node in FP32.")
@click.option(
    "--leave",
    default="auto",
    show_default=True,
    metavar="BLOCKS",
    help="Blocks to leave in FP32: none, or of first-conv, depthwise, squeeze-excite, gates (with "
    "commas); auto: those that the file is faster without, by timing.",
)
@click.option(
    "--max-drop",
    type=float,
    metavar="POINTS",
    help="Lose no more of the metric than this (text: nats per character); layers go back to FP32 "
    "until that holds.",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="The same, by the share of answers that stay; needs no labels.",
)
@click.option(
    "--select",
    metavar="DATA",
    shell_complete=complete_data,
    help="Labelled data to choose on  [default: that of --evaluate]",
)
@click.option(
    "--bias-correction/--no-bias-correction",
    default=None,
    help="Take back the shift that rounding gives to means  [default: where it helps]",
)
@click.option(
    "--frontier",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PNG",
    help="Draw loss against latency of all forms that were tried; JSON beside it.",
)
@click.option("--strict", is_flag=True, help="Stop at a picture that cannot be read.")
@click.option(
    "--cache/--no-cache",
    "keeps",
    default=True,
    show_default=True,
    help="Keep what calibration saw in the user's cache: killed, it goes on; repeated, it is read.",
)
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="HTML",
    help="Write a report too, one HTML file.",
)
@click.option("--allow-slower", is_flag=True, help="Write INT8 also where it is slower here.")
@threads_option("For timing  [default: all]")
@json_option
def quantize(
    *,
    model: str,
    calibration: str,
    out: Path | None,
    evaluation: str | None,
    samples: int,
    seed: int,
    method: str,
    percentile: float | None,
    target: str,
    activations: str,
    form: str,
    bits: str,
    block: str | None,
    exclude: tuple[str, ...],
    leave: str,
    max_drop: float | None,
    min_agreement: float | None,
    select: str | None,
    bias_correction: bool | None,
    frontier: Path | None,
    strict: bool,
    keeps: bool,
    page: Path | None,
    allow_slower: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    r"""Quantize MODEL to 8 bits and measure what it gained and cost.

    Static calibration: weights per channel, activations by the range they show on the calibration
    data, which is preprocessed by the file's own metadata. A network that writes text is quantized
    dynamically instead: activations by the range of each input.

    \b
    edgecnn quantize net.onnx --calibration photos/ --evaluate labelled/
    edgecnn quantize lenet.onnx --calibration mnist:train --evaluate mnist:test
    edgecnn quantize net.onnx --calibration list.csv --samples 500 --method mse
    """
    from edgecnn.bundled import resolve_model
    from edgecnn.calibration.estimators import PERCENTILE
    from edgecnn.calibration.fp32_file import open_fp32
    from edgecnn.calibration.quantize import int8_path, quantize_model
    from edgecnn.cli.output import fetch_data, print_json, progress_bar, remark, warn
    from edgecnn.data import open_dataset, require_kind
    from edgecnn.data.locate import cache_root
    from edgecnn.errors import UsageError
    from edgecnn.runtime.heap import give_back_memory

    if percentile is not None and method != "percentile":
        raise UsageError(
            f"--percentile goes with --method percentile, not {method}",
        )
    give_back_memory()
    named = [name.strip() for name in leave.split(",")]
    blocks = None if leave == "auto" else [] if leave == "none" else named
    source = resolve_model(model)
    metadata = open_fp32(source, check=False).metadata
    for data in filter(None, (calibration, evaluation, select)):
        require_kind(data, metadata.input)
    beside = Path(source.name) if model.startswith("bundled:") else source
    fetch_data(calibration, evaluation, *filter(None, (select,)))
    with progress_bar() as bar:
        tasks = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        report = quantize_model(
            source,
            out or int8_path(beside),
            open_dataset(calibration),
            evaluate=open_dataset(evaluation, labels=metadata.labels) if evaluation else None,
            samples=samples,
            seed=seed,
            method=method,  # type: ignore[arg-type]  # click.Choice has checked it
            percentile=PERCENTILE if percentile is None else percentile,
            target=target,  # type: ignore[arg-type]
            activations=activations,  # type: ignore[arg-type]
            form=form,  # type: ignore[arg-type]
            bits=int(bits),
            block=None if block is None else int(block),
            exclude=exclude,
            leave=blocks,
            max_drop=max_drop,
            min_agreement=min_agreement,
            select=open_dataset(select, labels=metadata.labels) if select else None,
            bias_correction=bias_correction,
            frontier=frontier,
            page=page,
            allow_slower=allow_slower,
            strict=strict,
            cache=cache_root() / "calibration" if keeps else None,
            threads=threads,
            named={
                what: name
                for what, name in (
                    ("model", model),
                    ("calibration", calibration),
                    ("evaluate", evaluation),
                )
                if name is not None
            },
            progress=progress,
        )
    if as_json:
        print_json(report)
    else:
        _print(report, page)
    if report.settings["cache"]:
        remark(str(report.settings["cache"]))
    for text in (*(finding.text for finding in report.findings), *report.remarks):
        warn(text)


def _print(report: QuantizeReport, page: Path | None) -> None:
    from edgecnn.calibration.outcome import same_words
    from edgecnn.cli.output import print_table

    rows: list[tuple[str, str, str, str]] = []
    if report.fp32 is not None and report.int8 is not None:
        shares = bool(report.per_class)
        lost = report.int8 - report.fp32
        change = f"{100 * lost:+.2f} points" if shares else f"{lost:+.4f}"
        rows.append((str(report.metric), f"{report.fp32:.4f}", f"{report.int8:.4f}", change))
        for label, scores in report.per_class.items():
            before, after = scores["fp32"].f1, scores["int8"].f1
            if before is not None and after is not None and len(report.per_class) <= 20:
                change = f"{100 * (after - before):+.2f} points"
                rows.append((f"F1 {label}", f"{before:.4f}", f"{after:.4f}", change))
    latency, high, size = report.latency_ms, report.latency_p95_ms, report.size_bytes
    if report.speedup is not None and report.speedup_range is not None:
        low_ratio, high_ratio = report.speedup_range
        rows += [
            (
                "latency ms, median",
                _ms(latency["fp32"]),
                _ms(latency["int8"]),
                f"{report.speedup:.2f}x the speed ({low_ratio:.2f} to {high_ratio:.2f})",
            ),
            ("latency ms, 95 %", _ms(high["fp32"]), _ms(high["int8"]), ""),
        ]
    rows.append(
        (
            "size kB",
            f"{size['fp32'] / 1e3:.1f}",
            f"{size['int8'] / 1e3:.1f}",
            f"{size['int8'] / size['fp32']:.2f}x",
        )
    )
    print_table(("", "FP32", str(report.settings["precision"]), "change"), rows)
    same = same_words(str(report.settings["task"]))
    click.echo(f"{same} in {report.agreement:.2%} of {report.n} examples ({report.agreement_on})")
    settings = report.settings
    click.echo(f"for {settings['target']}: {_types(report)} ({settings['types_reason']})")
    data = f" on {settings['samples']} of {settings['calibration']}" if settings["samples"] else ""
    timed = f"; batch 1, {settings['threads']} threads" if report.speedup is not None else ""
    click.echo(f"{settings['method']}{data}{timed}, {settings['machine']}")
    if report.left_in_fp32:
        blocks = ", ".join(report.left_in_fp32)
        click.echo(f"left in FP32, {settings['left_because']}: {blocks}")
    if report.points:
        best = next(point for point in report.points if point.chosen)
        kept = f" ({', '.join(best.kept)})" if best.kept else ""
        tried = len(report.points)
        click.echo(
            f"within the budget: {best.text()}{kept}; {tried} form{'s' * (tried != 1)} tried"
        )
        click.echo(report.frontier)
    if page is not None:
        click.echo(page)
    click.echo(report.path)


def _types(report: QuantizeReport) -> str:
    settings = report.settings
    if settings["form"] == "fp16":
        return "FP16, inputs and outputs FP32"
    weights = f"{7 if settings['reduce_range'] else 8}-bit weights per channel"
    if settings["block"]:
        return f"4-bit weights, a scale for each {settings['block']}"
    if settings["form"] == "weights":
        return weights
    return f"{settings['activations']} activations, {weights}"


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
