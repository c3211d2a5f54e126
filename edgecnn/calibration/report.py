"""What a quantization run has to say."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.outcome import Outcome
from edgecnn.calibration.remarks import remarks_on
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.files import sha256_of
from edgecnn.metadata import Accuracy, ClassScore, Quantization

__all__ = ["QuantizeReport", "make_report"]


class QuantizeReport(Struct, frozen=True, kw_only=True):
    """What quantization did to accuracy, speed and size.

    Attributes
    ----------
    path, sha256 : str
        Of the new file.
    metric : str or None
        What ``fp32``, ``int8`` and ``drop`` are measured in; None without labelled data.
    fp32, int8, drop : float or None
        Both files' metric, and by how much the second is worse.
    fp32_interval_95, int8_interval_95 : tuple of float or None
    per_class : dict
        For each label the scores of ``"fp32"`` and ``"int8"``.
    agreement : float
        Share of examples that get the same label from both.
    agreement_on : str
        Which examples: the evaluation data or, without any, calibration data, if possible such as
        took no part in the calibration.
    n : int
        Number of examples behind metric and agreement.
    latency_ms, latency_p95_ms : dict
        Of both files, batch 1, measured in turns.
    speedup : float
        FP32 ÷ INT8: below 1 the INT8 file is the slower one.
    speedup_range : tuple of float
        Quartiles of the speed-up over the rounds of the measurement.
    size_bytes : dict
    kept_fp32 : tuple of str
        Convolutions and matrix products that run in FP32 all the same.
    settings : dict
    remarks : tuple of str
        What a reader should not miss.
    """

    path: str
    sha256: str
    metric: str | None
    fp32: float | None
    int8: float | None
    drop: float | None
    fp32_interval_95: tuple[float, float] | None
    int8_interval_95: tuple[float, float] | None
    per_class: dict[str, dict[str, ClassScore]]
    agreement: float
    agreement_on: str
    n: int
    latency_ms: dict[str, float]
    latency_p95_ms: dict[str, float]
    speedup: float
    speedup_range: tuple[float, float]
    size_bytes: dict[str, int]
    kept_fp32: tuple[str, ...]
    settings: dict[str, str | int | float | bool]
    remarks: tuple[str, ...]


def make_report(
    source: Path,
    out: Path,
    *,
    outcome: Outcome,
    latency: Comparison,
    recipe: Quantization,
    settings: dict[str, str | int | float | bool],
    same_data: bool,
) -> QuantizeReport:
    """Draw up the report of a file that is written."""
    before, after = outcome.fp32, outcome.int8
    measured = before is not None and after is not None
    return QuantizeReport(
        path=str(out),
        sha256=sha256_of(out),
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
        latency_ms={"fp32": latency.first_ms[0], "int8": latency.second_ms[0]},
        latency_p95_ms={"fp32": latency.first_ms[1], "int8": latency.second_ms[1]},
        speedup=latency.speedup,
        speedup_range=latency.speedup_range,
        size_bytes={"fp32": source.stat().st_size, "int8": out.stat().st_size},
        kept_fp32=recipe.kept_fp32,
        settings=settings,
        remarks=remarks_on(
            latency, recipe, str(settings["target"]), measured=measured, same_data=same_data
        ),
    )


def _drop(before: Accuracy, after: Accuracy) -> float:
    """Return what was lost: of nats per character, less is better."""
    lost = before.value - after.value
    return -lost if before.metric == NATS_PER_CHARACTER else lost
