"""``edgecnn inspect``."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.output import json_option, print_json, print_table, warn


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--provider",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Where the nodes are to run: auto, cpu, cuda, ...",
)
@click.option("--layers", is_flag=True, help="A table of all nodes instead of the card.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with the graph drawn.",
)
@click.option(
    "--write",
    "toml",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Put the contract of a TOML file into the model; needs -o.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For --write: the new file.",
)
@json_option
def inspect(
    *,
    model: str,
    provider: str,
    layers: bool,
    html: Path | None,
    toml: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    r"""Say what a MODEL file holds.

    Its contract (labels, preprocessing, provenance, measured accuracy) as stored; its graph: nodes
    as ONNX Runtime places them, parameters, multiply-adds, memory, the oldest ONNX Runtime that
    loads it. A file without a contract shows its graph, and --write gives it one.

    \b
    edgecnn inspect bundled:digits-yolo --html digits.html
    edgecnn inspect nano.onnx --write docs/contracts/yolox-nano.toml -o yolox.onnx
    """
    if (toml is None) != (out is None):
        raise click.UsageError("--write and -o go together")
    if toml is not None and out is not None:
        _write(model, toml, out)
        model = str(out)
    from edgecnn.runtime.card import model_card
    from edgecnn.runtime.inspection import inspect_model

    inspection = inspect_model(model, provider=provider)
    if html is not None:
        from edgecnn.runtime.inspection_page import write_inspection_page

        write_inspection_page(html, inspection)
    if as_json:
        print_json(inspection)
        return
    for remark in inspection.remarks:
        warn(remark)
    if layers:
        from edgecnn.runtime.layer_costs import table_rows

        print_table(*table_rows(inspection.costs))
        return
    page = [] if html is None else [("page", str(html))]
    for what, text in (*model_card(inspection), *page):
        if what != "remark":
            click.echo(f"{click.style(f'{what:11}', dim=True)} {text}")


def _write(model: str, toml: Path, out: Path) -> None:
    from edgecnn.cli.output import remark
    from edgecnn.export.golden import without_golden
    from edgecnn.export.write_contract import write_contract
    from edgecnn.metadata import read_contract

    contract = read_contract(toml)
    if not write_contract(model, out, contract):
        remark(without_golden(contract))
