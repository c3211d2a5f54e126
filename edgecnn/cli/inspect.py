"""``edgecnn inspect``."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, print_json, warn


@click.command()
@click.argument("model")
@click.option(
    "--provider",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Where the nodes are to run: auto, cpu, cuda, ...",
)
@json_option
def inspect(*, model: str, provider: str, as_json: bool) -> None:
    """Say what a MODEL file holds.

    Its contract (labels, preprocessing, provenance, measured accuracy) as stored, and a summary of
    its graph as ONNX Runtime places it. A file without a contract shows its graph.
    """
    from edgecnn.runtime.card import model_card
    from edgecnn.runtime.inspection import inspect_model

    inspection = inspect_model(model, provider=provider)
    if as_json:
        print_json(inspection)
        return
    for remark in inspection.remarks:
        warn(remark)
    for what, text in model_card(inspection):
        if what != "remark":
            click.echo(f"{click.style(f'{what:11}', dim=True)} {text}")
