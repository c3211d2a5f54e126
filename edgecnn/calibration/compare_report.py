"""What a comparison of two files has to say."""

from __future__ import annotations

from msgspec import Struct

from edgecnn.calibration.sqnr import LayerNoise
from edgecnn.evaluation.paired import PairedTest
from edgecnn.evaluation.paired_answers import Changed, OutputDifference
from edgecnn.metadata import ClassScore

__all__ = ["Between", "ClassChange", "CompareReport", "FileFacts"]


class FileFacts(Struct, frozen=True, kw_only=True):
    """Which file it was.

    ``kind`` says how its numbers are kept: ``"FP32"``, ``"QDQ"``, ``"dynamic"``, ...
    """

    path: str
    sha256: str
    size_bytes: int
    name: str
    kind: str
    provider: str


class Between(Struct, frozen=True):
    """One number of each file."""

    first: float
    second: float


class ClassChange(Struct, frozen=True):
    """A class's scores by both files, and what F1 (of a detector: average precision) gained."""

    first: ClassScore
    second: ClassScore
    change: float | None


class CompareReport(Struct, frozen=True, kw_only=True):
    """Two model files on the same data.

    Attributes
    ----------
    first, second : FileFacts
    task, data : str
    n : int
    unit : str
        What ``n`` counts.
    note : str
        What is to know of the data: a draw, examples left out, few records.
    metric : str or None
        What ``value`` and ``difference`` are in; None without labels.
    value : Between or None
    interval_95 : tuple or None
        First's interval, second's interval.
    difference : float or None
        Second minus first.
    difference_interval_95 : tuple of float or None
        Of the paired difference, by ``interval_method``.
    drop : float or None
        How much worse the second is, in the metric's unit: ``-difference``, or of a metric of which
        less is better ``difference``.
    test : PairedTest or None
        Whether the two are right equally often.
    agreement : float
        Share of same answers, in the sense of ``agreement_on``.
    agreement_interval_95 : tuple of float or None
    outputs : OutputDifference or None
    per_class : dict of str to ClassChange
    flips : tuple of (str, str, int)
        First's answer, second's answer, how often.
    worst : tuple of Changed
        The most changed examples.
    layers : tuple of LayerNoise
        Empty where neither file was made from the other.
    layers_n : int
        Examples that the layers were compared on.
    latency_ms, latency_p95_ms : Between or None
        Batch 1, measured in turns.
    speedup : float or None
        First ÷ second: above 1 the second is the faster one.
    speedup_range : tuple of float or None
        Quartiles over the rounds of the measurement.
    settings : dict
    remarks : tuple of str
        What a reader should not miss.
    """

    first: FileFacts
    second: FileFacts
    task: str
    data: str
    n: int
    unit: str
    note: str
    metric: str | None
    value: Between | None
    interval_95: tuple[tuple[float, float], tuple[float, float]] | None
    difference: float | None
    difference_interval_95: tuple[float, float] | None
    interval_method: str
    drop: float | None
    test: PairedTest | None
    agreement: float
    agreement_on: str
    agreement_interval_95: tuple[float, float] | None
    outputs: OutputDifference | None
    per_class: dict[str, ClassChange]
    flips: tuple[tuple[str, str, int], ...]
    worst: tuple[Changed, ...]
    layers: tuple[LayerNoise, ...]
    layers_n: int
    latency_ms: Between | None
    latency_p95_ms: Between | None
    speedup: float | None
    speedup_range: tuple[float, float] | None
    settings: dict[str, str | int | float | bool]
    remarks: tuple[str, ...]
