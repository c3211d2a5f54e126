"""What an export must be given to make the same file again."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from edgecnn.metadata.constraints import Count

__all__ = ["ExportLock", "LockedFile"]


class LockedFile(Struct, frozen=True, kw_only=True):
    """A file that an export read, known by its content.

    Attributes
    ----------
    role : str
        What it was read for.
    name : str
        Its name without folders: where it lay is no part of what it is.
    """

    role: Literal["checkpoint", "weights", "code", "program", "model"]
    name: str
    sha256: str
    size_bytes: Count


class ExportLock(Struct, frozen=True, kw_only=True):
    """Source, settings and tolerances of an export; the tools' versions are the provenance's.

    Attributes
    ----------
    source : str
        ``checkpoint`` of a training, ``factory`` (``module:factory``), ``program`` of
        ``torch.export``, ``onnx`` file, or ``module``: a PyTorch object given from Python.
    name : str
        What was named: ``mynet:build``, a file's name without folders, a class.
    files : tuple of LockedFile
        What was read, by content.
    weights_sha256 : str
        Of all parameters and buffers by name, type, shape and value, whatever file they were in;
        empty for an ONNX file.
    opset : int
    dynamic : tuple of str
        Axes left free beyond the contract's own.
    outputs : tuple of str
        Names of all outputs, where there are more than the contract's.
    verified_with : str
        The dataset's name, or ``drawings``.
    samples, seed : int
        How many of it were drawn, and how.
    atol, rtol : float
        ``|difference| <= atol + rtol * |reference|``.
    settings : dict
        Of further passes, by name; none where all are at their defaults.
    plain : dict
        ``input`` and ``output`` of the contract as they were before further passes changed them.
    """

    source: Literal["checkpoint", "factory", "program", "onnx", "module"]
    name: str = ""
    files: tuple[LockedFile, ...] = ()
    weights_sha256: str = ""
    opset: Count = 0
    dynamic: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    verified_with: str = ""
    samples: Count = 0
    seed: Count = 0
    atol: float = 0.0
    rtol: float = 0.0
    settings: dict[str, bool | int | float | str] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)
