"""What is asked of a quantization, as one value."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgecnn.calibration.estimators import Method
from edgecnn.calibration.kinds import Kind
from edgecnn.calibration.outcome import Outcome
from edgecnn.calibration.target import Target
from edgecnn.data.dataset import Dataset
from edgecnn.data.objects import ObjectDataset
from edgecnn.data.picked_pictures import PickedPictures
from edgecnn.data.pictures import PictureDataset
from edgecnn.runtime.machine import usable_cpus

__all__ = ["Progress", "Request"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """The parameters of :func:`edgecnn.calibration.quantize.quantize_model`, told of there."""

    path: str | os.PathLike[str]
    out: Path
    calibration: Dataset
    evaluate: Dataset | None
    samples: int
    seed: int
    method: Method | Literal["auto"]
    percentile: float
    target: Target
    activations: Literal["auto", "uint8", "int8"]
    reduce_range: bool | None
    form: Kind
    bits: int
    block: int | None
    exclude: tuple[str, ...]
    leave: Sequence[str] | None
    max_drop: float | None
    min_agreement: float | None
    select: Dataset | None
    bias_correction: bool | None
    frontier: str | os.PathLike[str] | None
    page: Path | None
    allow_slower: bool
    strict: bool
    cache: Path | None
    threads: int | None
    seconds: float
    named: Mapping[str, str]
    progress: Progress | None

    def measured_on(self, outcome: Outcome) -> Dataset:
        """Return the data that both files are looked at on, for a page.

        Without any to evaluate on, it is the pictures that agreement was measured on.
        """
        if self.evaluate is not None:
            return self.evaluate
        data = self.calibration
        if (
            outcome.indices is None
            or not isinstance(data, PictureDataset)
            or isinstance(data, ObjectDataset)
        ):
            return data
        return PickedPictures(data, outcome.indices)

    @property
    def chosen_on(self) -> Dataset | None:
        """The labelled data that a form is chosen on; None goes by answers that stay the same."""
        return self.select if self.select is not None else self.evaluate

    @property
    def is_measured_on_its_calibration(self) -> bool:
        """Whether the result is claimed on the very data that ranges are from."""
        return self.evaluate is not None and same_data(self.calibration, self.evaluate)

    @property
    def is_chosen_on_its_test(self) -> bool:
        """Whether the form is chosen on the very data that the result is claimed on."""
        if self.select is None:
            return True
        return self.evaluate is not None and same_data(self.select, self.evaluate)

    @property
    def budget(self) -> dict[str, float]:
        """What was asked for of it, by the names of the options."""
        asked = {"max_drop": self.max_drop, "min_agreement": self.min_agreement}
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def as_named(self) -> dict[str, str]:
        """What the report's command is to call the data and the model, by setting."""
        return {f"{what}_named": name for what, name in self.named.items()}

    @property
    def thread_count(self) -> int:
        """Threads that files are timed with."""
        return self.threads or usable_cpus()

    def tell(self, stage: str, done: int, total: int) -> None:
        """Report progress, where anyone wants to know."""
        if self.progress is not None:
            self.progress(stage, done, total)


def same_data(one: Dataset, other: Dataset) -> bool:
    """Tell by content, not by name; splits may share an archive, and so its hash."""
    return (one.info.sha256, one.info.split) == (other.info.sha256, other.info.split)
