"""The kinds of sources that ``edgecnn export`` takes, and what is called for each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.export_contract import Described, names, refuse

if TYPE_CHECKING:
    from edgecnn.export.report import ExportReport

__all__ = ["export_own", "export_trained", "is_network", "print_export"]


def is_network(source: str) -> bool:
    """Tell whether a source is a network of the user's own, not a checkpoint of ``train``."""
    return _is_factory(source) or Path(source).suffix.lower() in (".onnx", ".pt2")


def export_own(
    source: str,
    target: Path,
    *,
    described: Described,
    toml: Path | None,
    weights: Path | None,
    opset: int | None,
    dynamic: str | None,
    outputs: str | None,
    verify_with: tuple[str, ...],
    atol: float,
    rtol: float,
) -> ExportReport:
    """Export ``module:factory``, a ``.pt2`` or a foreign ``.onnx``."""
    from edgecnn.cli.output import fetch_data, warn
    from edgecnn.export.exporter import export_model
    from edgecnn.export.open_source import named_as, open_source, own_contract
    from edgecnn.export.verify_data import named_samples

    contract = None
    if toml is not None or Path(source).suffix.lower() != ".onnx":
        contract = described.contract(source, toml)
    if _is_factory(source) and weights is None:
        warn("no --weights: the network is exported with the values it was built with")
    axes = names(dynamic)
    network = open_source(source, weights=weights, free_batch="batch" in axes)
    if contract is None:
        contract = (
            named_as(network, described.contract(source, None))
            if described.anything
            else own_contract(network)
        )
    fetch_data(*verify_with)
    return export_model(
        network,
        contract,
        named_samples(verify_with, contract) if verify_with else None,
        target,
        opset=opset,
        dynamic=axes,
        outputs=names(outputs),
        atol=atol,
        rtol=rtol,
    )


def export_trained(
    source: str,
    target: Path,
    *,
    described: Described,
    toml: Path | None,
    weights: Path | None,
    opset: int | None,
    dynamic: str | None,
    outputs: str | None,
    verify_with: tuple[str, ...],
    atol: float,
    rtol: float,
) -> ExportReport:
    """Export a checkpoint of ``edgecnn train``."""
    refuse(
        "a checkpoint brings its own",
        weights=weights,
        metadata=toml,
        outputs=outputs,
        **described.given,
    )
    from edgecnn.cli.output import fetch_data
    from edgecnn.errors import DatasetError, MissingFileError
    from edgecnn.training.checkpoint import load_checkpoint
    from edgecnn.training.exporting import export_checkpoint

    if verify_with:
        fetch_data(*verify_with)
    else:
        recipe = load_checkpoint(Path(source)).recipe
        # The export says that it does without.
        with contextlib.suppress(DatasetError, MissingFileError):
            fetch_data(recipe.data.train)
    return export_checkpoint(
        Path(source),
        target,
        opset=opset,
        dynamic=names(dynamic),
        data=verify_with or None,
        atol=atol,
        rtol=rtol,
    )


def print_export(report: ExportReport) -> None:
    """Print what was exported, and how near it comes."""
    from edgecnn.cli.output import warn
    from edgecnn.runtime.card import size_text

    for text in report.remarks:
        warn(text)
    parity = report.parity
    nodes = ", ".join(f"{count} {name}" for name, count in report.nodes.items())
    size = size_text(report.size_bytes)
    oldest = (
        f", for ONNX Runtime {report.oldest_runtime} and newer" if report.oldest_runtime else ""
    )
    click.echo(f"{report.path}  {size}  sha256 {report.sha256[:16]}...{oldest}")
    click.echo(
        f"opset {report.opset}, IR {report.ir_version}, {report.parameters:,} parameters; {nodes}"
    )
    click.echo(
        f"{report.origin} and ONNX Runtime on {parity.samples} inputs: largest difference "
        f"{parity.max_abs:.2g} (relative {parity.max_rel:.2g})"
        + ("" if parity.top1_agreement is None else f", same label in {parity.top1_agreement:.2%}")
        + f"; tolerance {parity.atol:g} + {parity.rtol:g} |reference|"
    )
    if report.axes:
        tried = "; ".join(
            f"{axis} {', '.join(map(str, sizes))}" for axis, sizes in report.axes.items()
        )
        click.echo(f"free axes, each tried: {tried}")
    if report.golden:
        click.echo(f"{report.golden} golden vectors")


def _is_factory(source: str) -> bool:
    # A Windows drive is no module, a path that exists no factory.
    return ":" in source and not Path(source).exists()
