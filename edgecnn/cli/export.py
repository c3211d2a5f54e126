"""``edgecnn export``: checkpoint or PyTorch module to a self-describing ``.onnx`` file."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.export_contract import Described, contract_options
from edgecnn.cli.export_form import (
    Form,
    derived,
    form_options,
    print_derived,
    with_export,
)
from edgecnn.cli.export_settings import Settings, settings_options
from edgecnn.cli.export_source import export_own, export_trained, is_network, print_export
from edgecnn.cli.output import json_option


@click.command()
@click.argument("source", required=False, shell_complete=complete_models)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file  [required]"
)
@settings_options
@contract_options
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
    settings: Settings,
    described: Described,
    rebuild: Path | None,
    form: Form,
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
        return rebuilt(rebuild, source, settings.verify_with, as_json=as_json)
    if source is None or out is None:
        missing = "argument 'SOURCE'" if source is None else "option '-o' / '--out'"
        raise click.UsageError(f"missing {missing}")
    if source.startswith("bundled:"):
        from edgecnn.bundled import resolve_model

        source = str(resolve_model(source))
    # A file that has its contract, and is to be as it is otherwise, is not exported once more.
    is_model = Path(source).suffix.lower() == ".onnx"
    if form.asked and is_model and not (any(described.given.values()) or settings.anew):
        fetch_data(*settings.verify_with)
        made = derived(form, source, out, data=settings.verify_with)
        if as_json:
            print_json(made)
        else:
            print_derived(made)
        return 0
    target = click.get_current_context().with_resource(form.stage(out))
    export_from = export_own if is_network(source) else export_trained
    report = export_from(source, target, described=described, settings=settings)
    if form.asked:
        made = derived(form, target, out, data=settings.verify_with)
        if as_json:
            print_json(with_export(made, report, source))
        else:
            print_derived(made, report)
    elif as_json:
        print_json(report)
    else:
        print_export(report)
    return 0
