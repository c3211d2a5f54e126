"""Two models' answers to the same examples, whatever their task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError
from edgecnn.evaluation.paired import PairedTest
from edgecnn.metadata import Accuracy, CharacterInput, ImageInput, ModelMetadata, reads
from edgecnn.runtime.session import Model

__all__ = ["Changed", "OutputDifference", "PairedAnswers", "Progress", "require_comparable"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class OutputDifference:
    """How far two models' raw outputs (of a classifier: the logits) lie apart.

    Attributes
    ----------
    mean_abs, max_abs : float
        Over all values; of pictures in grey levels.
    sqnr_db : float or None
        Power of the first's outputs over that of the difference; None where there is none.
    not_finite : int
        Examples for which a model gives a value that is no number; they are left out above.
    """

    mean_abs: float
    max_abs: float
    sqnr_db: float | None
    not_finite: int = 0


@dataclass(frozen=True)
class Changed:
    """An example that the two models see differently.

    Attributes
    ----------
    index : int
        Its place in the dataset.
    label : str or None
        The true one, where it is known.
    first, second : str
        The answers in words.
    change : float
        By how much the scores (0..1) or, of pictures, the grey levels changed.
    group : str or None
        The record that it is of.
    """

    index: int
    label: str | None
    first: str
    second: str
    change: float
    group: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedAnswers:
    """What two models answered.

    Attributes
    ----------
    unit : str
        What ``n`` counts: examples, pictures, characters.
    indices : ndarray of int64
        The examples, by their place in the dataset.
    agreement : float
        Share of the answers that are the same, in the sense of ``agreement_on``.
    agreement_interval_95 : tuple of float or None
    first, second : Accuracy or None
        None without labels.
    difference : float or None
        The second's metric minus the first's.
    difference_interval_95 : tuple of float or None
    interval_method : str
        How that interval was found.
    test : PairedTest or None
        Where answers are right or wrong.
    flips : tuple of (str, str, int)
        First's answer, second's answer, how often; most frequent first.
    worst : tuple of Changed
        Most changed first.
    """

    n: int
    unit: str
    indices: NDArray[np.int64]
    agreement: float
    agreement_on: str
    agreement_interval_95: tuple[float, float] | None = None
    first: Accuracy | None = None
    second: Accuracy | None = None
    difference: float | None = None
    difference_interval_95: tuple[float, float] | None = None
    interval_method: str = ""
    test: PairedTest | None = None
    outputs: OutputDifference | None = None
    flips: tuple[tuple[str, str, int], ...] = ()
    worst: tuple[Changed, ...] = ()


def require_comparable(first: Model, second: Model) -> None:
    """Refuse two models whose answers have nothing in common.

    Raises
    ------
    TaskError
        Another task, another kind of input, other labels; detectors that see different parts of a
        picture; another alphabet.
    """
    one, other = first.metadata, second.metadata
    names = (first.path.name, second.path.name)
    for what, pair in (
        ("task", (one.task, other.task)),
        ("input", (reads(one.input), reads(other.input))),
    ):
        if pair[0] != pair[1]:
            raise TaskError(
                f"{names[0]} and {names[1]} cannot be compared: {what} {pair[0]} and {pair[1]}"
            )
    if set(one.labels) != set(other.labels):
        only = sorted(set(one.labels) ^ set(other.labels))
        shown = ", ".join(only[:6]) + (", ..." if len(only) > 6 else "")
        raise TaskError(
            f"{names[0]} and {names[1]} cannot be compared: only one of them knows {shown}"
        )
    if one.task == "detect" and _view(one) != _view(other):
        raise TaskError(
            f"{names[0]} and {names[1]} see pictures at different sizes or cut differently: their "
            "boxes cannot be compared",
            hint="`edgecnn evaluate` measures each by itself",
        )
    if isinstance(one.input, CharacterInput):
        assert isinstance(other.input, CharacterInput)
        if one.input.vocabulary != other.input.vocabulary:
            raise TaskError(f"{names[0]} and {names[1]} write in different characters")


def _view(metadata: ModelMetadata) -> tuple[object, ...]:
    """Return what decides which pixels of a picture a box of the tensor lies on."""
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    return (spec.height, spec.width, spec.resize, spec.shorter_side, spec.align)
