"""``edgecnn score``: ECG files in; beats, tables, annotations and a report out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option, model_options, remark, warn

if TYPE_CHECKING:
    from edgecnn.ecg.record_files import Problem
    from edgecnn.ecg.score import ScoreSummary

__all__ = ["score"]


@click.command(short_help="Classify the beats of ECG records.")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the results.",
)
@click.option(
    "--beats",
    default="detect",
    show_default=True,
    metavar="detect|ANNOTATOR",
    help="Find the R peaks, or take those of an annotation file (atr) or within an EDF+ one (edf).",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Sampling rate of files that state none.",
)
@click.option("--lead", metavar="NAME", help="Read this lead instead of the model's own.")
@click.option("--jsonl", is_flag=True, help="Write the beats as beats.jsonl, too.")
@json_option
@model_options
def score(
    model: str,
    paths: tuple[str, ...],
    out: Path,
    *,
    beats: str,
    rate: float | None,
    lead: str | None,
    jsonl: bool,
    as_json: bool,
    provider: str,
    threads: int | None,
    check: bool,
) -> int:
    r"""Find and classify the beats of PATHS: ECG records, folders and patterns of them.

    Records are WFDB, CSV, NumPy and MATLAB files; a folder is searched with those in it.

    OUT receives records.csv, beats.csv, errors.csv, report.html and an annotation file per record
    in annotations/. A record that cannot be read is reported, the others are scored, and the exit
    code is 1. Research software, not a medical device.

    \b
    edgecnn score bundled:ecg-beats recordings/ -o results/
    edgecnn score bundled:ecg-beats ecg.csv --rate 250 -o results/
    edgecnn score bundled:ecg-beats 'study/**/rest*.hea' -o results/
    edgecnn score bundled:ecg-beats mitdb/ --beats atr -o results/ --json
    """
    from edgecnn.cli.output import progress_bar
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.session import load_model

    loaded = load_model(model, provider=provider, threads=threads, check=check, spinning=False)
    for text in loaded.warnings:
        warn(text)

    problems: list[Problem] = []
    try:
        with progress_bar() as bar:
            task = bar.add_task("scoring", total=None)
            summary = score_records(
                loaded,
                paths,
                out,
                beats=beats,
                rate_hz=rate,
                lead=lead,
                jsonl=jsonl,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                on_error=problems.append,
            )
    finally:
        _say(problems)
    if as_json:
        _print_json(summary)
    else:
        _print(summary, loaded.metadata.labels)
    return 1 if summary.problems else 0


def _say(problems: Sequence[Problem]) -> None:
    """Say what went wrong; what went wrong alike, once."""
    alike: dict[tuple[str, str | None], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.reason, problem.error.hint), []).append(problem)
    for (reason, hint), group in alike.items():
        message = group[0].error.message
        if len(group) > 1:
            message = f"{len(group)} files: {reason} (the first is {group[0].path})"
        remark(f"{click.style('error:', fg='red', bold=True)} {message}")
        if hint:
            remark(f"{click.style(' hint:', fg='cyan')} {hint}")


def _print_json(summary: ScoreSummary) -> None:
    from edgecnn.cli.output import print_json
    from edgecnn.ecg.tables import record_row

    print_json(
        {
            "records": [record_row(r) | {"annotations": r.annotations} for r in summary.records],
            "errors": [
                {"path": p.path, "reason": p.reason, "hint": p.error.hint} for p in summary.problems
            ],
            "folder": str(summary.folder),
            "report": str(summary.report),
            "ecg_seconds": round(summary.ecg_seconds, 3),
            "seconds": round(summary.seconds, 3),
        }
    )


def _print(summary: ScoreSummary, labels: tuple[str, ...]) -> None:
    from edgecnn.cli.output import print_table
    from edgecnn.ecg.beats import UNCLASSIFIED
    from edgecnn.ecg.tables import record_row

    rows = [record_row(record) for record in summary.records]
    shown = [name for name in labels if name != UNCLASSIFIED]
    if any(row[UNCLASSIFIED] for row in rows):
        shown.append(UNCLASSIFIED)
    columns = ["record", "duration_s", "lead", "beats", *shown, "heart_rate_bpm_mean"]
    columns += ["pvc_burden_percent", "notes"]
    titles = {"heart_rate_bpm_mean": "bpm", "pvc_burden_percent": "PVC %", "duration_s": "s"}
    if rows:
        print_table(
            [titles.get(name, name) for name in columns],
            [["" if row[name] is None else row[name] for name in columns] for row in rows],
        )
    beats = sum(record.beats for record in summary.records)
    noun = "record" if len(rows) == 1 else "records"
    text = f"{len(rows)} {noun}, {beats:,} beats, {summary.ecg_seconds / 3600:.2f} h of ECG"
    if summary.problems:
        text += f"; {len(summary.problems)} not scored ({summary.folder / 'errors.csv'})"
    click.echo(f"{text}, in {summary.seconds:.1f} s")
    click.echo(summary.report)
