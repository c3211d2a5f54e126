"""``edgecnn predict``: pictures, sentences or recordings in, answers out."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.live_engine import require_option
from edgecnn.cli.output import json_option, metadata_option, model_options, print_json, remark, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgecnn.runtime.predict import Prediction
    from edgecnn.runtime.processor import Result
    from edgecnn.runtime.session import Model

__all__ = ["predict"]


@click.command(short_help="Answer pictures, sentences or recordings.")
@click.argument("model")
@click.argument("files", nargs=-1)
@click.option("--text", "texts", multiple=True, help="A sentence to answer, for a text model.")
@json_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to save pictures in that the model makes, or draws boxes on.",
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

    \b
    edgecnn predict bundled:mnist-lenet5 digit.png
    edgecnn predict model.onnx photos/ 'more/*.jpg' --json > answers.jsonl
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
        cache=True,
        require=require,
    )
    for text in loaded.warnings:
        warn(text)
    failed = 0
    for prediction in _predictions(loaded, files, texts, top=top, out=out, rate=rate):
        if prediction.error is not None:
            failed += 1
            remark(f"{click.style('error:', fg='red', bold=True)} {prediction.error.message}")
        if as_json:
            print_json(prediction.row())
        elif prediction.result is not None:
            said = [_described(prediction.result), prediction.output and f"-> {prediction.output}"]
            click.echo(f"{_named(prediction)}: {'  '.join(filter(None, said))}")
    return 1 if failed else 0


def _predictions(
    model: Model,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    *,
    top: int,
    out: Path | None,
    rate: float | None,
) -> Iterator[Prediction]:
    """Answer by what the model reads."""
    from edgecnn.metadata import SignalInput, TextInput

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

    return predict_files(model, files, top=top, out=out)


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
