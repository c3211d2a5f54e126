"""``edgecnn score``: ECG files in; beats, tables, annotations and a report out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_files, complete_models
from edgecnn.cli.output import json_option, model_options, remark, warn

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from edgecnn.ecg.record_files import Problem
    from edgecnn.ecg.score import Progress, ScoreSummary

__all__ = ["score"]

#: How often a run without a terminal tells how far it is.
_TELL_S = 60.0


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("paths", nargs=-1, shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the results.",
)
@click.option(
    "--rhythm",
    metavar="FILE",
    shell_complete=complete_models,
    help="A rhythm model as well: episodes of its labels, atrial fibrillation burden.",
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
@click.option(
    "--map",
    "class_map",
    type=click.Choice(["literature", "bxb"]),
    help="Count a model's annotation symbols (N, L, e, A, ...) by AAMI class: bxb has escape beats "
    "as supraventricular.",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A list of records: CSV or JSON Lines with path, and, where wanted, record, lead, "
    "rate_hz, beats.",
)
@click.option("--shard", metavar="I/N", help="Score the I-th of N equal parts of the records.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that score side by side, one thread each [default: 1].",
)
@click.option(
    "--cluster", metavar="ADDRESS|local", help="Score on a Dask cluster: tcp://HOST:PORT, or here."
)
@click.option(
    "--tables",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Format of the tables.",
)
@click.option("--jsonl", is_flag=True, help="Write the beats as beats.jsonl, too.")
@json_option
@partial(model_options, threads="CPU threads of a single process [default: 1].")
def score(
    model: str,
    paths: tuple[str, ...],
    out: Path,
    *,
    rhythm: str | None,
    beats: str,
    rate: float | None,
    lead: str | None,
    class_map: str | None,
    manifest: Path | None,
    shard: str | None,
    workers: int | None,
    cluster: str | None,
    tables: str,
    jsonl: bool,
    as_json: bool,
    provider: str,
    threads: int | None,
    check: bool,
) -> int:
    r"""Find and classify the beats of PATHS: ECG records, folders and patterns of them.

    Records are files of fourteen kinds (WFDB, EDF, CSV, ...); a folder is searched with those in
    it; - reads paths from the standard input, one a line.

    OUT receives records.csv, beats.csv, errors.csv, report.html, an annotation file per record in
    annotations/, a page and a JSON document per record in records/. A record that cannot be read is
    reported, the others are scored, and the exit code is 1. A run that was stopped goes on where it
    was when it is started again. Research software, not a medical device.

    \b
    edgecnn score bundled:ecg-beats recordings/ -o results/
    edgecnn score bundled:ecg-beats ecg.csv --rate 250 -o results/
    edgecnn score bundled:ecg-beats holter/ --rhythm ecg-rhythm.onnx -o out/
    edgecnn score bundled:ecg-beats 'study/**/rest*.hea' -o results/
    edgecnn score bundled:ecg-beats mitdb/ --beats atr -o results/ --json
    edgecnn score bundled:ecg-beats study/ --workers 8 --tables parquet -o out/
    find study -name '*.edf' | edgecnn score bundled:ecg-beats - -o results/
    edgecnn score bundled:ecg-beats study/ --cluster tcp://head:8786 -o out/
    """
    from edgecnn.cli.output import progress_bar
    from edgecnn.ecg.aami import mapped_labels
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.heap import keep_freed_memory
    from edgecnn.runtime.session import load_model

    if not paths and manifest is None:
        raise click.UsageError("Missing argument 'PATHS...'.")
    keep_freed_memory()
    load = partial(load_model, provider=provider, threads=threads or 1, check=check, spinning=False)
    loaded = load(model)
    also = None if rhythm is None else load(rhythm)
    for text in (*loaded.warnings, *(also.warnings if also is not None else ())):
        warn(text)

    labels = mapped_labels(loaded.metadata.labels, class_map)
    if class_map is not None and labels == loaded.metadata.labels:
        remark(
            "the model's labels are AAMI's classes already: escape beats are where it learnt them"
        )
    problems: list[Problem] = []
    latest: Progress | None = None
    try:
        with progress_bar() as bar:
            told = _Told(bar)

            def progress(now: Progress) -> None:
                nonlocal latest
                latest = now
                told(now)

            summary = score_records(
                loaded,
                _paths(paths),
                out,
                rhythm=also,
                beats=beats,
                rate_hz=rate,
                lead=lead,
                class_map=class_map,
                manifest=manifest,
                shard=_shard(shard),
                workers=workers,
                cluster=cluster,
                tables=tables,
                jsonl=jsonl,
                progress=progress,
                on_error=problems.append,
            )
    except KeyboardInterrupt:
        if latest is not None:
            remark(f"{latest.done} of {latest.total} records are done; the same command goes on.")
        raise
    finally:
        _say(problems)
    if summary.links:
        _say_links(summary.links)
    if summary.unused:
        remark(f"not used of {manifest}: {', '.join(summary.unused)}")
    if as_json:
        _print_json(summary, rhythm=also is not None)
    else:
        _print(summary, labels, rhythm=also is not None)
    return 1 if summary.problems else 0


class _Told:
    """Tells how far a run is: in the bar, or a line a minute where there is no terminal."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task = bar.add_task("scoring", total=None)
        self._started = self._last = time.monotonic()

    def __call__(self, now: Progress) -> None:
        text = f"scoring ({now.resumed} were done)" if now.resumed else "scoring"
        self._bar.update(self._task, completed=now.done, total=now.total, description=text)
        moment = time.monotonic()
        if not self._bar.disable or moment - self._last < _TELL_S:
            return
        self._last = moment
        fresh = now.done - now.resumed
        left = ""
        if fresh:
            minutes = (moment - self._started) / fresh * (now.total - now.done) / 60
            left = f", about {max(1, round(minutes)):,} min left"
        remark(f"{now.done:,} of {now.total:,} records{left}")


def _paths(paths: tuple[str, ...]) -> list[str]:
    """Return the paths; in place of ``-``, the lines of the standard input."""
    given: list[str] = []
    for path in paths:
        if path == "-":
            given += (line for text in sys.stdin if (line := text.rstrip("\r\n")))
        else:
            given.append(path)
    return given


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise click.BadParameter(f"{text!r} is not I/N, such as 1/4.", param_hint="'--shard'")
    return int(number), int(count)


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


def _say_links(links: Sequence[tuple[Path, Path]]) -> None:
    link, own = links[0]
    if len(links) == 1:
        remark(f"{link} leads to {own}: scored once")
    else:
        remark(f"{len(links)} links lead to other records: scored once ({link} is {own}, ...)")


def _print_json(summary: ScoreSummary, *, rhythm: bool) -> None:
    from edgecnn.cli.output import print_json
    from edgecnn.ecg.table_rows import record_row

    print_json(
        {
            "records": [
                record_row(r, rhythm=rhythm) | {"annotations": r.annotations}
                for r in summary.records
            ],
            "errors": [
                {"path": p.path, "reason": p.reason, "hint": p.error.hint} for p in summary.problems
            ],
            "links": [[str(link), str(own)] for link, own in summary.links],
            "resumed": summary.resumed,
            "folder": str(summary.folder),
            "report": str(summary.report),
            "ecg_seconds": round(summary.ecg_seconds, 3),
            "seconds": round(summary.seconds, 3),
        }
    )


def _print(summary: ScoreSummary, labels: tuple[str, ...], *, rhythm: bool) -> None:
    from edgecnn.cli.output import print_table
    from edgecnn.ecg.scored_record import UNCLASSIFIED
    from edgecnn.ecg.table_rows import record_row

    rows = [record_row(record, rhythm=rhythm) for record in summary.records]
    shown = [name for name in dict.fromkeys(labels) if name != UNCLASSIFIED]
    if any(row[UNCLASSIFIED] for row in rows):
        shown.append(UNCLASSIFIED)
    columns = ["record", "duration_s", "lead", "beats", *shown, "heart_rate_bpm_mean"]
    columns += ["pvc_burden_percent"]
    if rhythm:
        columns += ["rhythm"]
        if any(row["af_episodes"] is not None for row in rows):
            columns += ["af_burden_percent"]
    columns += ["notes"]
    titles = {"af_burden_percent": "AF %"} | {
        "heart_rate_bpm_mean": "bpm",
        "pvc_burden_percent": "PVC %",
        "duration_s": "s",
    }
    if rows:
        print_table(
            [titles.get(name, name) for name in columns],
            [["" if row[name] is None else row[name] for name in columns] for row in rows],
        )
    beats = sum(record.beats for record in summary.records)
    noun = "record" if len(rows) == 1 else "records"
    text = f"{len(rows)} {noun}, {beats:,} beats, {summary.ecg_seconds / 3600:.2f} h of ECG"
    if summary.problems:
        table = next(summary.folder.glob("errors.*"))
        text += f"; {len(summary.problems)} not scored ({table})"
    if summary.resumed:
        text += f"; {summary.resumed} were done before"
    click.echo(f"{text}, in {summary.seconds:.1f} s")
    click.echo(summary.report)
