"""How a heartbeat becomes a network's inputs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.constraints import Positive, PositiveFloat

__all__ = ["BeatInput", "BoxcarFilter", "RhythmFeatures"]


class BoxcarFilter(Struct, frozen=True, kw_only=True, tag="boxcar", tag_field="kind"):
    """A linear-phase band-pass made of moving averages, in exact integer arithmetic.

    The baseline (a moving average of ``baseline_s``, applied twice) is subtracted from the signal
    smoothed by a moving average of ``smooth_s``, applied twice. Integer sums have no rounding, so
    the answer does not depend on how the signal is cut into chunks.
    """

    baseline_s: PositiveFloat
    smooth_s: PositiveFloat


class RhythmFeatures(Struct, frozen=True, kw_only=True):
    """RR-interval ratios that accompany each beat.

    Attributes
    ----------
    name : str
        Name of the model's second input, shape ``(N, 5)``.
    short, long : int
        Numbers of preceding RR intervals in the two running means.
    longest_s : float
        RR intervals are clipped to this many seconds. It is also how long a live beat waits for
        the next one before it is classified.
    """

    name: str = "rr"
    short: Positive = 8
    long: Positive = 32
    longest_s: PositiveFloat = 1.2


class BeatInput(Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """How a heartbeat in a single-lead ECG becomes the network's inputs.

    The first input, shape ``(N, 2, before + after)``, holds the filtered signal around the R peak
    and the mean of the ``template_beats`` beats before it, both divided by the root mean square of
    that mean: what differs from this person's own usual beat stays visible, and the amplifier's
    gain does not matter. The second input holds the RR ratios.

    Everything is causal but for ``look_ahead_s``, so a live stream gives what a finished record
    gives (see :mod:`edgecnn.preprocessing.beats`).

    Attributes
    ----------
    sampling_rate_hz : float
        Rate that the signal is resampled to before anything else.
    leads : tuple of str
        Leads by name, in channel order; a record must have them under these names or an alias.
    before, after : int
        Samples of the window before the R peak, and from it on.
    clip : float
        Windows are clipped to plus and minus this many times the template's root mean square: a
        loose electrode is no larger than a large beat.
    """

    name: str = "beat"
    layout: Literal["NCT"] = "NCT"
    sampling_rate_hz: PositiveFloat
    leads: tuple[str, ...]
    unit: Literal["mV"] = "mV"
    before: Positive
    after: Positive
    filter: BoxcarFilter
    normalisation: Literal["template-rms"] = "template-rms"
    template_beats: Positive = 16
    clip: PositiveFloat = 8.0
    rhythm: RhythmFeatures

    def __post_init__(self) -> None:
        """Refuse a contract without exactly one lead."""
        if len(self.leads) != 1:
            raise ValueError(f"a beat model reads one lead, not {len(self.leads)}")

    @property
    def look_ahead_s(self) -> float:
        """Seconds of signal after an R peak that its answer may depend on."""
        window = self.after / self.sampling_rate_hz
        half_filter = max(self.filter.baseline_s, self.filter.smooth_s)
        return max(window + half_filter, self.rhythm.longest_s)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: self.shape, self.rhythm.name: (5,)}

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one window without its batch axis: beat and template, samples."""
        return (2, self.before + self.after)
