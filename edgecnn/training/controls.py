"""What a person may change by hand while a training runs, and how the fit loop learns of it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from edgecnn.errors import UsageError
from edgecnn.metadata import Intervention
from edgecnn.training.settings import TrainSettings

__all__ = ["Controls", "KnobName", "KnobRange", "Knobs", "knob_ranges"]

KnobName = Literal["rate_factor", "momentum", "weight_decay", "batch"]

#: How far from the recipe's own a batch may be, either way: memory and time follow it.
_BATCH_FACTOR = 8


class Knobs(Struct, frozen=True, kw_only=True):
    """The values in force.

    Attributes
    ----------
    rate_factor : float
        What the learning rate of the schedule is multiplied by.
    momentum : float
        Of SGD; of AdamW its β₁.
    weight_decay : float
    batch : int
    """

    rate_factor: float = 1.0
    momentum: float
    weight_decay: float
    batch: int

    @classmethod
    def of(cls, settings: TrainSettings) -> Knobs:
        """Return a recipe's own.

        Examples
        --------
        >>> Knobs.of(TrainSettings(epochs=1, batch=8, peak_rate=0.1)).momentum
        0.9
        """
        return cls(
            momentum=settings.momentum, weight_decay=settings.weight_decay, batch=settings.batch
        )

    def after(self, interventions: Iterable[Intervention]) -> Knobs:
        """Return what these are after some interventions."""
        changed: dict[str, float | int] = {}
        for each in interventions:
            changed[each.setting] = int(each.after) if each.setting == "batch" else each.after
        return msgspec.structs.replace(self, **changed)


class KnobRange(Struct, frozen=True, kw_only=True):
    """Least and most that a knob can be set to."""

    least: float
    most: float


def knob_ranges(settings: TrainSettings, examples: int) -> dict[KnobName, KnobRange]:
    """Return how far the knobs of a training turn; the recipe's own values are always within.

    Parameters
    ----------
    settings : TrainSettings
    examples : int
        In the training set: a batch is no larger.
    """
    batch = settings.batch
    return {
        "rate_factor": KnobRange(least=0.01, most=10.0),
        "momentum": KnobRange(least=0.0, most=max(0.99, settings.momentum)),
        "weight_decay": KnobRange(least=0.0, most=max(0.1, settings.weight_decay)),
        # Batch normalisation needs two examples to have a variance.
        "batch": KnobRange(
            least=min(batch, max(2, batch // _BATCH_FACTOR)),
            most=max(batch, min(examples, _BATCH_FACTOR * batch)),
        ),
    }


class Controls:
    """Passes a person's wishes from any thread to the fit loop, which looks between steps.

    Before :meth:`begin` and after :meth:`end` nothing can be changed.

    Examples
    --------
    >>> settings = TrainSettings(epochs=1, batch=8, peak_rate=0.1)
    >>> controls = Controls()
    >>> controls.begin(Knobs.of(settings), knob_ranges(settings, 100))
    >>> controls.change("momentum", 0.5)
    >>> controls.wanted.momentum
    0.5
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: Knobs | None = None
        self._ranges: dict[KnobName, KnobRange] = {}
        self._running = threading.Event()
        self._running.set()

    @property
    def wanted(self) -> Knobs:
        """The values that were asked for last."""
        with self._lock:
            assert self._wanted is not None
            return self._wanted

    @property
    def ranges(self) -> dict[KnobName, KnobRange]:
        """How far each knob turns; none while nothing can be changed."""
        with self._lock:
            return dict(self._ranges)

    @property
    def paused(self) -> bool:
        """Tell whether the training is to wait."""
        return not self._running.is_set()

    def begin(self, knobs: Knobs, ranges: dict[KnobName, KnobRange]) -> None:
        """Take requests from now on; these are the values in force."""
        with self._lock:
            self._wanted = knobs
            self._ranges = dict(ranges)

    def end(self) -> None:
        """Take no more requests."""
        with self._lock:
            self._ranges = {}
        self._running.set()

    def change(self, name: str, value: object) -> None:
        """Ask for another value; it takes effect before the next step, a batch with the next epoch.

        Raises
        ------
        UsageError
            No such knob, no number, out of range, or there is nothing running to be changed.
        """
        with self._lock:
            self._refuse_outside()
            if name not in self._ranges:
                raise UsageError(
                    f"nothing named {name!r} can be changed", hint=f"one of {', '.join(_NAMES)}"
                )
            limits = self._ranges[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"{name} takes a number")
            if not math.isfinite(value) or not limits.least <= value <= limits.most:
                raise UsageError(f"{name} can be {limits.least:g} to {limits.most:g}, not {value}")
            if name == "batch" and value != int(value):
                raise UsageError(f"batch takes a whole number, not {value}")
            number = int(value) if name == "batch" else float(value)
            assert self._wanted is not None
            self._wanted = msgspec.structs.replace(self._wanted, **{name: number})

    def pause(self) -> None:
        """Ask the training to wait before its next step.

        Raises
        ------
        UsageError
            None is running.
        """
        with self._lock:
            self._refuse_outside()
            self._running.clear()

    def resume(self) -> None:
        """Let the training go on."""
        self._running.set()

    def wait(self, seconds: float) -> bool:
        """Wait while paused, so long at most; tell whether the training may go on."""
        return self._running.wait(seconds)

    def _refuse_outside(self) -> None:
        if not self._ranges:
            raise UsageError("no training is under way that could be changed")


_NAMES: tuple[KnobName, ...] = ("rate_factor", "momentum", "weight_decay", "batch")
