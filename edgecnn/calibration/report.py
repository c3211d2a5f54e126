"""What a quantization run has to say."""

from __future__ import annotations

from msgspec import Struct

from edgecnn.metadata import ClassScore

__all__ = ["QuantizeReport"]


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
