"""``edgecnn ecg``: what is done with ECG annotations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_files
from edgecnn.cli.output import json_option, remark

if TYPE_CHECKING:
    from edgecnn.ecg.ec57.evaluate import Evaluation
    from edgecnn.ecg.record_files import Problem

__all__ = ["ecg"]


@click.group()
def ecg() -> None:
    """Judge ECG annotations against a reference.

    `edgecnn ecg evaluate` compares two annotators as ANSI/AAMI EC57 does.
    """


@ecg.command(short_help="Compare two annotators as ANSI/AAMI EC57 does.")
@click.argument("records", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--reference", default="atr", show_default=True, help="Annotator that is right.")
@click.option("--test", default="edge", show_default=True, help="Annotator that is judged.")
@click.option(
    "--test-dir",
    type=click.Path(path_type=Path),
    help="Folder of the test annotator's files [default: beside the reference's].",
)
@click.option(
    "--beside",
    metavar="FOLDER|ANNOTATOR",
    help="Judge a second test as well, class by class beside the first (an INT8 file's results): "
    "the folder of its files, or its annotator.",
)
@click.option(
    "--map",
    "class_map",
    type=click.Choice(["literature", "bxb"]),
    default="literature",
    show_default=True,
    help="Classes of beats; bxb counts escape beats as supraventricular.",
)
@click.option(
    "-f",
    "--from",
    "start_s",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="S",
    help="Where to begin, in seconds.",
)
@click.option(
    "-t", "--to", "end_s", type=click.FloatRange(min=0), metavar="S", help="Where to end."
)
@click.option(
    "-w",
    "--window",
    "window_ms",
    type=click.FloatRange(0, 1000),
    default=150.0,
    show_default=True,
    metavar="MS",
    help="How far apart a pair of beats may be.",
)
@click.option(
    "--vf",
    type=click.Choice(["reference", "either", "own"]),
    default="reference",
    show_default=True,
    help="Whose ventricular flutter or fibrillation beats are left out of.",
)
@click.option(
    "--rhythm",
    "rhythms",
    multiple=True,
    metavar="NAME",
    help="Compare episodes of this rhythm, too: AFL, SVTA. Repeatable.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Sampling rate of records that state none.",
)
@click.option("-C", "style", flag_value="condensed", help="Print all records as one.")
@click.option("-L", "style", flag_value="line", default="line", help="Print a line per record.")
@click.option("-S", "style", flag_value="standard", help="Print matrices per record.")
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report, tables (CSV) and JSON.",
)
@json_option
def evaluate(
    records: tuple[str, ...],
    reference: str,
    test: str,
    *,
    test_dir: Path | None,
    beside: str | None,
    class_map: str,
    start_s: float,
    end_s: float | None,
    window_ms: float,
    vf: str,
    rhythms: tuple[str, ...],
    rate: float | None,
    style: str,
    out: Path | None,
    as_json: bool,
) -> int:
    r"""Compare two annotators of RECORDS: WFDB records, folders and patterns of them.

    Beat by beat, run by run, and episode by episode (atrial fibrillation, ventricular flutter and
    fibrillation), with gross and average statistics and 95 % intervals. The first five minutes are
    left out, as the standard has it.

    A record that cannot be compared is reported, the others are compared, and the exit code is 1.

    \b
    edgecnn ecg evaluate mitdb/ --test-dir results/annotations
    edgecnn ecg evaluate mitdb/ --test-dir fp32/ --beside int8/
    edgecnn ecg evaluate mitdb/ --test qrs --from 0 -S
    edgecnn ecg evaluate 'mitdb/2*' --test gqrs --map bxb -o judged/
    """
    from edgecnn.cli.output import print_json, progress_bar
    from edgecnn.ecg.ec57.beside import beside_document, beside_text, put_beside
    from edgecnn.ecg.ec57.comparison import Protocol
    from edgecnn.ecg.ec57.documents import json_document
    from edgecnn.ecg.ec57.evaluate import evaluate_records
    from edgecnn.ecg.ec57.results import check_folder, write_evaluation
    from edgecnn.ecg.ec57.text import text_report

    standard = Protocol().rhythms
    named = (name.removeprefix("(").upper() for name in rhythms)
    protocol = Protocol(
        class_map=class_map,
        start_s=start_s,
        end_s=end_s,
        window_s=window_ms / 1000,
        vf=vf,
        rhythms=tuple(dict.fromkeys((*standard, *named))),
    )
    if out is not None:
        check_folder(out)
    with progress_bar() as bar:
        task = bar.add_task("comparing", total=None)

        def judged(test: str, folder: Path | None) -> Evaluation:
            return evaluate_records(
                records,
                reference=reference,
                test=test,
                test_dir=folder,
                protocol=protocol,
                rate_hz=rate,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )

        evaluation = judged(test, test_dir)
        both = None
        if beside is not None:
            other = Path(beside)
            second = judged(test, other) if other.is_dir() else judged(beside, test_dir)
            both = put_beside(evaluation, second, (str(test_dir or test), beside))
    report = None
    if out is not None:
        report = write_evaluation(evaluation, out, style=style, beside=both)
    problems = list(evaluation.problems)
    if both is not None:
        problems += both.second.problems
    _say(problems)
    if as_json:
        document = json_document(evaluation)
        print_json(document if both is None else document | {"beside": beside_document(both)})
    else:
        if evaluation.records:
            click.echo(text_report(evaluation, style), nl=False)
        if both is not None:
            click.echo(f"\n{beside_text(both)}", nl=False)
        if report is not None:
            click.echo(report)
    return 1 if problems else 0


def _say(problems: Iterable[Problem]) -> None:
    """Say of each problem what went wrong; what both tests lack, once."""
    for problem in {(problem.path, problem.reason): problem for problem in problems}.values():
        remark(f"{click.style('error:', fg='red', bold=True)} {problem.path}: {problem.reason}")
        if problem.error.hint:
            remark(f"{click.style(' hint:', fg='cyan')} {problem.error.hint}")
