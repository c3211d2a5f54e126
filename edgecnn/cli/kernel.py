"""``edgecnn kernel``: an image kernel as a model file."""

from __future__ import annotations

import re
from pathlib import Path

import click

from edgecnn.cli.output import json_option

__all__ = ["kernel"]


class _Command(click.Command):
    """A command that takes no matrix for an option because its first number is negative."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(
            ctx, [f" {arg}" if re.match(r"-[\d.]", arg) else arg for arg in args]
        )


@click.command(cls=_Command)
@click.argument("kernel", required=False)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The .onnx file."
)
@click.option(
    "--border",
    type=click.Choice(("reflect", "replicate", "zero", "none")),
    default="reflect",
    show_default=True,
    help="Beyond the edge: picture mirrored, edge repeated, zeros ('same'), nothing ('valid').",
)
@click.option("--stride", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--colour",
    type=click.Choice(("bgr", "rgb", "gray")),
    default="bgr",
    show_default=True,
    help="Filter each colour, or the picture made grey.",
)
@click.option(
    "--offset", type=float, help="Grey level of a sum of 0; 128 shows both signs [default: own]."
)
@json_option
def kernel(
    kernel: str | None,
    *,
    out: Path | None,
    border: str,
    stride: int,
    colour: str,
    offset: float | None,
    as_json: bool,
) -> None:
    r"""Write KERNEL, a name or a matrix, as an .onnx file; without, list the names.

    Rows of a matrix are separated by semicolons; a number may be a fraction. The file runs like any
    other, on pictures of any size.

    \b
    edgecnn kernel sharpen -o sharpen.onnx
    edgecnn kernel "0 -1 0; -1 5 -1; 0 -1 0" -o own.onnx
    edgecnn kernel "1/4 1/4; 1/4 1/4" --border zero -o blur.onnx
    edgecnn live sharpen.onnx --source 0
    """
    from edgecnn.cli.output import print_json

    if kernel is None:
        if out is not None:
            raise click.UsageError("-o without a KERNEL")
        _list(as_json=as_json)
        return
    if out is None:
        raise click.UsageError("a KERNEL needs -o, the file to write")
    from edgecnn.models.kernel_file import export_kernel
    from edgecnn.runtime.card import size_text

    report = export_kernel(kernel, out, border=border, stride=stride, colour=colour, offset=offset)
    if as_json:
        print_json(report)
        return
    click.echo(f"{report.path}  {size_text(report.size_bytes)}  sha256 {report.sha256[:16]}...")
    click.echo(
        f"PyTorch and ONNX Runtime differ by at most {report.parity.max_abs:.2g} grey levels; "
        f"{report.golden} golden pictures"
    )


def _list(*, as_json: bool) -> None:
    from edgecnn.cli.output import print_json, print_table
    from edgecnn.models.kernels import KERNELS

    if as_json:
        print_json({"kernels": list(KERNELS.values())})
    else:
        sizes = {name: f"{len(k.matrix)} x {len(k.matrix[0])}" for name, k in KERNELS.items()}
        rows = [(name, sizes[name], k.summary) for name, k in KERNELS.items()]
        print_table(("kernel", "size", "what it shows"), rows)
