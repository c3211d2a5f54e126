"""Open a file that has just been written, under the name that it will have."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import onnx

from edgecnn.errors import NotAModelError
from edgecnn.export.scopes import layer_title
from edgecnn.runtime.session import Model, load_model

__all__ = ["open_written"]

_NODE = re.compile(r"node with name '([^']+)'")


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
    """
    try:
        file = load_model(temporary, provider="cpu", check=False)
    except NotAModelError as error:
        message = error.message.replace(str(temporary), str(path))
        node = next((n for n in graph.graph.node if n.name in _NODE.findall(message)), None)
        if node is not None:
            message += f" (layer {layer_title(node)})"
        raise NotAModelError(message, hint=error.hint) from error
    return dataclasses.replace(file, path=path)
