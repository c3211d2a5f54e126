"""The options of ``edgecnn export`` for the form that a file is to have."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.export_source import print_file
from edgecnn.cli.grouped import grouped

if TYPE_CHECKING:
    from edgecnn.export.derive_report import DeriveReport
    from edgecnn.export.report import ExportReport

__all__ = ["Form", "derived", "form_options", "print_derived", "with_export"]


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


#: Adds the options to a command, which gets them as one parameter ``form``.
form_options = grouped(
    Form,
    "form",
    (
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
    ),
)


def derived(form: Form, source: str | Path, out: Path, *, data: Sequence[str]) -> DeriveReport:
    """Make the form that was asked for of a file, and compare it on data if any is named."""
    from edgecnn.export.derive import derive_model
    from edgecnn.export.verify_data import open_named

    return derive_model(
        source,
        out,
        fp16=form.fp16,
        keep_io=not form.fp16_io,
        block=form.fp16_block,
        preprocessing=form.embed_preprocessing,
        decoding=form.embed_decoding,
        top=form.top,
        data=open_named(data) if data else None,
    )


def print_derived(report: DeriveReport, export: ExportReport | None = None) -> None:
    """Say what was made, and how it was checked; of PyTorch's export before it too."""
    from edgecnn.cli.output import remark

    print_file(report)
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
        click.echo(f"takes {', '.join(report.inputs)}; gives {', '.join(report.decoded.names)}")
    if report.golden:
        click.echo(f"{report.golden} golden vectors, measured anew")
    before = () if export is None else export.remarks
    for text in dict.fromkeys((*before, *report.remarks)):
        remark(text)


def with_export(report: DeriveReport, export: ExportReport, source: str) -> dict[str, Any]:
    """Return both reports as one: the file's facts are those of what was written."""
    import msgspec

    plain = {key: value for key, value in msgspec.to_builtins(export).items() if key != "path"}
    remarks = list(dict.fromkeys((*export.remarks, *report.remarks)))
    return {**plain, **msgspec.to_builtins(report), "source": source, "remarks": remarks}
