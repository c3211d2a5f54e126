"""``edgecnn explain``: sheets of what happens inside a model."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.output import json_option, metadata_option

__all__ = ["explain"]


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("input", type=click.Path(path_type=Path), required=False)
@click.option("--text", metavar="SENTENCE", help="A text in place of INPUT, for a text model.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the sheets.",
)
@click.option(
    "--at", "at_s", type=click.FloatRange(0), metavar="SECONDS", help="Which heartbeat or fragment."
)
@click.option("--lead", metavar="NAME", help="Of an ECG: this lead instead of the model's own.")
@click.option(
    "--rate",
    "rate_hz",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Of an ECG: sampling rate where the file states none.",
)
@metadata_option
@json_option
def explain(
    model: str,
    input: Path | None,
    *,
    text: str | None,
    out: Path,
    at_s: float | None,
    lead: str | None,
    rate_hz: float | None,
    metadata: Path | None,
    as_json: bool,
) -> None:
    r"""Draw what MODEL makes of INPUT, a picture, an ECG record or a text, as PNG sheets.

    \b
    evidence.png   where in the input the evidence for each class lies; of a
                   generator of text, what it expected at each character
    layers.png     what every layer makes of it
    kernels.png    the first convolution's kernels
    layers/        every feature map of every layer

    All of it comes from the .onnx file, quantized or not: neither PyTorch nor gradients are needed.

    \b
    edgecnn explain bundled:cifar10-resnet truck.png -o inside/
    edgecnn explain bundled:ecg-beats recordings/100.hea -o inside/ --at 63.5
    edgecnn explain bundled:rt-polarity-cnn --text "a quiet delight" -o inside/
    edgecnn explain bundled:shakespeare-lstm --text "To be" -o inside/
    """
    if (input is None) == (text is None):
        raise click.UsageError("give either an INPUT file or a --text")
    from edgecnn.cli.output import print_json, warn
    from edgecnn.explain.explain import explain_model, explain_sentence
    from edgecnn.metadata import BeatInput, read_contract
    from edgecnn.runtime.session import load_model

    loaded = load_model(
        model, provider="cpu", contract=read_contract(metadata) if metadata else None
    )
    for warning in loaded.warnings:
        warn(warning)
    if text is not None:
        if (at_s, lead, rate_hz) != (None,) * 3:
            raise click.UsageError("--at, --lead and --rate are for an ECG, not for a --text")
        explanation = explain_sentence(loaded, text, out)
    else:
        assert input is not None
        explanation = explain_model(loaded, input, out, at_s=at_s, lead=lead, rate_hz=rate_hz)
    if as_json:
        print_json(explanation)
        return
    if explanation.label is not None:
        said = explanation.input if text is None else "the text"
        label, about = explanation.label, ""
        if loaded.metadata.task == "generate":
            # A character: it may be a space, or a line's end.
            label, about = repr(label), "next comes "
        elif isinstance(loaded.metadata.input, BeatInput) and at_s is None:
            about = "a beat of each class that was found, first "
        click.echo(f"{said}: {about}{click.style(label, bold=True)}")
    for file in explanation.files:
        if "/layers/" not in file:
            click.echo(file)
    click.echo(f"{explanation.layers} layers in {out / 'layers'}")
