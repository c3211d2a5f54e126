"""Remove what other tools leave in a model file: source paths, stack traces, notes, keys.

The torch exporter writes a stack trace with the host's paths into every node, and the simplifier
its settings into the model. A file that goes to a device or a customer holds the graph, the weights
and the contract.
"""

from __future__ import annotations

import onnx
from google.protobuf.message import Message

from edgecnn.metadata import CONTRACT_KEY

__all__ = ["PRODUCER", "strip_paths"]

PRODUCER = "edgecnn"


def strip_paths(model: onnx.ModelProto) -> None:
    """Remove doc strings and foreign metadata on every level of a model, in place.

    Model, graphs (nested ones too), nodes, attributes, values, tensors and functions are walked.
    Of the model's own keys, edgecnn's stay. The producer becomes ``edgecnn`` without a version:
    the contract's provenance names all versions.
    """
    own = [
        (entry.key, entry.value)
        for entry in model.metadata_props
        if entry.key == CONTRACT_KEY or entry.key.startswith(f"{CONTRACT_KEY}.")
    ]
    _clear(model)
    for key, value in own:
        model.metadata_props.add(key=key, value=value)
    model.producer_name = PRODUCER
    model.producer_version = ""
    model.domain = ""
    model.model_version = 0


def _clear(message: Message) -> None:
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for child in [value] if isinstance(value, Message) else value:
                _clear(child)
