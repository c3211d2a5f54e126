"""Calibration as a whole: look at the examples, observe the network on them, choose the ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from edgecnn.calibration.batches import CalibrationBatches
from edgecnn.calibration.cache import CalibrationCache, cache_key, observe_cached
from edgecnn.calibration.estimators import Estimator
from edgecnn.calibration.finding import Finding
from edgecnn.calibration.lint import lint_examples, lint_overlap, lint_ranges
from edgecnn.calibration.observation import Observation
from edgecnn.calibration.observe import observed_tensors
from edgecnn.calibration.ranges import ranges_of
from edgecnn.calibration.survey import Survey
from edgecnn.calibration.tensor_values import Range
from edgecnn.data.dataset import Dataset
from edgecnn.metadata import InputSpec

__all__ = ["BATCH", "Calibrated", "calibrate", "lint_data"]

#: Examples that are preprocessed at a time.
BATCH = 8

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Calibrated:
    """What calibration came to.

    Attributes
    ----------
    ranges : dict of str to Range
    seen : Observation
        What they were chosen from.
    findings : tuple of Finding
        About the ranges.
    cache : str
        What came from the cache, or where it was put; empty without one.
    """

    ranges: dict[str, Range]
    seen: Observation
    findings: tuple[Finding, ...] = ()
    cache: str = ""


def calibrate(
    prepared: onnx.ModelProto,
    dataset: Dataset,
    spec: InputSpec,
    looked: Survey,
    estimator: Estimator,
    *,
    model_sha256: str,
    cache: Path | None = None,
    tell: Progress = lambda stage, done, total: None,
) -> Calibrated:
    """Observe a prepared graph on a calibration set, and choose the range of every activation.

    Parameters
    ----------
    prepared : onnx.ModelProto
        From :func:`edgecnn.calibration.prepare.prepare`.
    dataset : Dataset
    spec : InputSpec
        ``metadata.input`` of the model.
    looked : Survey
        Of the examples to take.
    estimator : Estimator
        From :func:`edgecnn.calibration.estimators.make_estimator`.
    model_sha256 : str
        Of the model with its weights, which may lie in another file.
    cache : Path, optional
        Folder to keep what is seen in. Data without a hash is never kept.
    tell : callable
        Told (``"calibrating"``, examples done, examples in all).

    Raises
    ------
    DataError
        The data is of another kind or size than the model reads, or the network computes values
        that are not finite.
    """
    samples = len(looked.chosen)
    place = None
    if cache is not None and dataset.info.sha256:
        key = cache_key(
            model_sha256,
            dataset.info,
            looked.chosen,
            histograms=estimator.needs_histogram,
            batch=BATCH,
        )
        place = CalibrationCache(key, cache)
    batches = CalibrationBatches(
        dataset,
        spec,
        looked.chosen,
        batch=BATCH,
        progress=lambda done: tell("calibrating", done, samples),
    )
    seen = observe_cached(
        prepared,
        batches,
        observed_tensors(prepared),
        histograms=estimator.needs_histogram,
        samples=samples,
        cache=place,
    )
    tell("calibrating", samples, samples)
    ranges = ranges_of(seen, estimator)
    findings: list[Finding] = []
    # A moving average has no halves; one sample has none either.
    if samples > 1 and estimator.title != "moving-average":
        findings = lint_ranges(ranges_of(seen, estimator, half=True), ranges, samples)
    said = place.describe(samples) if place is not None else ""
    return Calibrated(ranges, seen, tuple(findings), said)


def lint_data(
    dataset: Dataset,
    spec: InputSpec,
    looked: Survey,
    evaluation: Dataset | None,
    *,
    tell: Progress = lambda stage, done, total: None,
) -> tuple[Finding, ...]:
    """Say what looks wrong with the examples, by themselves and beside the evaluation data."""
    findings = lint_examples(dataset, spec, looked)
    if evaluation is not None and looked.digests:
        findings += lint_overlap(
            dataset,
            looked,
            evaluation,
            spec,
            progress=lambda done, total: tell("comparing data", done, total),
        )
    return tuple(findings)
