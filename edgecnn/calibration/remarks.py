"""What a table of numbers may let a reader overlook."""

from __future__ import annotations

from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.pay import cure_of
from edgecnn.calibration.target import this_machine

__all__ = ["remarks_on"]


def remarks_on(
    latency: Comparison | None,
    fusion: Fusion,
    target: str,
    *,
    precision: str,
    form: str,
    measured: bool,
    same_data: bool,
    chosen_on: str = "",
    forms: int = 0,
) -> tuple[str, ...]:
    """Say what a table of numbers may let one overlook.

    Parameters
    ----------
    precision : str
        What the file is called beside FP32.
    form : str
        See :func:`edgecnn.calibration.kinds.choose_kind`.
    chosen_on : str
        The data that the form was chosen on, if the result is claimed on the same.
    forms : int
        How many were tried on it.
    """
    remarks = []
    here = this_machine()
    if latency is None:
        remarks.append(
            f"made for {target}, which is not here: its latency is unmeasured; run `edgecnn bench "
            "--provider cuda` there"
        )
    elif target != here:
        remarks.append(
            f"made for {target} and measured on {here}: latency, and which operators run in FP32, "
            f"are this machine's; run `edgecnn bench` and `edgecnn evaluate` on the target"
        )
    elif latency.clearly_slower:
        remarks.append(
            f"{precision} is slower than FP32 on this machine: {latency.speedup:.2f}x its speed. "
            f"Unless size is what counts: {cure_of(latency, fusion, form)}"
        )
    if fusion.kept:
        remarks.append(
            f"{len(fusion.kept)} of {len(fusion.kept) + len(fusion.fused)} convolutions and "
            f"products run in FP32 all the same: {', '.join(fusion.kept[:4])}"
            f"{', ...' if len(fusion.kept) > 4 else ''}"
        )
    if same_data:
        remarks.append(
            "calibrated on the very data it is measured on: on other data it may do worse"
        )
    if chosen_on:
        remarks.append(
            f"chosen of {forms} forms on the very data it is measured on ({chosen_on}): on other "
            "data it may do worse; choose on other labelled data with --select"
        )
    if not measured:
        remarks.append("accuracy was not measured: give labelled data with --evaluate")
    return tuple(remarks)
