"""From what was seen of a tensor to the range that it is given: one file per estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, get_args

from edgecnn.calibration.estimators.entropy import Entropy
from edgecnn.calibration.estimators.min_max import MinMax
from edgecnn.calibration.estimators.moving_average import MovingAverage
from edgecnn.calibration.estimators.mse import MeanSquaredError
from edgecnn.calibration.estimators.percentile import PERCENTILE, Percentile
from edgecnn.calibration.tensor_values import Range, TensorValues
from edgecnn.errors import UsageError

__all__ = ["METHODS", "PERCENTILE", "Estimator", "Method", "make_estimator"]

Method = Literal["min-max", "moving-average", "percentile", "entropy", "mse"]
METHODS: tuple[Method, ...] = get_args(Method)


class Estimator(Protocol):
    """Chooses the range of a tensor.

    Attributes
    ----------
    needs_histogram : bool
        Whether extremes are not enough.
    """

    needs_histogram: bool

    @property
    def title(self) -> str:
        """What the report calls it, settings included."""
        ...

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        ...


_MAKERS: dict[str, Callable[[float], Estimator]] = {
    "min-max": lambda _: MinMax(),
    "moving-average": lambda _: MovingAverage(),
    "percentile": Percentile,
    "entropy": lambda _: Entropy(),
    "mse": lambda _: MeanSquaredError(),
}


def make_estimator(method: str, *, percentile: float = PERCENTILE) -> Estimator:
    """Return an estimator by its name.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    percentile : float
        For ``"percentile"``: share of values to keep, in percent.

    Raises
    ------
    UsageError
        No such method, or no such percentile.

    Examples
    --------
    >>> make_estimator("percentile", percentile=99.9).title
    'percentile 99.9 %'
    """
    if method not in _MAKERS:
        raise UsageError(f"unknown method: {method}", hint=f"one of {', '.join(METHODS)}")
    return _MAKERS[method](percentile)
