"""``edgecnn export``: checkpoint or PyTorch module to a self-describing ``.onnx`` file."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.export_form import (
    Form,
    derived,
    form_options,
    print_derived,
    with_export,
)
from edgecnn.cli.output import json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgecnn.export.report import ExportReport
    from edgecnn.metadata import ModelMetadata


@click.command()
@click.argument("source", required=False)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file  [required]"
)
@click.option(
    "--opset",
    type=click.IntRange(13, 23),
    help="Operator set; below 18 by a verified conversion  [default: 20; an .onnx file's own]",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For module:factory: .safetensors, or .pt with a state dictionary.",
)
@click.option("--input-shape", metavar="C,H,W", help="Shape of one picture.")
@click.option("--labels", metavar="FILE|LIST", help="A file with one per line, or cat,dog,...")
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
@click.option(
    "--dynamic",
    metavar="AXES",
    help="Further free axes: time, height,width; batch of an .onnx file with a fixed one.",
)
@click.option(
    "--outputs", metavar="NAMES", help="Of all that the network returns, if the contract has fewer."
)
@click.option(
    "--verify-with",
    "--parity",
    "verify_with",
    metavar="DATA",
    multiple=True,
    help="Dataset, folder, or files (one each) to compare file and source on.",
)
@click.option(
    "--atol",
    type=click.FloatRange(min=0),
    default=1e-4,
    show_default=True,
    help="Largest difference from a reference of 0.",
)
@click.option(
    "--rtol",
    type=click.FloatRange(min=0),
    default=1e-3,
    show_default=True,
    help="What it grows by per unit of the reference.",
)
@click.option(
    "--rebuild",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Export this file again from what lies at SOURCE (a folder will do), and compare.",
)
@form_options
@json_option
def export(
    *,
    source: str | None,
    out: Path | None,
    opset: int | None,
    weights: Path | None,
    input_shape: str | None,
    labels: str | None,
    colour: str | None,
    mean: str | None,
    std: str | None,
    resize: str | None,
    toml: Path | None,
    dynamic: str | None,
    outputs: str | None,
    verify_with: tuple[str, ...],
    atol: float,
    rtol: float,
    rebuild: Path | None,
    fp16: bool,
    fp16_io: bool,
    fp16_block: tuple[str, ...],
    embed_preprocessing: bool,
    embed_decoding: bool,
    top: int,
    as_json: bool,
) -> int:
    r"""Export SOURCE to a simplified, verified, self-describing .onnx file.

    SOURCE is a checkpoint of `edgecnn train` (its folder or file); module:factory, a function
    without arguments in a module of your own that returns a torch.nn.Module; a .pt2 file of
    torch.export.save; or an .onnx file that something else made.

    \b
    edgecnn export runs/mnist-lenet5 -o lenet.onnx
    edgecnn export mynet:build --weights net.safetensors \
        --input-shape 3,224,224 --labels labels.txt -o net.onnx
    edgecnn export yolox_nano.onnx --metadata yolox-nano.toml -o detector.onnx
    edgecnn export --rebuild lenet.onnx runs
    edgecnn export lenet.onnx --embed-preprocessing --embed-decoding -o cam.onnx
    """
    from edgecnn.cli.output import fetch_data, print_json, warn

    if rebuild is not None:
        from edgecnn.cli.export_rebuild import rebuilt, refuse_settings

        refuse_settings()
        return rebuilt(rebuild, source, verify_with, as_json=as_json)
    if source is None or out is None:
        missing = "argument 'SOURCE'" if source is None else "option '-o' / '--out'"
        raise click.UsageError(f"missing {missing}")
    if not (math.isfinite(atol) and math.isfinite(rtol)):
        raise click.UsageError("--atol and --rtol are numbers, not infinite ones")
    described = {
        "input_shape": input_shape,
        "labels": labels,
        "colour": colour,
        "mean": mean,
        "std": std,
        "resize": resize,
    }
    axes = _names(dynamic)
    form = Form(
        fp16=fp16,
        fp16_io=fp16_io,
        fp16_block=fp16_block,
        embed_preprocessing=embed_preprocessing,
        embed_decoding=embed_decoding,
        top=top,
    )
    is_model = source.startswith("bundled:") or Path(source).suffix.lower() == ".onnx"
    if form.asked and is_model and not any((*described.values(), opset, dynamic, outputs, weights)):
        fetch_data(*verify_with)
        made = derived(form, source, out, contract=toml, data=verify_with)
        if as_json:
            print_json(made)
        else:
            print_derived(made)
        return 0
    target = click.get_current_context().with_resource(form.stage(out))
    # A Windows drive is no module, a path that exists no factory.
    factory = ":" in source and not Path(source).exists()
    graph = Path(source).suffix.lower() == ".onnx"
    if factory or graph or Path(source).suffix.lower() == ".pt2":
        from edgecnn.export.exporter import export_model
        from edgecnn.export.open_source import named_as, open_source, own_contract
        from edgecnn.export.verify_data import named_samples

        contract = None
        if toml is not None or not graph:
            contract = _contract(_name_of(source), toml=toml, **described)
        if factory and weights is None:
            warn("no --weights: the network is exported with the values it was built with")
        network = open_source(source, weights=weights, free_batch="batch" in axes)
        if contract is None:
            contract = (
                own_contract(network)
                if not any(described.values())
                else named_as(network, _contract(_name_of(source), toml=None, **described))
            )
        fetch_data(*verify_with)
        report = export_model(
            network,
            contract,
            named_samples(verify_with, contract) if verify_with else None,
            target,
            opset=opset,
            dynamic=axes,
            outputs=_names(outputs),
            atol=atol,
            rtol=rtol,
        )
    else:
        _refuse(
            "a checkpoint brings its own",
            weights=weights,
            metadata=toml,
            outputs=outputs,
            **described,
        )
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
        report = export_checkpoint(
            Path(source),
            target,
            opset=opset,
            dynamic=axes,
            data=verify_with or None,
            atol=atol,
            rtol=rtol,
        )
    if form.asked:
        made = derived(form, target, out, contract=None, data=verify_with)
        if as_json:
            print_json(with_export(made, report, source))
        else:
            print_derived(made, report)
    elif as_json:
        print_json(report)
    else:
        _print(report)
    return 0


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
        raise click.UsageError(
            "a network without a contract needs --input-shape and --labels, or --metadata"
        )
    return image_contract(
        name,
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


def _name_of(source: str) -> str:
    """Return what a model is called unless its contract says: its module, or the file."""
    module, colon, _ = source.partition(":")
    return module.rpartition(".")[2] if colon and not Path(source).exists() else Path(source).stem


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


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
        tried = "; ".join(f"{axis} {_listed(sizes)}" for axis, sizes in report.axes.items())
        click.echo(f"free axes, each tried: {tried}")
    if report.golden:
        click.echo(f"{report.golden} golden vectors")


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))
