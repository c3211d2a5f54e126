"""``edgecnn demo``: the main job on the bundled models, offline, with its answers checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option, print_json, remark

if TYPE_CHECKING:
    from edgecnn.demo import DemoReport

__all__ = ["demo"]


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("edgecnn-demo"),
    show_default=True,
    help="Folder for what the demo writes.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    help="Length of the camera's part [default: 10, with --web 60].",
)
@click.option(
    "--web",
    is_flag=False,
    flag_value="127.0.0.1:8080",
    metavar="[HOST:PORT]",
    help="Show the camera's part on a page [127.0.0.1:8080].",
)
@json_option
@click.pass_context
def demo(
    ctx: click.Context, output: Path, seconds: float | None, web: str | None, *, as_json: bool
) -> None:
    """Run the main job on the bundled models, and check the answers.

    A camera that draws digits goes through the live engine, a drawn ECG with PVCs through batch
    scoring. Nothing is downloaded. Exit code 1 when an answer is wrong.
    """
    from edgecnn.demo import run_demo

    length = seconds if seconds is not None else (60.0 if web is not None else 10.0)
    report = run_demo(output, seconds=length, web=web, say=remark)
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report)
    if not report.good:
        ctx.exit(1)


def _print(report: DemoReport) -> None:
    camera, ecg = report.camera, report.ecg
    summary = camera.summary
    other = {name: ms for name, ms in camera.run_ms.items() if name != camera.model}
    raced = "".join(
        f" ({name} takes {ms / camera.run_ms[camera.model]:.1f} times as long)"
        for name, ms in other.items()
    )
    _line("camera", f"{camera.answered} frames of drawn digits, {summary.fps:.1f} frames a second")
    _line("", f"{camera.model} on {summary.provider}{raced}")
    _line(
        "",
        f"capture to answer: half within {summary.latency_ms['p50']:.1f} ms, "
        f"99 % within {summary.latency_ms['p99']:.1f} ms",
    )
    _line(
        "",
        f"captured {summary.captured} = processed {summary.processed} + dropped "
        f"{summary.dropped} + failed {summary.failed}",
    )
    _verdict(
        f"{camera.right} of {camera.answered} answers are the digit that was drawn",
        good=camera.good,
    )
    _line(
        "ecg",
        f"{ecg.seconds:g} s of a drawn ECG, {ecg.drawn} beats, {ecg.drawn_pvcs} of them "
        f"PVCs; scored in {ecg.score_ms:.0f} ms",
    )
    _verdict(
        f"{ecg.found} of {ecg.drawn} beats found; {ecg.pvcs_found} of {ecg.drawn_pvcs} PVCs "
        f"called V, {ecg.pvcs_false} other beats called V",
        good=ecg.good,
    )
    _line("look", f"{report.folder}/camera.mkv              the camera with its answers")
    _line("", f"{report.folder}/ecg-results/report.html  the ECG with its beats")
    _line("next", "edgecnn live bundled:mnist-lenet5 --source 0 --web   your own camera")
    _line("", "edgecnn score bundled:ecg-beats RECORD... -o results  your own recordings")


def _line(title: str, text: str) -> None:
    click.echo(click.style(f"{title:<8}", bold=True) + text)


def _verdict(text: str, *, good: bool) -> None:
    mark = click.style("right", fg="green") if good else click.style("WRONG", fg="red", bold=True)
    click.echo(f"{'':<8}{mark}: {text}")
