"""The kinds of files that a network can be quantized to, and which one suits it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from edgecnn.calibration.block_rounding import BLOCKS
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
    bits : 8 or 4
        Of weights, where they alone are quantized.
    block : int
        Of 4 bits, weights that share a scale; otherwise 0.
    """

    kind: str
    types: IntegerTypes
    reason: str
    bits: int = 8
    block: int = 0


#: Weights that share a scale, if nothing else is asked for: with it a weight takes 5 bits.
_USUAL_BLOCK = 32

_REASONS = {
    "dynamic": "as DynamicQuantizeLSTM has them",
    "weights": "only weights are stored in 8 bits; as the file is loaded they become FP32",
    "4 bits": "weights alone: large products stay in 4 bits, others become FP32 as it is loaded",
    "fp16": "CUDA's kernels have no 8-bit convolutions, but multiply FP16 on tensor cores",
}


def choose_kind(
    kind: Kind,
    metadata: ModelMetadata,
    target: Target,
    activations: Literal["auto", "uint8", "int8"],
    *,
    reduce_range: bool | None,
    bits: int = 8,
    block: int | None = None,
) -> KindChoice:
    """Choose what suits a network and its target, or check what was asked for.

    Parameters
    ----------
    kind : "auto", "static", "dynamic", "weights" or "fp16"
        ``auto``: FP16 for ``cuda``, ``dynamic`` for networks that write, which are recurrent, and
        ``static`` for all others.
    bits : 8 or 4
        4 is of ``weights`` alone, and chooses it.
    block : int, optional
        Of 4 bits: one of :data:`edgecnn.calibration.block_rounding.BLOCKS`; 32 by default.

    Raises
    ------
    UsageError
        The target has no such form.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown form: {kind}", hint=f"one of {', '.join(KINDS)}")
    if _is_four(kind, bits, block):
        chosen = choose_kind("weights", metadata, target, activations, reduce_range=reduce_range)
        return replace(chosen, reason=_REASONS["4 bits"], bits=4, block=block or _USUAL_BLOCK)
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


def _is_four(kind: Kind, bits: int, block: int | None) -> bool:
    """Check what was asked of weights' bits, and tell whether it is 4.

    Raises
    ------
    UsageError
    """
    if bits not in (4, 8):
        raise UsageError(f"weights of {bits} bits are not known", hint="8 or 4")
    four = bits == 4
    if four and kind not in ("auto", "weights"):
        raise UsageError(
            f"--form {kind} has weights of {'16' if kind == 'fp16' else '8'} bits",
            hint="4 bits are for weights alone: --form weights --bits 4",
        )
    if block is not None and not four:
        raise UsageError(
            "weights of 8 bits have a scale by channel", hint="--block is for --bits 4"
        )
    if block is not None and block not in BLOCKS:
        raise UsageError(
            f"ONNX Runtime has no blocks of {block} weights",
            hint=f"one of {', '.join(map(str, BLOCKS))}",
        )
    return four
