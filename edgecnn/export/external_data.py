"""Weights that lie beside a model file: taken in, so that the file is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import Message

from edgecnn.errors import MissingFileError, ModelError

__all__ = ["LIMIT_BYTES", "check_size", "embed_external_data"]

#: Protobuf's limit on one message, and with it on an ``.onnx`` file without external data.
LIMIT_BYTES = 2**31 - 1


def embed_external_data(model: onnx.ModelProto, path: Path) -> tuple[Path, ...]:
    """Read weights that lie in other files into a model.

    Parameters
    ----------
    model : onnx.ModelProto
        As loaded without them; changed in place.
    path : Path
        The model's file: the others must lie in its folder or below.

    Returns
    -------
    tuple of Path
        The files read, in the order in which the model names them.

    Raises
    ------
    ModelError
        A file outside of the folder, one that is too short, or more than 2 GB in all.
    MissingFileError
        One that is not there.
    """
    tensors = [t for t in _tensors(model) if t.data_location == onnx.TensorProto.EXTERNAL]
    if not tensors:
        return ()
    folder = path.resolve().parent
    files: dict[Path, None] = {}
    for tensor in tensors:
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        # Resolved: a link may lead out of the folder as well as `..` does.
        file = (folder / location).resolve()
        if not location or not file.is_relative_to(folder):
            raise ModelError(
                f"{path}: the weights {tensor.name} lie outside of its folder: {location!r}",
                hint="such a file could read anything on this machine; put the data beside it",
            )
        if not file.is_file():
            raise MissingFileError(
                f"{path}: its weights lie in {location}, which is not there",
                hint="copy it along with the model",
            )
        files[file] = None
    check_size(path.stat().st_size + sum(file.stat().st_size for file in files), str(path))
    try:
        onnx.load_external_data_for_model(model, str(folder))
    # Offset or length beyond the file, or links that onnx refuses by its own rules.
    except (ValueError, OSError, onnx.checker.ValidationError) as error:
        text = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: its weights cannot be read: {text}") from error
    return tuple(files)


def check_size(size: int, source: str) -> None:
    """Refuse weights that one file cannot hold.

    Raises
    ------
    ModelError
        More than 2 GB.
    """
    if size > LIMIT_BYTES:
        raise ModelError(
            f"{source}: {size / 1e9:.1f} GB of weights; an .onnx file holds "
            f"{LIMIT_BYTES / 1e9:.1f} GB at most, and edgecnn writes none beside it",
            hint="use a smaller network, or half precision",
        )


def _tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield all tensors of a message, in nested graphs too."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for child in [value] if isinstance(value, Message) else value:
            if isinstance(child, onnx.TensorProto):
                yield child
            else:
                yield from _tensors(child)
