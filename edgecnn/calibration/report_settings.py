"""The settings that a report tells, to be had again by the command that it prints."""

from __future__ import annotations

from collections.abc import Sequence

from edgecnn.calibration.estimators import Estimator
from edgecnn.calibration.kinds import KindChoice
from edgecnn.calibration.making import Told
from edgecnn.metadata import Quantization
from edgecnn.runtime.machine import describe_machine

__all__ = ["report_settings"]


def report_settings(
    recipe: Quantization,
    choice: KindChoice,
    made: Told,
    estimators: Sequence[tuple[str, Estimator]],
    *,
    bias_correction: bool,
    asked: dict[str, str | int | float | bool],
) -> dict[str, str | int | float | bool]:
    """Name what was decided, and what was asked for.

    Parameters
    ----------
    recipe : Quantization
        What the file says of itself.
    estimators : sequence of (str, Estimator)
        Those that there was a choice of, by the names that ``--method`` takes.
    bias_correction : bool
        Whether the form that was settled on has it.
    asked : dict
        Settings that are told as they were given.
    """
    named = {one.title: name for name, one in estimators}
    return {
        "format": recipe.format,
        "target": choice.types.target,
        "activations": recipe.activations,
        "weights": recipe.weights,
        "per_channel": recipe.per_channel,
        "block": recipe.block,
        "reduce_range": recipe.reduce_range,
        "form": choice.kind,
        "types_reason": choice.reason,
        "method": recipe.method,
        "samples": recipe.samples,
        "method_name": named.get(recipe.method, recipe.method),
        "cache": made.cache,
        **{f"logits_sqnr_db, {name}": round(value, 2) for name, value in made.tried.items()},
        "bias_correction": bias_correction,
        "left_in_fp32": ", ".join(made.left),
        "machine": describe_machine().cpu,
        **asked,
    }
