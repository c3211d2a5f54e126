"""Write the contract into a model file."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import EncodeError

from edgecnn.errors import MetadataError, ModelError
from edgecnn.files import write_bytes
from edgecnn.metadata import (
    BASELINE_KEY,
    CONTRACT_KEY,
    GOLDEN_KEY,
    GOLDEN_LIMIT_BYTES,
    MEASURED_KEY,
    Baseline,
    Golden,
    Measured,
    ModelMetadata,
    encode,
)

__all__ = ["embed", "serialized"]


def embed(
    model: onnx.ModelProto | Path,
    metadata: ModelMetadata,
    golden: Golden | None = None,
    measured: Measured | None = None,
    baseline: Baseline | None = None,
) -> onnx.ModelProto:
    """Put the documents into ``metadata_props``; other keys stay as they are.

    Parameters
    ----------
    model : onnx.ModelProto or Path
        A model in memory is changed in place; a file is rewritten, whole or not at all.
    golden, measured, baseline : optional
        None removes the document.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    MetadataError
        The golden vectors take more than 64 KB.

    Examples
    --------
    >>> from edgecnn.metadata import ImageInput
    >>> contract = ModelMetadata(name="digits", task="classify", labels=("zero", "one"),
    ...                          input=ImageInput(height=28, width=28, colour="gray"))
    >>> [entry.key for entry in embed(onnx.ModelProto(), contract).metadata_props]
    ['edgecnn']
    """
    proto = onnx.load_model(model) if isinstance(model, Path) else model
    documents = {
        CONTRACT_KEY: encode(metadata),
        GOLDEN_KEY: encode(golden) if golden is not None else None,
        MEASURED_KEY: encode(measured) if measured is not None else None,
        BASELINE_KEY: encode(baseline) if baseline is not None else None,
    }
    size = len(documents[GOLDEN_KEY] or "")
    if size > GOLDEN_LIMIT_BYTES:
        raise MetadataError(f"golden vectors of {size} bytes, more than {GOLDEN_LIMIT_BYTES}")
    others = [(e.key, e.value) for e in proto.metadata_props if e.key not in documents]
    proto.ClearField("metadata_props")
    for key, value in (*others, *documents.items()):
        if value is not None:
            proto.metadata_props.add(key=key, value=value)
    if isinstance(model, Path):
        write_bytes(model, serialized(proto))
    return proto


def serialized(model: onnx.ModelProto) -> bytes:
    """Return a model's bytes, the same ones for the same model.

    Raises
    ------
    ModelError
        They are more than the 2 GB that one protobuf message can have.
    """
    try:
        content: bytes = model.SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise ModelError(
            f"{model.graph.name or 'the graph'} is more than 2 GB, which one ONNX file cannot hold",
            hint="a narrower network, or fewer of its layers at once (quantize: --exclude)",
        ) from error
    return content
