"""The file that a quantization starts from, open as a device opens it."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgecnn.errors import NotAModelError
from edgecnn.export.operators import check_operators
from edgecnn.runtime.session import Model, load_model

__all__ = ["open_fp32"]


def open_fp32(source: Path, *, threads: int | None = None, check: bool = True) -> Model:
    """Open a file on the CPU, its idle threads asleep, as `live` and `compare` do.

    Parameters
    ----------
    threads : int, optional
    check : bool
        Whether its golden answers are run.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError
        As :func:`edgecnn.runtime.session.load_model`.
    ModelError
        It needs an operator that nothing here knows: which, and at which node.
    """
    try:
        return load_model(source, provider="cpu", threads=threads, check=check, spinning=False)
    except NotAModelError:
        try:
            model = onnx.load_model(source, load_external_data=False)
        except Exception:
            model = onnx.ModelProto()
        check_operators(model, str(source))
        raise
