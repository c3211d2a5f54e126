"""How a stretch of a signal becomes a network's input."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.beat_input import BoxcarFilter
from edgecnn.metadata.constraints import Positive, PositiveFloat

__all__ = ["SignalInput"]


class SignalInput(Struct, frozen=True, kw_only=True, tag="signal", tag_field="kind"):
    """How a fragment of 1 to 12 leads becomes the network's input, shape ``(N, leads, samples)``.

    Attributes
    ----------
    sampling_rate_hz : float
        Rate that the signal is resampled to before anything else.
    leads : tuple of str
        Leads by name, in channel order; a record must have them under these names or an alias.
    samples : int
        Length of a fragment at that rate.
    filter : BoxcarFilter, optional
        Applied to the whole signal before it is cut.
    normalisation : "none" or "fragment-standard"
        Left in ``unit``; or each lead of each fragment minus its mean, divided by its standard
        deviation. Neither looks beyond the fragment, so a live stream gives what a record gives.
    """

    name: str = "signal"
    layout: Literal["NCT"] = "NCT"
    sampling_rate_hz: PositiveFloat
    leads: Annotated[tuple[str, ...], Meta(min_length=1)]
    unit: Literal["mV"] = "mV"
    samples: Positive
    filter: BoxcarFilter | None = None
    normalisation: Literal["none", "fragment-standard"] = "fragment-standard"

    def __post_init__(self) -> None:
        """Refuse a lead that is listed twice."""
        if len(set(self.leads)) != len(self.leads):
            raise ValueError("a lead is listed twice")

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: self.shape}

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one fragment without its batch axis: leads, samples."""
        return (len(self.leads), self.samples)
