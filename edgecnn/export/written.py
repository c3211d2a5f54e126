"""The file that is to be written: whether it can be, and opened as the one it will be."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import onnx

from edgecnn.errors import ModelError, UsageError
from edgecnn.export.scopes import layer_title
from edgecnn.files import check_writable
from edgecnn.runtime.session import Model, load_model

__all__ = ["check_target", "open_written"]

_NODE = re.compile(r"node with name '([^']+)'")


def check_target(out: Path, source: Path | None = None) -> None:
    """Refuse what a file cannot be written as, before the work is done.

    Parameters
    ----------
    out : Path
        The file to be written.
    source : Path, optional
        What it is made from, which must stay.

    Raises
    ------
    UsageError
        It is not called ``.onnx``, or is the source itself.
    EdgeCNNError
        Its folder takes no files.
    """
    if out.suffix.lower() != ".onnx":
        raise UsageError(f"{out} is not called .onnx", hint="name the new file with -o FILE.onnx")
    if source is not None and out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the source itself", hint="name another file with -o")
    check_writable(out)


def open_written(temporary: Path, path: Path, graph: onnx.ModelProto) -> Model:
    """Open a temporary file as the one that it is to become, its golden vectors unchecked.

    Parameters
    ----------
    temporary, path : Path
        Where it lies, and what it will be called: errors tell the second.
    graph : onnx.ModelProto
        Before it was stripped: its nodes say which layer they are of.

    Raises
    ------
    NotAModelError
        ONNX Runtime has no kernel for an operator; the message names the layer.
    ModelError
        Whatever else :func:`~edgecnn.runtime.session.load_model` finds wrong.
    """
    try:
        file = load_model(temporary, provider="cpu", check=False)
    except ModelError as error:
        message = error.message.replace(str(temporary), str(path))
        node = next((n for n in graph.graph.node if n.name in _NODE.findall(message)), None)
        if node is not None:
            message += f" (layer {layer_title(node)})"
        raise type(error)(message, hint=error.hint) from error
    return dataclasses.replace(file, path=path)
