"""What stands behind a name: a module of the user's, a program, a file of another tool."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgecnn.errors import MetadataError, MissingFileError, UsageError
from edgecnn.export.code_files import code_files
from edgecnn.export.locked_file import locked
from edgecnn.export.source import Source
from edgecnn.metadata import ExportLock, ModelMetadata, from_properties

if TYPE_CHECKING:
    import torch

__all__ = ["named_as", "open_source", "own_contract"]


def open_source(
    source: torch.nn.Module | str | os.PathLike[str] | Source,
    *,
    weights: str | os.PathLike[str] | None = None,
    free_batch: bool = False,
    folder: Path | None = None,
) -> Source:
    """Open whatever can be exported.

    Parameters
    ----------
    source : torch.nn.Module, str or path
        See :func:`edgecnn.export.exporter.export_model`.
    weights : path, optional
        For ``module:factory``.
    free_batch : bool
        Free the batch of an ``.onnx`` file that has a fixed one.
    folder : Path, optional
        Where ``module:factory`` is looked for; the default is the current folder.

    Raises
    ------
    UsageError
        None of the forms that there are, or weights for one that brings its own.
    MissingFileError, ModelError
        See the sources.
    """
    text = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    path = Path(text)
    suffix = path.suffix.lower()
    # A Windows drive is no module, a path that exists no factory.
    factory = ":" in text and not path.exists() and suffix not in (".onnx", ".pt2")
    if weights is not None and not factory:
        raise UsageError(
            f"weights for {text or type(source).__name__}, which brings its own",
            hint="they are for module:factory",
        )
    if not text:
        return _module_or_source(source)
    if factory:
        return _factory(text, None if weights is None else Path(weights), folder)
    if suffix == ".onnx":
        from edgecnn.export.graph_source import GraphSource

        return GraphSource(path, free_batch=free_batch)
    if suffix == ".pt2":
        from edgecnn.export.program_source import ProgramSource

        return ProgramSource(path)
    if not path.exists():
        raise MissingFileError(f"no such network: {text}", hint=_FORMS)
    raise UsageError(f"not a network: {text!r}", hint=_FORMS)


_FORMS = "give a training's folder, module:factory, a .pt2 or an .onnx file"


def own_contract(source: Source) -> ModelMetadata:
    """Return the contract that a network brings.

    Raises
    ------
    MetadataError
        It brings none, or a broken one.
    """
    model = getattr(source, "model", None)
    properties = {e.key: e.value for e in model.metadata_props} if model is not None else {}
    try:
        return from_properties(properties, source.title)[0]
    except MetadataError as error:
        raise MetadataError(
            error.message,
            hint="give --metadata with a TOML file, or --input-shape and --labels",
        ) from error


def named_as(source: Source, contract: ModelMetadata) -> ModelMetadata:
    """Give a contract the tensors' names of a graph with one input and one output."""
    model = getattr(source, "model", None)
    if model is None or len(model.graph.input) != 1 or len(model.graph.output) != 1:
        return contract
    name, answers = model.graph.input[0].name, model.graph.output[0].name
    return msgspec.structs.replace(
        contract,
        input=msgspec.structs.replace(contract.input, name=name),
        output=msgspec.structs.replace(contract.output, name=answers),
    )


def _module_or_source(source: Any) -> Source:
    import torch

    if isinstance(source, torch.nn.Module):
        from edgecnn.export.module_source import ModuleSource

        return ModuleSource(source)
    opened: Source = source
    return opened


def _factory(text: str, weights: Path | None, folder: Path | None) -> Source:
    from edgecnn.export.factory import build_module, load_weights
    from edgecnn.export.module_source import ModuleSource

    module = build_module(text, folder=folder)
    files = [locked(path, "code") for path in code_files(text.partition(":")[0])]
    if weights is not None:
        load_weights(module, weights)
        files.append(locked(weights, "weights"))
    return ModuleSource(module, ExportLock(source="factory", name=text, files=tuple(files)))
