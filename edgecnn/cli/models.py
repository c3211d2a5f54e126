"""``edgecnn models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.completion import complete_networks
from edgecnn.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from edgecnn.models.table import NetworkTable
    from edgecnn.models.tracing import ReceptiveField

__all__ = ["models"]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, *, as_json: bool) -> None:
    """List the networks that can be built, and the trained files that come with edgecnn.

    `edgecnn models show NAME` describes one of them layer by layer.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"write --json behind {context.invoked_subcommand}")
        return
    from edgecnn.bundled import bundled_models
    from edgecnn.models import architecture, model_names

    found = {f"bundled:{name}": path for name, path in bundled_models().items()}
    entries = [architecture(name) for name in model_names()]
    if as_json:
        networks = [
            {
                "name": entry.name,
                "family": entry.family,
                "task": entry.task,
                "parameters": entry.parameters,
                "summary": entry.summary,
                "inputs": entry.inputs,
            }
            for entry in entries
        ]
        files = [
            {"name": name, "path": str(path), "size_bytes": path.stat().st_size}
            for name, path in found.items()
        ]
        print_json({"architectures": networks, "bundled": files})
        return
    families = dict.fromkeys(entry.family for entry in entries)
    rows = [
        (entry.family, entry.name, f"{entry.parameters:,}", entry.summary)
        for family in families
        for entry in entries
        if entry.family == family
    ]
    print_table(("family", "network", "parameters", "what"), rows)
    click.echo()
    sizes = [(name, f"{path.stat().st_size / 1e3:.0f}") for name, path in found.items()]
    print_table(("bundled file", "kB"), sizes)


@models.command()
@click.argument("name", shell_complete=complete_networks)
@click.option(
    "--set",
    "arguments",
    metavar="KEY=VALUE",
    multiple=True,
    help="Argument of the network, for example classes=10. Repeatable.",
)
@click.option(
    "--input",
    "shapes",
    metavar="[NAME=]SHAPE",
    multiple=True,
    help="Shape of an input without the batch axis, for example 3,224,224. Repeatable.",
)
@json_option
def show(name: str, arguments: tuple[str, ...], shapes: tuple[str, ...], *, as_json: bool) -> None:
    """Describe a network layer by layer.

    Sizes are those of an exported file's weights; memory is that of activations in FP32 for one
    input. One multiplication with one addition counts once.
    """
    from edgecnn.models.table import describe_network

    table = describe_network(
        name, shapes=_shapes(name, shapes), arguments=dict(map(_argument, arguments))
    )
    if as_json:
        print_json(table)
        return
    _print(table)


def _argument(text: str) -> tuple[str, Any]:
    """Read ``key=value`` with a value in TOML's notation; a bare word is a string."""
    import tomllib

    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise click.UsageError(f"cannot read --set {text}: write it as classes=10")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _shapes(name: str, texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    from edgecnn.models import architecture

    found = {}
    for text in texts:
        key, _, shape = text.rpartition("=")
        sides = shape.replace("x", ",").split(",")
        if not all(side.strip().isdecimal() and 0 < int(side) < 2**31 for side in sides):
            raise click.UsageError(f"cannot read --input {text}: write it as 3,224,224")
        first = next(iter(architecture(name).inputs))
        found[key.strip() or first] = tuple(map(int, sides))
    return found


def _print(table: NetworkTable) -> None:
    from edgecnn.models import architecture

    click.secho(f"{table.name}: {architecture(table.name).summary}", bold=True)
    reads = ", ".join(f"{key} {_sized(shape)}" for key, shape in table.inputs.items())
    click.echo(f"reads {reads}")
    click.echo("arguments " + ", ".join(f"{k}={v!r}" for k, v in table.arguments.items()))
    click.echo()
    rows = [
        (
            layer.name,
            layer.kind,
            _sized(layer.output_shape),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
            _seen(layer.receptive_field),
            f"{layer.activation_bytes / 1e3:,.1f}",
            f"{layer.fp32_bytes / 1e3:,.1f}",
            f"{layer.int8_bytes / 1e3:,.1f}",
        )
        for layer in table.layers
    ]
    print_table(
        (
            "layer", "kind", "output", "parameters", "multiply-adds", "sees", "memory kB",
            "FP32 kB", "INT8 kB",
        ),
        rows,
    )  # fmt: skip
    click.echo()
    share = {layer.name: layer.parameters / max(1, table.parameters) for layer in table.layers}
    largest = ", ".join(f"{each} {share[each]:.0%}" for each in table.largest)
    totals = [
        ("parameters", f"{table.parameters:,}"),
        ("multiply-adds", f"{table.multiply_adds:,}"),
        (
            "size",
            f"{_bytes(table.fp32_bytes)} in FP32, {_bytes(table.int8_bytes)} in INT8",
        ),
        (
            "activations",
            f"{_bytes(table.activation_bytes)}, {_bytes(table.peak_activation_bytes)} at one time "
            "with the input",
        ),
        ("largest", largest),
    ]
    if table.training_only_parameters:
        totals.insert(1, ("in training", f"{table.training_only_parameters:,} more"))
    for title, value in totals:
        click.echo(f"{title:<14}{value}")


def _sized(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.2f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def _seen(field: ReceptiveField) -> str:
    if field is None or isinstance(field, str):
        return field or "-"
    return str(field[0]) if len(set(field)) == 1 else _sized(field)
