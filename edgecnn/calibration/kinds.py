"""The kinds of files that a network can be quantized to, and which one suits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from edgecnn.calibration.target import IntegerTypes, Target, choose_types
from edgecnn.errors import UsageError
from edgecnn.metadata import ModelMetadata

__all__ = ["KINDS", "Kind", "KindChoice", "choose_kind"]

Kind = Literal["auto", "static", "dynamic", "weights", "fp16"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class KindChoice:
    """A kind, with the types that its numbers have.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`, never ``"auto"``.
    types : IntegerTypes
        Of ``static``; of the others the target counts.
    reason : str
        Why these types.
    """

    kind: str
    types: IntegerTypes
    reason: str


_REASONS = {
    "dynamic": "as DynamicQuantizeLSTM has them",
    "weights": "only weights are stored in 8 bits; as the file is loaded they become FP32",
    "fp16": "CUDA's kernels have no 8-bit convolutions, but multiply FP16 on tensor cores",
}


def choose_kind(
    kind: Kind,
    metadata: ModelMetadata,
    target: Target,
    activations: Literal["auto", "uint8", "int8"],
    *,
    reduce_range: bool | None,
) -> KindChoice:
    """Choose what suits a network and its target, or check what was asked for.

    Parameters
    ----------
    kind : "auto", "static", "dynamic", "weights" or "fp16"
        ``auto``: FP16 for ``cuda``, ``dynamic`` for networks that write, which are recurrent, and
        ``static`` for all others.

    Raises
    ------
    UsageError
        The target has no such form.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown form: {kind}", hint=f"one of {', '.join(KINDS)}")
    if kind == "auto":
        writes = metadata.task == "generate"
        kind = "fp16" if target == "cuda" else "dynamic" if writes else "static"
    if kind == "fp16":
        if target not in ("cuda", "auto"):
            raise UsageError(
                f"ONNX Runtime computes FP16 in FP32 on {target}, with a change of type around "
                "every layer: slower than FP32",
                hint="--form weights for a small file, or --target cuda",
            )
        types = IntegerTypes("cuda", "uint8", reduce_range=False, reason=_REASONS[kind])
        return KindChoice(kind, types, _REASONS[kind])
    if kind == "static" and metadata.task == "generate":
        raise UsageError(
            "ONNX Runtime has no LSTM between quantize/dequantize pairs", hint="--form dynamic"
        )
    if kind == "weights" and target == "cuda":
        types = IntegerTypes("cuda", "uint8", reduce_range=False, reason=_REASONS[kind])
        return KindChoice(kind, types, _REASONS[kind])
    types = choose_types(target, activations, reduce_range=reduce_range)
    return KindChoice(kind, types, _REASONS.get(kind, types.reason))
