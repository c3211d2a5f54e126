"""Which 8-bit types suit the machine that the file will run on."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["IntegerTypes", "has_vnni", "types_for_machine"]


@dataclass(frozen=True)
class IntegerTypes:
    """How activations and weights are stored, and why.

    Attributes
    ----------
    activations : "uint8" or "int8"
    reduce_range : bool
        Weights of 7 bits, so that pairs of products cannot overflow 16 bits.
    reason : str
    """

    activations: Literal["uint8", "int8"]
    reduce_range: bool
    reason: str


def types_for_machine(machine: str | None = None, *, vnni: bool | None = None) -> IntegerTypes:
    """Choose types for a machine.

    Parameters
    ----------
    machine : str, optional
        As ``platform.machine()`` names it; the default is this one.
    vnni : bool, optional
        Whether an x86 machine multiplies bytes without saturation (AVX-VNNI or AVX512-VNNI); the
        default is read from this machine's CPU flags.

    Examples
    --------
    >>> types_for_machine("aarch64").activations
    'int8'
    >>> types_for_machine("x86_64", vnni=False).reduce_range
    True
    """
    name = (machine or platform.machine()).lower()
    if name.startswith(("arm", "aarch64")):
        return IntegerTypes("int8", reduce_range=False, reason="ARM multiplies signed bytes")
    if has_vnni() if vnni is None else vnni:
        return IntegerTypes("uint8", reduce_range=False, reason="x86 with VNNI")
    return IntegerTypes(
        "uint8",
        reduce_range=True,
        reason="x86 without VNNI: 7-bit weights, since pairs of products saturate",
    )


def has_vnni() -> bool:
    """Tell whether this CPU has VNNI. Where it does not say, it is taken to have none."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
