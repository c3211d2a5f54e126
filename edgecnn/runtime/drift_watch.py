"""Whether a file's drift can be watched, and what watches it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.runtime.drift_monitor import DriftMonitor
from edgecnn.runtime.seen import Seen
from edgecnn.runtime.session import Model
from edgecnn.runtime.tapped import Tapped

__all__ = ["NO_BASELINE", "watch_drift"]

NO_BASELINE = "no baseline in the file: drift is not watched; `edgecnn quantize` writes one"


def watch_drift(
    model: Model, *, clock: Callable[[Seen], float | None], frames: int
) -> tuple[DriftMonitor | None, str]:
    """Return what watches a model's drift, and what is to be said about it.

    Parameters
    ----------
    model : Model
    clock, frames
        See :class:`~edgecnn.runtime.drift_monitor.DriftMonitor`.

    Returns
    -------
    DriftMonitor or None
        None where the file has nothing to compare with.
    str
    """
    baseline = model.baseline
    if baseline is None:
        return None, NO_BASELINE
    feature = baseline.find("feature")
    tapped: Tapped | None = None
    without = ""
    if feature is not None and feature.tensor:
        try:
            tapped = Tapped(model, [feature.tensor])
        except ModelError as error:
            without = f", but not its features: {error.message}"
    monitor = DriftMonitor(
        baseline,
        model.metadata,
        clock=clock,
        feature=None if tapped is None else partial(_feature, tapped),
        frames=frames,
    )
    said = f"drift is watched against {baseline.samples} examples of {baseline.data}{without}"
    return monitor, said


def _feature(tapped: Tapped, seen: Seen) -> NDArray[np.float32]:
    return tapped.run(seen.inputs)[0]
