"""The kinds of sources that ``edgecnn export`` takes, and what is called for each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.export_contract import refuse

if TYPE_CHECKING:
    from edgecnn.cli.export_contract import Described
    from edgecnn.cli.export_settings import Settings
    from edgecnn.export.derive_report import DeriveReport
    from edgecnn.export.report import ExportReport

__all__ = ["export_own", "export_trained", "is_network", "print_export", "print_file"]


def is_network(source: str) -> bool:
    """Tell whether a source is a network of the user's own, not a checkpoint of ``train``."""
    return _is_factory(source) or Path(source).suffix.lower() in (".onnx", ".pt2")


def export_own(
    source: str,
    target: Path,
    *,
    described: Described,
    settings: Settings,
) -> ExportReport:
    """Export ``module:factory``, a ``.pt2`` or a foreign ``.onnx``."""
    from edgecnn.cli.output import fetch_data, warn
    from edgecnn.export.exporter import export_model
    from edgecnn.export.open_source import named_as, open_source, own_contract
    from edgecnn.export.verify_data import named_samples

    contract = None
    if any(described.given.values()) or Path(source).suffix.lower() != ".onnx":
        contract = described.contract(source)
    if _is_factory(source) and settings.weights is None:
        warn("no --weights: the network is exported with the values it was built with")
    network = open_source(source, weights=settings.weights, free_batch="batch" in settings.dynamic)
    if contract is None:
        contract = own_contract(network)
    elif described.metadata is None:
        contract = named_as(network, contract)
    fetch_data(*settings.verify_with)
    return export_model(
        network,
        contract,
        named_samples(settings.verify_with, contract) if settings.verify_with else None,
        target,
        opset=settings.opset,
        dynamic=settings.dynamic,
        outputs=settings.outputs,
        atol=settings.atol,
        rtol=settings.rtol,
    )


def export_trained(
    source: str,
    target: Path,
    *,
    described: Described,
    settings: Settings,
) -> ExportReport:
    """Export a checkpoint of ``edgecnn train``."""
    refuse(
        "a checkpoint brings its own",
        weights=settings.weights,
        outputs=settings.outputs or None,
        **described.given,
    )
    from edgecnn.cli.output import fetch_data
    from edgecnn.errors import DatasetError, MissingFileError
    from edgecnn.training.checkpoint import load_checkpoint
    from edgecnn.training.exporting import export_checkpoint

    if settings.verify_with:
        fetch_data(*settings.verify_with)
    else:
        recipe = load_checkpoint(Path(source)).recipe
        # The export says that it does without.
        with contextlib.suppress(DatasetError, MissingFileError):
            fetch_data(recipe.data.train)
    return export_checkpoint(
        Path(source),
        target,
        opset=settings.opset,
        dynamic=settings.dynamic,
        data=settings.verify_with or None,
        atol=settings.atol,
        rtol=settings.rtol,
    )


def print_file(report: ExportReport | DeriveReport) -> None:
    """Print what was written, and what reads it."""
    from edgecnn.runtime.card import size_text

    oldest = report.oldest_runtime
    click.echo(
        f"{report.path}  {size_text(report.size_bytes)}  sha256 {report.sha256[:16]}..."
        + (f", for ONNX Runtime {oldest} and newer" if oldest else "")
    )


def print_export(report: ExportReport) -> None:
    """Print what was exported, and how near it comes."""
    from edgecnn.cli.output import warn

    for text in report.remarks:
        warn(text)
    parity = report.parity
    nodes = ", ".join(f"{count} {name}" for name, count in report.nodes.items())
    print_file(report)
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
