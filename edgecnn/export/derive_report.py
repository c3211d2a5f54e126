"""What was made of a file, and how it was checked."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.export.fp16 import KeptLayer
from edgecnn.metadata import Decoded

__all__ = ["DeriveReport", "Step"]


class Step(Struct, frozen=True, kw_only=True):
    """One change to the graph, and how far its answers moved.

    Attributes
    ----------
    what : str
    against : str
        What the answers were compared with.
    samples : int
    max_abs : float
        The largest difference of an output; of a detector, of a score, or of an edge as a share of
        the input's side.
    max_share : float
        The same, as a share of the largest magnitude that the output had.
    tolerance : float
        The share that was allowed.
    agreement : float
        Share of samples with the same answer: label, boxes or picture.
    """

    what: Literal["fp16", "embed-preprocessing", "embed-decoding"]
    against: str
    samples: int
    max_abs: float
    max_share: float
    tolerance: float
    agreement: float


class DeriveReport(Struct, frozen=True, kw_only=True):
    """A file that was made of another one.

    Attributes
    ----------
    path, source : str
    sha256 : str
    size_bytes : int
    opset, ir_version : int
    nodes : dict
        Number of nodes by operator.
    golden : int
        Golden vectors in the file, measured anew.
    steps : tuple of Step
        In the order in which they were made.
    kept_fp32 : tuple of KeptLayer
        Of ``fp16``: nodes left in FP32, each with its reason.
    flushed : int
        Of ``fp16``: weights that became 0 without changing any channel.
    input : str
        Name of the input, the first where there are several.
    inputs : tuple of str
        Names of all.
    decoded : Decoded or None
        Names of the outputs that state the answer.
    oldest_runtime : str or None
        The oldest ONNX Runtime that reads this IR version and opset.
    remarks : tuple of str
    """

    path: str
    source: str
    sha256: str
    size_bytes: int
    opset: int
    ir_version: int
    nodes: dict[str, int]
    golden: int
    steps: tuple[Step, ...]
    kept_fp32: tuple[KeptLayer, ...] = ()
    flushed: int = 0
    input: str = ""
    inputs: tuple[str, ...] = ()
    decoded: Decoded | None = None
    oldest_runtime: str | None = None
    remarks: tuple[str, ...] = ()
