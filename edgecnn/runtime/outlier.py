"""Refuses answers to what is like nothing that the file was calibrated with."""

from __future__ import annotations

import dataclasses

from edgecnn.metadata import Distribution, Output
from edgecnn.runtime.drift_values import energy
from edgecnn.runtime.processor import Result
from edgecnn.runtime.seen import Seen
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["Outlier"]


class Outlier:
    """Answers "unknown" where the energy is lower than for any calibration example.

    Of inputs like those n examples one in n + 1 lies below all of them by chance.

    Parameters
    ----------
    reference : Distribution
        The baseline's ``energy``.
    output : Output
    """

    def __init__(self, reference: Distribution, output: Output) -> None:
        self._least = reference.low
        self._output = output

    def look(self, seen: Seen, result: Result) -> Result:
        """Take the label from what lies outside."""
        values = energy(seen.output, self._output)
        if values is None or result.state == "unknown" or float(values[0]) >= self._least:
            return result
        reason = f"unlike calibration: energy {values[0]:.2f}, there {self._least:.2f} or more"
        return dataclasses.replace(
            result, label=UNKNOWN, state="unknown", reason=reason, cause="outlier"
        )
