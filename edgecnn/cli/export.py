"""``edgecnn export``: checkpoint or PyTorch module to a self-describing ``.onnx`` file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option

if TYPE_CHECKING:
    from edgecnn.export.report import ExportReport
    from edgecnn.metadata import ModelMetadata


@click.command()
@click.argument("source")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file."
)
@click.option(
    "--opset", type=click.IntRange(18, 23), default=20, show_default=True, help="Operator set."
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For module:factory: .safetensors, or .pt with a state dictionary.",
)
@click.option("--input-shape", metavar="C,H,W", help="For module:factory: shape of one picture.")
@click.option("--labels", metavar="FILE|LIST", help="For module:factory: a file, or cat,dog,...")
@click.option("--colour", type=click.Choice(("gray", "rgb", "bgr")), help="Default by channels.")
@click.option("--mean", metavar="M[,M,M]", help="Of pixels of 0..1; default 0.")
@click.option("--std", metavar="S[,S,S]", help="Of pixels of 0..1; default 1.")
@click.option(
    "--resize",
    type=click.Choice(("crop", "stretch", "letterbox")),
    help="How a picture of another shape is fitted  [default: crop]",
)
@click.option(
    "--metadata",
    "toml",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The whole contract as a TOML file, instead of the options above.",
)
@click.option("--parity", metavar="DATA", help="Data to compare PyTorch and the file on.")
@json_option
def export(
    *,
    source: str,
    out: Path,
    opset: int,
    weights: Path | None,
    input_shape: str | None,
    labels: str | None,
    colour: str | None,
    mean: str | None,
    std: str | None,
    resize: str | None,
    toml: Path | None,
    parity: str | None,
    as_json: bool,
) -> None:
    r"""Export SOURCE to a simplified, verified, self-describing .onnx file.

    SOURCE is a checkpoint of `edgecnn train` (its folder or file), or module:factory, a function
    without arguments in a module of your own that returns a torch.nn.Module.

    \b
    edgecnn export runs/mnist-lenet5 -o lenet.onnx
    edgecnn export mynet:build --weights net.safetensors \
        --input-shape 3,224,224 --labels labels.txt -o net.onnx
    """
    from edgecnn.cli.output import fetch_data, print_json, warn

    # A Windows drive is no module, a path that exists no factory.
    if ":" in source and not Path(source).exists():
        from edgecnn.data import open_dataset
        from edgecnn.export.foreign import export_foreign

        contract = _contract(
            source.partition(":")[0],
            toml=toml,
            input_shape=input_shape,
            labels=labels,
            colour=colour,
            mean=mean,
            std=std,
            resize=resize,
        )
        if weights is None:
            warn("no --weights: the network is exported with the values it was built with")
        fetch_data(parity)
        report = export_foreign(
            source,
            out,
            contract,
            weights=weights,
            parity=open_dataset(parity) if parity else None,
            opset=opset,
        )
    else:
        _refuse(
            "a checkpoint brings its own",
            weights=weights,
            metadata=toml,
            input_shape=input_shape,
            labels=labels,
            colour=colour,
            mean=mean,
            std=std,
            resize=resize,
        )
        from edgecnn.training.checkpoint import load_checkpoint
        from edgecnn.training.exporting import export_checkpoint

        fetch_data(parity or load_checkpoint(Path(source)).recipe.data.train)

        report = export_checkpoint(Path(source), out, opset=opset, data=parity)
    if as_json:
        print_json(report)
    else:
        _print(report)


def _contract(
    name: str,
    *,
    toml: Path | None,
    input_shape: str | None,
    labels: str | None,
    colour: str | None,
    mean: str | None,
    std: str | None,
    resize: str | None,
) -> ModelMetadata:
    from edgecnn.export.contract import image_contract, read_labels
    from edgecnn.metadata import read_contract

    if toml is not None:
        _refuse(
            "--metadata brings its own",
            input_shape=input_shape,
            labels=labels,
            colour=colour,
            mean=mean,
            std=std,
            resize=resize,
        )
        return read_contract(toml)
    if input_shape is None or labels is None:
        raise click.UsageError("module:factory needs --input-shape and --labels, or --metadata")
    return image_contract(
        name.rpartition(".")[2],
        read_labels(labels),
        [
            int(size)
            for size in _numbers(input_shape.replace("x", ","), "--input-shape", whole=True)
        ],
        colour=colour,
        mean=_numbers(mean, "--mean"),
        std=_numbers(std, "--std"),
        resize=resize or "crop",
    )


def _numbers(text: str | None, option: str, *, whole: bool = False) -> list[float]:
    if text is None:
        return []
    try:
        return [int(part) if whole else float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"not a list of numbers: {text}", param_hint=option) from error


def _refuse(because: str, **options: object) -> None:
    """Refuse options that would have no effect: a wrong belief about the file is worse."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise click.UsageError(f"{because}: {', '.join(given)} not needed")


def _print(report: ExportReport) -> None:
    from edgecnn.cli.output import remark
    from edgecnn.runtime.card import size_text

    parity = report.parity
    nodes = ", ".join(f"{count} {name}" for name, count in report.nodes.items())
    size = size_text(report.size_bytes)
    click.echo(f"{report.path}  {size}  sha256 {report.sha256[:16]}...")
    click.echo(
        f"opset {report.opset}, IR {report.ir_version}, {report.parameters:,} parameters; {nodes}"
    )
    click.echo(
        f"PyTorch and ONNX Runtime on {parity.samples} inputs: largest difference "
        f"{parity.max_abs:.2g} (relative {parity.max_rel:.2g})"
        + ("" if parity.top1_agreement is None else f", same label in {parity.top1_agreement:.2%}")
        + f"; tolerance {parity.atol:g} + {parity.rtol:g} |reference|"
    )
    if report.golden:
        click.echo(f"{report.golden} golden vectors")
    else:
        remark("no golden vectors: the network does not tell drawn inputs apart clearly enough")
