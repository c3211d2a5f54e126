"""What a table of numbers may let a reader overlook."""

from __future__ import annotations

from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.target import this_machine
from edgecnn.metadata import Quantization

__all__ = ["remarks_on"]


def remarks_on(
    latency: Comparison, recipe: Quantization, target: str, *, measured: bool, same_data: bool
) -> tuple[str, ...]:
    """Say what a table of numbers may let one overlook."""
    remarks = []
    here = this_machine()
    if target != here:
        remarks.append(
            f"made for {target} and measured on {here}: latency, and which operators run in FP32, "
            f"are this machine's; run `edgecnn bench` and `edgecnn evaluate` on the target"
        )
    elif latency.speedup < 1:
        remarks.append(
            f"INT8 is slower than FP32 on this machine: {latency.speedup:.2f}x its speed. The "
            "network is too small for 8 bits to pay; keep the FP32 file unless size is what counts"
        )
    if recipe.kept_fp32:
        remarks.append(
            f"{len(recipe.kept_fp32)} operators run in FP32 all the same: "
            f"{', '.join(recipe.kept_fp32[:4])}{', ...' if len(recipe.kept_fp32) > 4 else ''}"
        )
    if same_data:
        remarks.append(
            "calibrated on the very data it is measured on: on other data it may do worse"
        )
    if not measured:
        remarks.append("accuracy was not measured: give labelled data with --evaluate")
    return tuple(remarks)
