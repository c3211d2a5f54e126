"""The options of ``edgecnn export`` for the form that a file is to have."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edgecnn.export.derive_report import DeriveReport
    from edgecnn.export.report import ExportReport

__all__ = ["Form", "derived", "form_options", "print_derived", "with_export"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Form:
    """What was asked for."""

    fp16: bool
    fp16_io: bool
    fp16_block: tuple[str, ...]
    embed_preprocessing: bool
    embed_decoding: bool
    top: int

    def __post_init__(self) -> None:
        if not self.fp16 and (self.fp16_io or self.fp16_block):
            raise click.UsageError("--fp16-io and --fp16-block go with --fp16")

    @property
    def asked(self) -> bool:
        """Whether any of it was."""
        return self.fp16 or self.embed_preprocessing or self.embed_decoding

    @contextlib.contextmanager
    def stage(self, out: Path) -> Iterator[Path]:
        """Yield where the plain file is to be written: ``out``, or a temporary file."""
        if not self.asked:
            yield out
            return
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
            yield Path(folder, out.name)


def form_options(command: F) -> F:
    """Add the options to a command; it gets them as ``Form``'s fields."""
    options = (
        click.option("--fp16", is_flag=True, help="Weights and arithmetic in FP16, for GPUs."),
        click.option(
            "--fp16-io", is_flag=True, help="Inputs and outputs in FP16 too  [default: FP32]"
        ),
        click.option(
            "--fp16-block",
            multiple=True,
            metavar="NODE|OPERATOR",
            help="Leave it in FP32; may be given again.",
        ),
        click.option(
            "--embed-preprocessing",
            is_flag=True,
            help="Take uint8 BGR frames of any size; resize and normalise in the graph.",
        ),
        click.option(
            "--embed-decoding",
            is_flag=True,
            help="State labels and scores, or boxes after suppression, in the graph.",
        ),
        click.option(
            "--top",
            type=click.IntRange(1),
            default=5,
            show_default=True,
            help="For --embed-decoding: how many labels a classifier lists.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def derived(
    form: Form, source: str | Path, out: Path, *, contract: Path | None, data: Sequence[str]
) -> DeriveReport:
    """Make the form that was asked for of a file, which may need a contract's TOML file.

    It is compared on one dataset or folder; where several files of arrays are named, on drawings.
    """
    from edgecnn.data import open_dataset
    from edgecnn.export.derive import derive_model
    from edgecnn.metadata import read_contract

    return derive_model(
        source,
        out,
        fp16=form.fp16,
        keep_io=not form.fp16_io,
        block=form.fp16_block,
        preprocessing=form.embed_preprocessing,
        decoding=form.embed_decoding,
        top=form.top,
        contract=read_contract(contract) if contract else None,
        data=open_dataset(data[0]) if len(data) == 1 else None,
    )


def print_derived(report: DeriveReport, export: ExportReport | None = None) -> None:
    """Say what was made, and how it was checked; of PyTorch's export before it too."""
    from edgecnn.cli.output import remark
    from edgecnn.runtime.card import size_text

    click.echo(f"{report.path}  {size_text(report.size_bytes)}  sha256 {report.sha256[:16]}...")
    click.echo(f"opset {report.opset}, IR {report.ir_version}; {sum(report.nodes.values())} nodes")
    if export is not None:
        parity = export.parity
        click.echo(
            f"{export.origin} and ONNX Runtime on {parity.samples} inputs: largest difference "
            f"{parity.max_abs:.2g}; tolerance {parity.atol:g} + {parity.rtol:g} |reference|"
        )
    for step in report.steps:
        if step.what == "embed-decoding":
            click.echo(f"{step.what}: the answers that {step.against} gives, {step.samples} times")
            continue
        click.echo(
            f"{step.what} against {step.against} on {step.samples} inputs: same answer in "
            f"{step.agreement:.2%}; largest difference {step.max_abs:.2g}, {step.max_share:.2%} of "
            f"the largest value; tolerance {step.tolerance:.0%}"
        )
    if report.kept_fp32:
        click.echo(f"kept in FP32: {len(report.kept_fp32)} nodes")
        for layer in report.kept_fp32[:8]:
            click.echo(f"  {layer.operator} {layer.node}: {layer.reason}")
        if len(report.kept_fp32) > 8:
            click.echo(f"  ... and {len(report.kept_fp32) - 8} more (--json lists all)")
    if report.decoded is not None:
        click.echo(f"takes {report.input}; gives {', '.join(report.decoded.names)}")
    if report.golden:
        click.echo(f"{report.golden} golden vectors, measured anew")
    for text in report.remarks:
        remark(text)


def with_export(report: DeriveReport, export: ExportReport, source: str) -> dict[str, Any]:
    """Return both reports as one: the file's facts are those of what was written."""
    import msgspec

    plain = {key: value for key, value in msgspec.to_builtins(export).items() if key != "path"}
    return {**plain, **msgspec.to_builtins(report), "source": source}
