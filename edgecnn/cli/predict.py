"""``edgecnn predict``: picture files in, answers out."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, model_options, print_json, remark, warn

__all__ = ["predict"]


@click.command(short_help="Answer picture files.")
@click.argument("model")
@click.argument("files", nargs=-1, required=True)
@json_option
@click.option("--top", default=5, show_default=True, type=click.IntRange(1), help="Labels a file.")
@model_options
def predict(
    model: str,
    files: tuple[str, ...],
    *,
    as_json: bool,
    top: int,
    provider: str,
    threads: int | None,
    check: bool,
) -> int:
    r"""Run MODEL on FILES: pictures, folders, globs.

    A file that cannot be read is reported, the others are answered, and the exit code is 1.

    \b
    edgecnn predict bundled:mnist-lenet5 digit.png
    edgecnn predict model.onnx photos/ 'more/*.jpg' --json > answers.jsonl
    """
    from edgecnn.runtime.predict import predict_files
    from edgecnn.runtime.session import load_model

    loaded = load_model(model, provider=provider, threads=threads, check=check)
    for text in loaded.warnings:
        warn(text)
    failed = 0
    for prediction in predict_files(loaded, files, top=top):
        if prediction.error is not None:
            failed += 1
            remark(f"{click.style('error:', fg='red', bold=True)} {prediction.error.message}")
        if as_json:
            print_json(prediction.row())
        elif prediction.result is not None:
            best = "  ".join(
                f"{label} {100 * score:.1f} %" for label, score in prediction.result.top
            )
            label = prediction.result.label
            click.echo(f"{prediction.input}: {click.style(label, bold=True)}  ({best})")
    return 1 if failed else 0
