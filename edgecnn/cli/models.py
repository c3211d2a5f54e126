"""``edgecnn models``."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, print_json, print_table, remark

__all__ = ["models"]


@click.command()
@json_option
def models(*, as_json: bool) -> None:
    """List the networks that can be built, and the trained files that come with edgecnn."""
    from edgecnn.bundled import bundled_models

    found = {f"bundled:{name}": path for name, path in bundled_models().items()}
    networks = _networks()
    if as_json:
        files = [
            {"name": name, "path": str(path), "size_bytes": path.stat().st_size}
            for name, path in found.items()
        ]
        print_json({"architectures": networks, "bundled": files})
        return
    if networks is None:
        remark(
            "networks are built with PyTorch, which is not installed: pip install edgecnn[train]"
        )
    else:
        rows = [
            (network["name"], f"{network['parameters']:,}", network["summary"])
            for network in networks
        ]
        print_table(("network", "parameters", "what"), rows)
        click.echo()
    sizes = [(name, f"{path.stat().st_size / 1e3:.0f}") for name, path in found.items()]
    print_table(("bundled file", "kB"), sizes)


def _networks() -> list[dict[str, object]] | None:
    """Describe the registered networks; None without PyTorch."""
    try:
        from edgecnn.models import architecture, model_names
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return None
    entries = [architecture(name) for name in model_names()]
    return [
        {
            "name": entry.name,
            "parameters": entry.count_parameters(),
            "summary": entry.summary,
            "inputs": entry.inputs,
        }
        for entry in entries
    ]
