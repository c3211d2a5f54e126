"""What an export has to tell."""

from __future__ import annotations

from msgspec import Struct

from edgecnn.metadata import Parity

__all__ = ["ExportReport"]


class ExportReport(Struct, frozen=True, kw_only=True):
    """What was written, and how it was checked.

    Attributes
    ----------
    path : str
    opset, ir_version : int
        IR version 10 is read by ONNX Runtime 1.18 and later.
    parameters : int
        Of the PyTorch module.
    parity : Parity
        ONNX Runtime against PyTorch, on how many samples and within which tolerance.
    sha256 : str
        Of the file.
    size_bytes : int
    nodes : dict
        Number of nodes by operator.
    golden : int
        Golden vectors in the file.
    origin : str
        What the file was compared with: ``"PyTorch"`` or ``"the original file"``.
    axes : dict
        Lengths that every free axis was tried at, by its name.
    verified_with : str
        Where the compared inputs come from: a dataset's name, or ``"drawings"``.
    oldest_runtime : str or None
        The oldest ONNX Runtime that reads this IR version and opset.
    remarks : tuple of str
        What a reader should know.
    """

    path: str
    opset: int
    ir_version: int
    parameters: int
    parity: Parity
    sha256: str
    size_bytes: int
    nodes: dict[str, int]
    golden: int
    origin: str = "PyTorch"
    axes: dict[str, tuple[int, ...]] = {}
    verified_with: str = ""
    oldest_runtime: str | None = None
    remarks: tuple[str, ...] = ()
