"""``edgecnn predict``: pictures, sentences or recordings in, answers out."""

from __future__ import annotations

import contextlib
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_files, complete_models
from edgecnn.cli.live_engine import require_option
from edgecnn.cli.output import (
    json_option,
    metadata_option,
    model_options,
    print_json,
    progress_bar,
    remark,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from rich.progress import Progress

    from edgecnn.runtime.predict import Prediction
    from edgecnn.runtime.prediction_file import PredictionFile
    from edgecnn.runtime.processor import Result
    from edgecnn.runtime.session import Model

__all__ = ["predict"]


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("files", nargs=-1, shell_complete=complete_files)
@click.option("--text", "texts", multiple=True, help="A sentence to answer, for a text model.")
@json_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to save pictures in that the model makes, or draws boxes on.",
)
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a table; a run that was interrupted goes on where it stopped.",
)
@click.option(
    "--jsonl",
    "lines",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write JSON Lines; the same holds.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    help="Pictures that the network takes at once [default: the quickest, found out].",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Sampling rate of recordings that state none.",
)
@click.option("--top", default=5, show_default=True, type=click.IntRange(1), help="Labels a file.")
@require_option
@metadata_option
@model_options
def predict(
    model: str,
    files: tuple[str, ...],
    *,
    texts: tuple[str, ...],
    as_json: bool,
    out: Path | None,
    table: Path | None,
    lines: Path | None,
    batch: int | None,
    rate: float | None,
    top: int,
    metadata: Path | None,
    provider: str,
    threads: int | None,
    check: bool,
    require: bool,
) -> int:
    r"""Run MODEL on FILES: pictures, folders, globs; for a text model, a sentence a line.

    A model of signals answers every fragment of recordings (WFDB, EDF, CSV, ...), at any rate.

    A file that cannot be read is reported, the others are answered, and the exit code is 1.

    Files that --csv and --jsonl name are there, whole, when all is done; until then what is done
    lies in FILE.partial, by content and model, and the same command goes on after it.

    \b
    edgecnn predict bundled:mnist-lenet5 digit.png
    edgecnn predict model.onnx photos/ 'more/*.jpg' --json > answers.jsonl
    edgecnn predict model.onnx archive/ --csv answers.csv
    edgecnn predict sharpen.onnx photos/ -o sharpened/
    edgecnn predict ecg-rhythm.onnx recordings/ --json
    edgecnn predict bundled:rt-polarity-cnn reviews.txt --text "a quiet delight"
    """
    if not files and not texts:
        raise click.UsageError("name at least one file, or give a --text")
    from edgecnn.metadata import read_contract
    from edgecnn.runtime.session import load_model

    loaded = load_model(
        model,
        provider=provider,
        threads=threads,
        check=check,
        contract=read_contract(metadata) if metadata else None,
        spinning=False,
        cache=True,
        require=require,
    )
    for text in loaded.warnings:
        warn(text)
    file = None
    if table is not None or lines is not None:
        from edgecnn.files import sha256_of
        from edgecnn.runtime.prediction_file import PredictionFile

        made_with = {
            "model_sha256": sha256_of(loaded.path),
            "metadata": str(metadata) if metadata else None,
            "provider": loaded.placement.provider,
            "top": top,
            "out": str(out) if out else None,
        }
        file = PredictionFile(table, lines, made_with, remark)
    done = _Done(file)
    with contextlib.closing(done), _Progress(several=_is_many(files) or file is not None) as bar:
        predictions = _predictions(
            loaded, files, texts, top=top, out=out, rate=rate, batch=batch, file=file, progress=bar
        )
        for prediction in predictions:
            done.add(prediction)
            bar.done(done.count)
            if prediction.error is not None:
                remark(f"{click.style('error:', fg='red', bold=True)} {prediction.error.message}")
            if as_json:
                print_json(prediction.row())
            elif file is None and prediction.result is not None:
                saved = prediction.output and f"-> {prediction.output}"
                said = [_described(prediction.result), saved]
                click.echo(f"{_named(prediction)}: {'  '.join(filter(None, said))}")
        if file is not None:
            file.finish()
    if file is not None:
        before = f", {file.again} of them before" if file.again else ""
        remark(
            f"{done.count - done.failed} answered{before}, {done.failed} could not be: "
            f"{', '.join(str(path) for path in (table, lines) if path is not None)}"
        )
    return 1 if done.failed else 0


class _Done:
    """Counts predictions, and keeps them where a file was named."""

    def __init__(self, file: PredictionFile | None) -> None:
        self._file = file
        self._told = self.failed = 0

    @property
    def count(self) -> int:
        """How many inputs are done, those of an earlier run with them."""
        return self._told + (self._file.again if self._file is not None else 0)

    def add(self, prediction: Prediction) -> None:
        """Take one more."""
        self._told += 1
        self.failed += prediction.error is not None
        if self._file is not None:
            self._file.add(prediction)

    def close(self) -> None:
        """Let go of the file, also after an error."""
        if self._file is not None:
            self._file.close()


class _Progress:
    """A bar where there is someone to see it and something to wait for."""

    def __init__(self, *, several: bool) -> None:
        self._bar: Progress | None = None
        if several and sys.stderr.isatty():
            self._bar = progress_bar()
            self._task = self._bar.add_task("answering", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def total(self, count: int) -> None:
        """Take note how many there are."""
        if self._bar is not None:
            self._bar.update(self._task, total=count)

    def done(self, count: int) -> None:
        """Show how many are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=count)


def _is_many(files: tuple[str, ...]) -> bool:
    return len(files) > 1 or any(Path(file).is_dir() or set(file) & set("*?[") for file in files)


def _predictions(
    model: Model,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    *,
    top: int,
    out: Path | None,
    rate: float | None,
    batch: int | None,
    file: PredictionFile | None,
    progress: _Progress,
) -> Iterator[Prediction]:
    """Answer by what the model reads."""
    from edgecnn.metadata import SignalInput, TextInput

    reads_pictures = not isinstance(model.metadata.input, SignalInput | TextInput) and not texts
    if batch is not None and not reads_pictures:
        raise click.UsageError("--batch is for pictures: this model reads none")
    if isinstance(model.metadata.input, SignalInput) and not texts:
        from edgecnn.ecg.predict_records import predict_records

        if out is not None:
            raise click.UsageError("a signal model makes no pictures: -o has no meaning")
        return predict_records(model, files, top=top, rate_hz=rate)
    if rate is not None:
        raise click.UsageError("--rate is for recordings: this model reads none")

    if texts or isinstance(model.metadata.input, TextInput):
        from edgecnn.runtime.texts import predict_sentences, predict_text_files

        if out is not None:
            raise click.UsageError("a text model makes no pictures: -o has no meaning")
        given = predict_sentences(model, [(text, text) for text in texts], top=top)
        return chain(given, predict_text_files(model, files, top=top))
    from edgecnn.runtime.predict import predict_files

    def listed(inputs: list[str]) -> None:
        progress.total(len(inputs))
        if file is not None:
            file.listed(inputs)

    return predict_files(
        model,
        files,
        top=top,
        out=out,
        batch=batch,
        skip=file.is_done if file is not None else lambda _: False,
        listed=listed,
        say=remark,
    )


def _named(prediction: Prediction) -> str:
    """Return the input's name, with the stretch of a recording that was answered."""
    fields = prediction.result.fields if prediction.result is not None else {}
    if "start_s" not in fields:
        return prediction.input
    return f"{prediction.input} {fields['start_s']:g} to {fields['end_s']:g} s"


def _described(result: Result) -> str:
    """Return an answer on one line: the label with the best ones, or what every box holds."""
    if not result.label:
        return "{} x {} pixels".format(*result.fields["size"])
    if "labels" in result.fields:
        return _findings(result)
    boxes = result.fields.get("boxes")
    listed = result.top if boxes is None else [(label, score) for *_, label, score in boxes]
    best = "  ".join(f"{label} {100 * score:.1f} %" for label, score in listed)
    return f"{click.style(result.label, bold=True)}  ({best})" if best else result.label


def _findings(result: Result) -> str:
    """Return all labels that reached their thresholds."""
    found = [f"{label} {100 * score:.1f} %" for label, score in result.fields["labels"]]
    return click.style(", ".join(found), bold=True) if found else "nothing reaches its threshold"
