"""What was measured of a file."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from edgecnn.metadata.constraints import Count, Fraction, Positive
from edgecnn.metadata.contract import SCHEMA

__all__ = ["Accuracy", "ClassScore", "Latency", "Measured", "Parity"]


class ClassScore(Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """Sensitivity (recall), positive predictivity (precision) and F1 of one class, 0..1.

    ``average_precision`` is a detector's, over all thresholds; the others are at its own.
    """

    sensitivity: float | None
    positive_predictivity: float | None
    f1: float | None
    n: Count
    average_precision: float | None = None


class Accuracy(Struct, frozen=True, kw_only=True):
    """A measured accuracy, with the interval that the number of samples allows.

    ``by_record`` holds the confusion matrix of each record, of heartbeats.
    """

    dataset: str
    split: str
    metric: str
    value: float
    interval_95: tuple[float, float]
    n: Count
    per_class: dict[str, ClassScore] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    note: str = ""
    by_record: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


class Parity(Struct, frozen=True, kw_only=True):
    """How closely ONNX Runtime repeated PyTorch on real inputs, or what else the file comes from.

    ``top1_agreement`` is None where no single value is the answer (boxes, pictures).
    """

    max_abs: float
    max_rel: float
    top1_agreement: Fraction | None
    samples: Count
    atol: float
    rtol: float
    reference: str = "PyTorch"


class Latency(Struct, frozen=True, kw_only=True):
    """Milliseconds per call on a stated machine: median and 95th percentile."""

    provider: str
    threads: Count
    batch: Positive
    p50_ms: float
    p95_ms: float
    machine: str


class Measured(Struct, frozen=True, kw_only=True):
    """What was measured of the file, when and with which revision."""

    schema: Literal[1] = SCHEMA
    accuracy: tuple[Accuracy, ...] = ()
    parity: Parity | None = None
    latency: tuple[Latency, ...] = ()
    training_seconds: float | None = None
    date: str = ""
    revision: str = ""
    note: str = ""
