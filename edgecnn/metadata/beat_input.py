"""How a heartbeat becomes a network's inputs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.constraints import Positive, PositiveFloat

__all__ = ["BeatInput", "BoxcarFilter", "Likeness", "RhythmFeatures"]

_MEANS = (
    "RR before : long mean",
    "RR after : long mean",
    "RR before : short mean",
    "RR after : RR before",
    "short mean : long mean",
)
_LOCAL = (
    "RR before : median of 16",
    "RR before : median of 8",
    "RR before : the one before",
    "the one before : median of 16",
    "the second before : median of 16",
    "RR after : median of 16",
    "RR before and after : twice the median of 16",
    "RR before : upper quartile of 32",
    "RR before : ninth decile of 32",
    "irregularity: median change of 32",
    "upper : lower quartile of 32",
    "earliness by irregularity",
    "share of 32 that were shorter",
    "share of 32 that were longer",
)
_LAST = tuple(
    what.format(count)
    for count in (32, 128)
    for what in (
        "RR before : median of {}, this one too",
        "RR before : upper quartile of {}, this one too",
        "RR before : ninth decile of {}, this one too",
        "upper : lower quartile of {}, this one too",
        "ninth decile : median of {}, this one too",
        "RR after : ninth decile of {}, this one too",
        "share of {} shorter than 0.8 of the ninth decile",
    )
)
_WIDE = (
    "RR before : 1 s",
    "RR after : 1 s",
    *_LAST,
    "median of 128 : 1 s",
    "ninth decile of 128 : 1 s",
    "the one before : ninth decile of 128",
    "the second before : ninth decile of 128",
    "share of 64 below 0.4 of their ninth decile",
    *(f"share of 64 from 0.{low} to 0.{low + 1} of their ninth decile" for low in range(4, 9)),
    "share of 64 from 0.9 to 1 of their ninth decile",
    "share of 64 from 1 to 1.1 of their ninth decile",
    "share of 64 above 1.1 of their ninth decile",
    "share of 63 within 4 % of this one",
    "share of 63 within 10 % of this one",
    "share of 64 within 5 % of the one before",
    "share of 64 more than 15 % off the one before",
    "median change of 64",
    "share of 64 from 0.65 to 0.85 of their ninth decile",
)
_LIKENESS = (
    "correlation of the QRS complex",
    "correlation around the P wave",
    "correlation of ST and T",
    "difference in the QRS complex",
    "difference around the P wave",
    "difference in ST and T",
    "height of the QRS complex",
    "area of the QRS complex",
    "swing around the P wave",
    "swing around the usual P wave",
    "QRS correlation with the beats before, median",
    "share of the beats before that are alike",
    "QRS correlation with the beat before",
)
_P_WAVE = (
    "how alike the P waves of the timely beats are",
    "how alike the P waves of all alike beats are",
    "swing of the timely P wave",
    "correlation with the timely P wave",
    "share of the timely P wave in this beat",
    "difference from the timely P wave",
    "share of the beats before that are alike",
)


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
        Name of the model's second input, shape ``(N, len(features))``.
    set : "means", "local" or "wide"
        Five ratios to the running means; these and fourteen more against medians, quantiles and
        the single intervals of the last 32; or these and 35 more: seconds, and how the last 64 and
        128 intervals are spread below their longest ones. Where most beats are ectopic, the usual
        interval is an early beat's, and only the longest ones are the sinus node's.
    short, long : int
        Numbers of preceding RR intervals in the two running means.
    longest_s : float
        RR intervals are clipped to this many seconds (those before a beat to twice as many in what
        the set "wide" adds). It is also how long a live beat waits for the next one before it is
        classified.
    """

    name: str = "rr"
    set: Literal["means", "local", "wide"] = "means"
    short: Positive = 8
    long: Positive = 32
    longest_s: PositiveFloat = 1.2

    @property
    def features(self) -> tuple[str, ...]:
        """What each column compares: logarithms of the ratios (``a : b``), and numbers as such."""
        added = {"means": (), "local": _LOCAL, "wide": (*_LOCAL, *_WIDE)}
        return (*_MEANS, *added[self.set])

    @property
    def reach(self) -> int:
        """Beats before one that its row may depend on."""
        added = {"means": 0, "local": 32 + 2, "wide": 128 + 2}
        return max(self.long, added[self.set]) + 1


class Likeness(Struct, frozen=True, kw_only=True):
    """Numbers that say how a beat resembles this person's usual one.

    Attributes
    ----------
    name : str
        Name of the model's third input, shape ``(N, len(features))``.
    set : "beats" or "p-wave"
        Ten numbers that compare with the template, and three with each of the beats before; or the
        ten and seven on P waves: fibrillating atria have none, ectopic ones another.
    """

    name: str = "likeness"
    set: Literal["beats", "p-wave"] = "beats"

    @property
    def features(self) -> tuple[str, ...]:
        """What each column of the input says."""
        return _LIKENESS if self.set == "beats" else (*_LIKENESS[:10], *_P_WAVE)


class BeatInput(Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """How a heartbeat in a single-lead ECG becomes the network's inputs.

    The first input, shape ``(N, 2, before + after)``, holds the filtered signal around the R peak
    and a template out of the ``template_beats`` beats before it, both divided by the template's
    root mean square: what differs from this person's own usual beat stays visible, and the
    amplifier's gain does not matter. The second input holds the RR ratios; a third one, if there is
    ``likeness``, tells in numbers how the beat resembles the template.

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
    class_map : "literature" or "bxb"
        Which AAMI class escape beats fall into (:mod:`edgecnn.ecg.aami`): N, or S.
    template : "mean", "usual" or "timely"
        The mean of all beats before, or of those that are alike
        (:func:`edgecnn.preprocessing.usual_beat.usual_beats`): where every other beat is ectopic,
        the usual beat is no mixture. Or of those that are alike and came after one of the longer
        intervals (:func:`edgecnn.preprocessing.timely_beat.timely_beats`): where most beats are
        ectopic, these are the others.
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
    class_map: Literal["literature", "bxb"] = "literature"
    normalisation: Literal["template-rms"] = "template-rms"
    template_beats: Positive = 16
    template: Literal["mean", "usual", "timely"] = "mean"
    clip: PositiveFloat = 8.0
    rhythm: RhythmFeatures
    likeness: Likeness | None = None

    def __post_init__(self) -> None:
        """Refuse a contract without exactly one lead, or likeness to a mixture."""
        if len(self.leads) != 1:
            raise ValueError(f"a beat model reads one lead, not {len(self.leads)}")
        wanted = {"beats": "usual", "p-wave": "timely"}
        if self.likeness is not None and self.template != wanted[self.likeness.set]:
            needed = wanted[self.likeness.set]
            raise ValueError(
                f"likeness is that to the {needed} beat: template is '{needed}' with it"
            )

    @property
    def history(self) -> int:
        """Beats before one that its answer may depend on."""
        # What came early is told by the 16 intervals before, what was timely by 64.
        told_by = {"mean": 0, "usual": 17, "timely": 65}
        return max(self.template_beats + told_by[self.template], self.rhythm.reach)

    @property
    def look_ahead_s(self) -> float:
        """Seconds of signal after an R peak that its answer may depend on."""
        window = self.after / self.sampling_rate_hz
        half_filter = max(self.filter.baseline_s, self.filter.smooth_s)
        return max(window + half_filter, self.rhythm.longest_s)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        tensors: dict[str, tuple[int, ...]] = {
            self.name: self.shape,
            self.rhythm.name: (len(self.rhythm.features),),
        }
        if self.likeness is not None:
            tensors[self.likeness.name] = (len(self.likeness.features),)
        return tensors

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one window without its batch axis: beat and template, samples."""
        return (2, self.before + self.after)
