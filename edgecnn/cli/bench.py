"""``edgecnn bench``."""

from __future__ import annotations

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.output import json_option, print_json, print_table, progress_bar, remark


def _numbers(_: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Parse ``1,8,32``."""
    try:
        numbers = tuple(int(part) for part in (text or "").split(",") if part)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list such as 1,8,32") from None
    if any(number < 1 for number in numbers) or (text is not None and not numbers):
        raise click.BadParameter(f"{text!r}: the numbers start at 1")
    return numbers


def _names(_: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """Parse ``cpu,cuda``."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise click.BadParameter(f"{text!r} names none")
    return names


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--batch",
    "batches",
    default="1",
    show_default=True,
    callback=_numbers,
    metavar="N,...",
    help="Batch sizes.",
)
@click.option(
    "--threads",
    callback=_numbers,
    metavar="N,...",
    help="Threads per operator. [default: the CPUs that may be used]",
)
@click.option(
    "--provider",
    "providers",
    default="auto",
    show_default=True,
    callback=_names,
    metavar="NAME,...",
    help="Execution providers: auto, cpu, cuda, ...",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="How long each configuration is timed.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="In how many turns, so that all share the machine's moods.",
)
@json_option
def bench(
    *,
    model: str,
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    providers: tuple[str, ...],
    seconds: float,
    rounds: int,
    as_json: bool,
) -> None:
    """Measure a MODEL file: latency, throughput and peak memory.

    Every combination of providers, thread counts and batch sizes is measured in a process of its
    own, in turns. Opening and warming up are told apart from the latency.
    """
    from edgecnn.runtime.bench import bench_model

    total = len(providers) * max(1, len(threads)) * len(batches) * rounds
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=total)
        report = bench_model(
            model,
            providers=providers,
            threads=threads,
            batches=batches,
            seconds=seconds,
            rounds=rounds,
            on_round=lambda done: bar.update(task, completed=done),
        )
    if as_json:
        print_json(report)
        return
    remark(f"{report.machine}, ONNX Runtime {report.onnxruntime}")
    print_table(
        ("provider", "nodes", "threads", "batch", "p50 ms", "p95 ms", "inputs/s", "peak MB"),
        [
            (
                row.provider,
                row.nodes_on_provider,
                row.threads,
                row.batch,
                f"{row.latency_ms['p50']:.3f}",
                f"{row.latency_ms['p95']:.3f}",
                f"{row.throughput_per_s:,.1f}",
                f"{row.peak_rss_bytes / 1e6:.0f}",
            )
            for row in report.rows
        ],
    )
