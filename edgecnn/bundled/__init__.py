"""The small pretrained models that come with edgecnn, so that the first run works offline.

Each was trained by a committed recipe (``edgecnn train NAME``); its metadata tells how.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgecnn.errors import UsageError

__all__ = ["bundled_models", "resolve_model"]

_FOLDER = Path(__file__).parent
_PREFIX = "bundled:"


def bundled_models() -> dict[str, Path]:
    """Return the bundled files by name, sorted: ``mnist-lenet5``, ``mnist-lenet5.int8``, ..."""
    return {file.name.removesuffix(".onnx"): file for file in sorted(_FOLDER.glob("*.onnx"))}


def resolve_model(path: str | os.PathLike[str]) -> Path:
    """Return the file behind a path or a ``bundled:NAME``.

    Raises
    ------
    UsageError
        No bundled model of that name.
    """
    text = os.fspath(path)
    if not text.startswith(_PREFIX):
        return Path(text)
    name = text.removeprefix(_PREFIX)
    models = bundled_models()
    if name not in models:
        raise UsageError(f"no bundled model {name!r}", hint=f"there are: {', '.join(models)}")
    return models[name]
