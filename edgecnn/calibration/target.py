"""Which 8-bit types suit the machine that the file will run on."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Literal, get_args

from edgecnn.errors import UsageError
from edgecnn.runtime.machine import describe_machine

__all__ = [
    "TARGETS",
    "IntegerTypes",
    "Target",
    "choose_types",
    "has_vnni",
    "this_machine",
    "types_for",
]

Target = Literal["auto", "x86-vnni", "x86", "arm", "cuda"]

#: What :func:`types_for` takes.
TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass(frozen=True)
class IntegerTypes:
    """How activations and weights are stored, for what, and why.

    Attributes
    ----------
    target : str
        One of :data:`TARGETS`, never ``"auto"``.
    activations : "uint8" or "int8"
    reduce_range : bool
        Weights of 7 bits, so that pairs of products cannot overflow 16 bits.
    reason : str
    """

    target: str
    activations: Literal["uint8", "int8"]
    reduce_range: bool
    reason: str


_TYPES = {
    types.target: types
    for types in (
        IntegerTypes(
            "x86-vnni",
            "uint8",
            reduce_range=False,
            reason="VNNI multiplies unsigned by signed bytes, and adds up in 32 bits",
        ),
        IntegerTypes(
            "x86",
            "uint8",
            reduce_range=True,
            reason="without VNNI pairs of products are added in 16 bits, which 7-bit weights "
            "keep from overflowing; right on every x86",
        ),
        IntegerTypes("arm", "int8", reduce_range=False, reason="ARM multiplies signed bytes"),
    )
}


def types_for(target: Target = "auto") -> IntegerTypes:
    """Choose the types for a target.

    Parameters
    ----------
    target : str
        ``"x86-vnni"``: servers and PCs whose CPU has AVX512-VNNI or AVX-VNNI. ``"x86"``: any
        other, and all of them at the price of one bit of the weights. ``"arm"``: boards and
        phones. ``"auto"``: what this machine is.

    Raises
    ------
    UsageError
        No such target, or ``"cuda"``: ONNX Runtime's CUDA kernels have no 8-bit convolutions, so
        a file with quantize/dequantize pairs runs in FP32 there, and slower than the original.

    Notes
    -----
    After ONNX Runtime's documentation, "Quantize ONNX models".

    Examples
    --------
    >>> types_for("arm").activations
    'int8'
    >>> types_for("x86").reduce_range
    True
    """
    if target == "cuda":
        raise UsageError(
            "INT8 on a GPU needs TensorRT, which edgecnn does not quantize for; CUDA alone would "
            "run the file in FP32, and slower than the original",
            hint="--form fp16 is what CUDA runs well; the FP32 file runs there too",
        )
    if target not in TARGETS:
        raise UsageError(f"unknown target: {target}", hint=f"one of {', '.join(TARGETS)}")
    return _TYPES[this_machine() if target == "auto" else target]


def choose_types(
    target: Target, activations: Literal["auto", "uint8", "int8"], *, reduce_range: bool | None
) -> IntegerTypes:
    """Choose the types for a target, with what was asked for in their place.

    Raises
    ------
    UsageError
        No such target or type.
    """
    if activations not in ("auto", "uint8", "int8"):
        raise UsageError(f"unknown type of activations: {activations}", hint="auto, uint8 or int8")
    best = types_for(target)
    chosen = best.activations if activations == "auto" else activations
    reduced = best.reduce_range if reduce_range is None else reduce_range
    if (chosen, reduced) == (best.activations, best.reduce_range):
        return best
    return IntegerTypes(best.target, chosen, reduce_range=reduced, reason="asked for")


def this_machine(machine: str | None = None, *, vnni: bool | None = None) -> str:
    """Name the target that a machine is.

    Parameters
    ----------
    machine : str, optional
        As ``platform.machine()`` names it; the default is this one.
    vnni : bool, optional
        Whether it has VNNI; the default is read from this machine's CPU flags.

    Examples
    --------
    >>> this_machine("aarch64")
    'arm'
    """
    name = (machine or platform.machine()).lower()
    if name.startswith(("arm", "aarch64")):
        return "arm"
    return "x86-vnni" if (has_vnni() if vnni is None else vnni) else "x86"


def has_vnni() -> bool:
    """Tell whether this CPU has VNNI. Where it does not say, it is taken to have none."""
    return any(name.endswith("vnni") for name in describe_machine().int8)
