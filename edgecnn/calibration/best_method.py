"""Which estimator of ranges suits a network: the one that leaves the least noise in its logits.

Labels take no part, and no data but the calibration set's, so what accuracy is then measured on
chooses nothing. One pass over the set serves all estimators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.forms import StaticForms
from edgecnn.calibration.probe import sqnr_db

__all__ = ["Chosen", "least_noise", "with_corrections"]

#: How much better, in dB, a form must be to be preferred to a plainer one.
_WORTH_DB = 0.2

Run = Callable[[onnx.ModelProto], NDArray[np.float32]]


@dataclass(frozen=True)
class Chosen:
    """The forms that were chosen, and what they were chosen of.

    Attributes
    ----------
    forms : StaticForms
    title : str
        Of the estimator.
    sqnr_db : float
        Of the logits.
    tried : dict of str to float
        The same of each estimator, by title.
    """

    forms: StaticForms
    title: str
    sqnr_db: float
    tried: dict[str, float]


def least_noise(
    candidates: Mapping[str, StaticForms],
    run: Run,
    reference: NDArray[np.float32],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Chosen:
    """Choose among estimators; of two that are about as good, the one named first.

    Parameters
    ----------
    candidates : mapping of str to StaticForms
        By the estimator's title.
    run : callable
        Runs a graph on a fixed set of inputs.
    reference : ndarray of float32
        What the FP32 file gives for them.
    """
    tried: dict[str, float] = {}
    best: tuple[str, float] | None = None
    for number, (title, forms) in enumerate(candidates.items(), start=1):
        tried[title] = sqnr_db(run(forms.make()), reference)
        if best is None or tried[title] > best[1] + _WORTH_DB:
            best = (title, tried[title])
        if progress is not None:
            progress(number, len(candidates))
    assert best is not None
    return Chosen(candidates[best[0]], best[0], best[1], tried)


def with_corrections(
    chosen: Chosen,
    corrections: Mapping[str, NDArray[np.float32]],
    run: Run,
    reference: NDArray[np.float32],
) -> Chosen | None:
    """Return the same with biases corrected, if that leaves less noise; else None."""
    if not corrections:
        return None
    forms = replace(chosen.forms, corrections=corrections)
    found = sqnr_db(run(forms.make()), reference)
    if found <= chosen.sqnr_db + _WORTH_DB:
        return None
    return replace(chosen, forms=forms, sqnr_db=found)
