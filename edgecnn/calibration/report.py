"""What a quantization run has to say."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from edgecnn.calibration.finding import Finding
from edgecnn.calibration.frontier import Point
from edgecnn.calibration.kept import Fusion
from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.outcome import Outcome
from edgecnn.calibration.pay import verdict_on
from edgecnn.calibration.remarks import remarks_on
from edgecnn.calibration.settle import Settled
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.files import sha256_of
from edgecnn.metadata import Accuracy, ClassScore

__all__ = ["QuantizeReport", "make_report"]


class QuantizeReport(Struct, frozen=True, kw_only=True):
    """What quantization did to accuracy, speed and size.

    Attributes
    ----------
    path, sha256 : str
        Of the new file.
    source : str
        The FP32 file.
    metric : str or None
        What ``fp32``, ``int8`` and ``drop`` are measured in; None without labelled data.
    fp32, int8, drop : float or None
        Both files' metric, and by how much the second is worse.
    fp32_interval_95, int8_interval_95 : tuple of float or None
    per_class : dict
        For each label the scores of ``"fp32"`` and ``"int8"``.
    confusion : dict
        ``"fp32"`` and ``"int8"``: by true class (rows) and answer. Empty without labels.
    agreement : float
        Share of examples that get the same label from both.
    agreement_on : str
        Which examples: the evaluation data or, without any, calibration data, if possible such as
        took no part in the calibration.
    n : int
        Number of examples behind metric and agreement.
    latency_ms, latency_p95_ms : dict
        Of both files, batch 1, measured in turns.
    speedup : float or None
        FP32 ÷ INT8: below 1 the INT8 file is the slower one. None where nothing was timed, as this
        machine has no such processor.
    speedup_range : tuple of float or None
        Quartiles of the speed-up over the rounds of the measurement.
    size_bytes : dict
    speedup_interval_95 : tuple of float or None
        Of the median speed-up.
    pays : str
        ``"faster"``, ``"slower"`` or ``"no clear difference"`` on the machine that the file is for,
        if it is this one; else ``"unmeasured here"``.
    kept_fp32 : tuple of str
        Convolutions and matrix products that run in FP32 all the same.
    fused : int
        How many run in 8 bits.
    excluded : tuple of str
        Nodes left out because that was asked for.
    left_in_fp32 : tuple of str
        Blocks left out because the file is faster so, or because that was asked for.
    bias_corrected : bool
    budget_kept_fp32 : tuple of str
        Layers that went back to FP32 to keep to the budget.
    budget_kept_int8 : tuple of str
        Layers whose weights have 8 bits for it, where others have 4.
    points : tuple of Point
        Forms that were measured for it.
    chosen_on : str
        The data that the form was chosen on; empty where there was nothing to choose.
    frontier : str or None
        The picture of it.
    settings : dict
    findings : tuple of Finding
        What looks wrong with the calibration data.
    remarks : tuple of str
        What a reader should not miss.
    """

    path: str
    sha256: str
    source: str
    metric: str | None
    fp32: float | None
    int8: float | None
    drop: float | None
    fp32_interval_95: tuple[float, float] | None
    int8_interval_95: tuple[float, float] | None
    per_class: dict[str, dict[str, ClassScore]]
    confusion: dict[str, tuple[tuple[int, ...], ...]]
    agreement: float
    agreement_on: str
    n: int
    latency_ms: dict[str, float]
    latency_p95_ms: dict[str, float]
    speedup: float | None
    speedup_range: tuple[float, float] | None
    size_bytes: dict[str, int]
    speedup_interval_95: tuple[float, float] | None
    pays: str
    kept_fp32: tuple[str, ...]
    fused: int
    excluded: tuple[str, ...]
    left_in_fp32: tuple[str, ...]
    bias_corrected: bool
    budget_kept_fp32: tuple[str, ...]
    budget_kept_int8: tuple[str, ...] = ()
    points: tuple[Point, ...]
    chosen_on: str
    frontier: str | None
    settings: dict[str, str | int | float | bool]
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...]


def make_report(
    source: Path,
    out: Path,
    *,
    outcome: Outcome,
    latency: Comparison | None,
    kept_fp32: tuple[str, ...],
    settings: dict[str, str | int | float | bool],
    same_data: bool,
    findings: tuple[Finding, ...],
    settled: Settled,
    fusion: Fusion,
    left: tuple[str, ...],
    excluded: tuple[str, ...],
    chosen_on: tuple[str, bool],
    frontier: str | None,
    remarks: tuple[str, ...] = (),
) -> QuantizeReport:
    """Draw up the report of a file that is written."""
    before, after = outcome.fp32, outcome.int8
    measured = before is not None and after is not None
    target = str(settings["target"])
    searched = settled.chosen is not None
    return QuantizeReport(
        path=str(out),
        sha256=sha256_of(out),
        source=str(source),
        excluded=excluded,
        confusion={"fp32": before.confusion, "int8": after.confusion}
        if before and after and before.confusion
        else {},
        metric=before.metric if before else None,
        fp32=before.value if before else None,
        int8=after.value if after else None,
        drop=_drop(before, after) if before and after else None,
        fp32_interval_95=before.interval_95 if before else None,
        int8_interval_95=after.interval_95 if after else None,
        per_class={
            label: {"fp32": before.per_class[label], "int8": after.per_class[label]}
            for label in before.per_class
        }
        if before and after
        else {},
        agreement=outcome.agreement,
        agreement_on=outcome.on,
        n=outcome.n,
        latency_ms=_both(latency, 0),
        latency_p95_ms=_both(latency, 1),
        speedup=latency.speedup if latency else None,
        speedup_range=latency.speedup_range if latency else None,
        size_bytes={"fp32": source.stat().st_size, "int8": out.stat().st_size},
        speedup_interval_95=latency.interval_95 if latency else None,
        pays=verdict_on(latency, target) if latency else "unmeasured here",
        kept_fp32=kept_fp32,
        fused=len(fusion.fused),
        left_in_fp32=left,
        bias_corrected=settled.bias_corrected,
        budget_kept_fp32=settled.chosen.kept_fp32 if settled.chosen else (),
        budget_kept_int8=settled.chosen.kept_int8 if settled.chosen else (),
        points=settled.points,
        chosen_on=chosen_on[0] if searched else "",
        frontier=frontier,
        settings=settings,
        findings=findings,
        remarks=(
            *remarks_on(
                latency,
                fusion,
                target,
                precision=str(settings["precision"]),
                form=str(settings["form"]),
                measured=measured,
                same_data=same_data,
                chosen_on=chosen_on[0] if chosen_on[1] else "",
                forms=len(settled.points),
            ),
            *remarks,
        ),
    )


def _both(latency: Comparison | None, place: int) -> dict[str, float]:
    if latency is None:
        return {}
    return {"fp32": latency.first_ms[place], "int8": latency.second_ms[place]}


def _drop(before: Accuracy, after: Accuracy) -> float:
    """Return what was lost: of nats per character, less is better."""
    lost = before.value - after.value
    return -lost if before.metric == NATS_PER_CHARACTER else lost
