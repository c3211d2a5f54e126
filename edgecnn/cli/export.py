"""``edgecnn export``: checkpoint or PyTorch module to a self-describing ``.onnx`` file."""

from __future__ import annotations

import math
from pathlib import Path

import click

from edgecnn.cli.export_contract import Described, contract_options
from edgecnn.cli.export_form import (
    Form,
    derived,
    form_options,
    print_derived,
    with_export,
)
from edgecnn.cli.export_source import export_own, export_trained, is_network, print_export
from edgecnn.cli.output import json_option


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
@contract_options
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
    from edgecnn.cli.output import fetch_data, print_json

    if rebuild is not None:
        from edgecnn.cli.export_rebuild import rebuilt, refuse_settings

        refuse_settings()
        return rebuilt(rebuild, source, verify_with, as_json=as_json)
    if source is None or out is None:
        missing = "argument 'SOURCE'" if source is None else "option '-o' / '--out'"
        raise click.UsageError(f"missing {missing}")
    if not (math.isfinite(atol) and math.isfinite(rtol)):
        raise click.UsageError("--atol and --rtol are numbers, not infinite ones")
    described = Described(
        input_shape=input_shape, labels=labels, colour=colour, mean=mean, std=std, resize=resize
    )
    form = Form(
        fp16=fp16,
        fp16_io=fp16_io,
        fp16_block=fp16_block,
        embed_preprocessing=embed_preprocessing,
        embed_decoding=embed_decoding,
        top=top,
    )
    is_model = source.startswith("bundled:") or Path(source).suffix.lower() == ".onnx"
    if (
        form.asked
        and is_model
        and not (described.anything or any((opset, dynamic, outputs, weights)))
    ):
        fetch_data(*verify_with)
        made = derived(form, source, out, contract=toml, data=verify_with)
        if as_json:
            print_json(made)
        else:
            print_derived(made)
        return 0
    target = click.get_current_context().with_resource(form.stage(out))
    export_from = export_own if is_network(source) else export_trained
    report = export_from(
        source,
        target,
        described=described,
        toml=toml,
        weights=weights,
        opset=opset,
        dynamic=dynamic,
        outputs=outputs,
        verify_with=verify_with,
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
        print_export(report)
    return 0
