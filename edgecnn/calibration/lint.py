"""What looks wrong with a calibration set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from edgecnn.calibration.finding import Finding, first_names
from edgecnn.calibration.survey import Progress, Survey, content_digests, example_name
from edgecnn.calibration.tensor_values import Range
from edgecnn.data.dataset import Dataset
from edgecnn.data.mitdb import BeatRecords
from edgecnn.metadata import BeatInput, ImageInput, InputSpec

__all__ = ["lint_examples", "lint_overlap", "lint_ranges"]

#: Share of pictures from which lack of colour or of pixels is no accident.
_MANY = 0.05
#: A class with less than this share of the largest class's examples is rare.
_RARE = 0.1
#: By how much a range may grow from half of the samples to all, and in what share of the tensors.
_GROWTH, _GROWING = 0.1, 0.1


def lint_examples(dataset: Dataset, spec: InputSpec, seen: Survey) -> list[Finding]:
    """Look for examples that teach little: unreadable, twice there, constant, of another kind.

    Parameters
    ----------
    dataset : Dataset
    spec : InputSpec
    seen : Survey
        Of the examples to calibrate on.
    """
    findings = []
    of = len(seen.chosen)
    if seen.unreadable:
        first, listed = first_names([name for name, _ in seen.unreadable])
        n = len(seen.unreadable)
        findings.append(
            Finding(
                kind="unreadable",
                text=f"{_pictures(n)} cannot be read and {'is' if n == 1 else 'are'} passed over: "
                f"{listed}",
                count=n,
                of=of + n,
                first=first,
            )
        )
    findings += _duplicates(dataset, seen)
    noun = "calibration pictures"
    if seen.constant:
        findings.append(
            _of_examples(
                "constant", dataset, seen.constant, of, f"{noun} are black or of one colour"
            )
        )
    if isinstance(spec, ImageInput):
        if len(seen.grey) > _MANY * of:
            what = f"{noun} are grey, the model reads {spec.colour.upper()}"
            findings.append(_of_examples("grey", dataset, seen.grey, of, what))
        if len(seen.upscaled) > _MANY * of:
            what = f"{noun} are enlarged to fill the network's {spec.width} x {spec.height} pixels"
            findings.append(_of_examples("upscaled", dataset, seen.upscaled, of, what))
    findings += _imbalance(dataset, seen)
    if isinstance(dataset, BeatRecords) and isinstance(spec, BeatInput):
        flat, saturated = dataset.stuck_beats(spec, seen.chosen)
        for kind, mask, what in (
            ("flat", flat, "calibration beats lie where the lead is flat"),
            ("saturated", saturated, "calibration beats lie where the lead is saturated"),
        ):
            if mask.any():
                found = [int(index) for index in seen.chosen[mask]]
                findings.append(_of_examples(kind, dataset, found, of, what))
    return findings


def lint_overlap(
    dataset: Dataset,
    seen: Survey,
    evaluation: Dataset,
    spec: InputSpec,
    *,
    progress: Progress | None = None,
) -> list[Finding]:
    """Look for calibration examples in the evaluation data, by content, whatever their names.

    Of heartbeats, the records are counted that they belong to.
    """
    if not seen.digests:
        return []
    there = {digest for _, digest in content_digests(evaluation, spec, progress=progress)}
    shared = [
        int(index)
        for index, digest in zip(seen.chosen, seen.digests, strict=True)
        if digest in there
    ]
    if not shared:
        return []
    where = f"{evaluation.info.name}:{evaluation.info.split}"
    if dataset.groups is not None:
        records = list(dict.fromkeys(str(dataset.groups[index]) for index in shared))
        first, listed = first_names(records)
        text = (
            f"{len(records)} of {len(np.unique(dataset.groups[seen.chosen]))} calibration records "
            f"are in the evaluation data {where} too: {listed}"
        )
    else:
        first, listed = first_names([example_name(dataset, index) for index in shared])
        text = (
            f"{len(shared)} of {len(seen.chosen)} calibration examples are in the evaluation data "
            f"{where} too: {listed}"
        )
    return [Finding(kind="overlap", text=text, count=len(shared), of=len(seen.chosen), first=first)]


def lint_ranges(
    half: Mapping[str, Range], whole: Mapping[str, Range], samples: int
) -> list[Finding]:
    """Look for ranges that still grow from half of the samples to all of them.

    Parameters
    ----------
    half, whole : mapping of str to Range
        By every other sample, and by all.
    samples : int
    """
    growth = {}
    for name, found in whole.items():
        before, after = half[name].high - half[name].low, found.high - found.low
        if after > 0:
            growth[name] = after / before - 1 if before > 0 else np.inf
    growing = sorted((n for n in growth if growth[n] > _GROWTH), key=lambda n: -growth[n])
    if len(growing) <= _GROWING * len(whole):
        return []
    first, _ = first_names(growing)
    most = growth[growing[0]]
    told = f"{most:.0%}" if np.isfinite(most) else "from nothing"
    return [
        Finding(
            kind="too-few",
            text=f"{samples} calibration samples are few: from half of them to all, the ranges of "
            f"{len(growing)} of {len(whole)} tensors still grow by more than {_GROWTH:.0%} "
            f"(most: {growing[0]}, {told})",
            count=len(growing),
            of=len(whole),
            first=first,
        )
    ]


def _duplicates(dataset: Dataset, seen: Survey) -> list[Finding]:
    times = Counter(seen.digests)
    again, met = [], set()
    for index, digest in zip(seen.chosen, seen.digests, strict=False):
        if digest in met:
            again.append(int(index))
        met.add(digest)
    if not again:
        return []
    first, listed = first_names([example_name(dataset, index) for index in again])
    copies = sum(1 for count in times.values() if count > 1)
    return [
        Finding(
            kind="duplicates",
            text=f"{len(again)} of {len(seen.chosen)} calibration examples repeat one of {copies} "
            f"others, value for value: {listed}",
            count=len(again),
            of=len(seen.chosen),
            first=first,
        )
    ]


def _imbalance(dataset: Dataset, seen: Survey) -> list[Finding]:
    labels = dataset.info.labels
    if dataset.targets is None or len(labels) < 2:
        return []
    counts = np.bincount(dataset.targets[seen.chosen], minlength=len(labels))
    # With fewer examples than classes, some are absent whatever one does.
    if len(seen.chosen) < 2 * len(labels):
        return []
    rare = [i for i in np.argsort(counts, kind="stable") if counts[i] < _RARE * counts.max()]
    if not rare:
        return []
    first, listed = first_names([f"{labels[i]} ({counts[i]})" for i in rare])
    largest = int(counts.argmax())
    return [
        Finding(
            kind="imbalance",
            text=f"{len(rare)} of {len(labels)} classes have less than a tenth of the calibration "
            f"examples of {labels[largest]} ({counts[largest]}): {listed}",
            count=len(rare),
            of=len(labels),
            first=tuple(labels[i] for i in rare[: len(first)]),
        )
    ]


def _of_examples(kind: str, dataset: Dataset, found: list[int], of: int, what: str) -> Finding:
    first, listed = first_names([example_name(dataset, index) for index in sorted(found)])
    text = f"{len(found)} of {of} {what}: {listed}"
    return Finding(kind=kind, text=text, count=len(found), of=of, first=first)


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n} pictures"
