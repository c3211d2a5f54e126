"""Two annotation lists of one record compared: beats, runs, episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgecnn.ecg.aami import class_map
from edgecnn.ecg.annotations import Annotations
from edgecnn.ecg.ec57.beats import VF_RULES, BeatCounts, beat_ratios, count_beats
from edgecnn.ecg.ec57.episodes import EpisodeCounts, count_episodes, episode_ratios
from edgecnn.ecg.ec57.labels import AF, VF, labels_of
from edgecnn.ecg.ec57.ratio import Ratio
from edgecnn.ecg.ec57.runs import RunCounts, count_runs, find_runs, run_ratios
from edgecnn.errors import RecordError, UsageError

__all__ = ["ECTOPIC", "Comparison", "Protocol", "compare"]

#: Classes that are compared run by run, by what their statistics' names begin with.
ECTOPIC = {"veb": "V", "sveb": "S"}


@dataclass(frozen=True)
class Protocol:
    """How annotators are compared; the defaults are the standard's.

    Attributes
    ----------
    class_map : str
        ``"literature"`` or ``"bxb"`` (:mod:`edgecnn.ecg.aami`).
    start_s : float
        Where the comparison begins: after the five minutes in which a device may learn.
    end_s : float, optional
        Where it ends; None, at the record's end.
    window_s : float
        How far apart a pair of beats may be.
    vf : str
        Whose flutter or fibrillation beats are left out of: ``"reference"``, ``"either"``,
        ``"own"`` (:func:`~edgecnn.ecg.ec57.beats.count_beats`).
    rhythms : tuple of str
        Episodes to compare: ``"AFIB"``, ``"VF"``, ``"SVTA"``, ...
    """

    class_map: str = "literature"
    start_s: float = 300.0
    end_s: float | None = None
    window_s: float = 0.150
    vf: str = "reference"
    rhythms: tuple[str, ...] = (AF, VF)

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        class_map(self.class_map)
        if self.vf not in VF_RULES:
            raise UsageError(f"unknown VF rule: {self.vf}", hint=f"one of {', '.join(VF_RULES)}")
        if self.start_s < 0 or self.window_s < 0:
            raise UsageError("start and match window must not be negative")
        if self.end_s is not None and self.end_s <= self.start_s:
            raise UsageError(
                f"the comparison would end at {self.end_s:g} s, before it begins "
                f"({self.start_s:g} s)",
                hint="name a later end, or an earlier start: --from 0",
            )


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing one record came to.

    Attributes
    ----------
    duration_s : float
        Length of the period compared.
    rate_hz : float
    beats : BeatCounts
    runs : mapping
        :class:`~edgecnn.ecg.ec57.runs.RunCounts` of ``"veb"`` and ``"sveb"``.
    episodes : mapping
        :class:`~edgecnn.ecg.ec57.episodes.EpisodeCounts` of each rhythm.
    """

    duration_s: float
    rate_hz: float
    beats: BeatCounts
    runs: Mapping[str, RunCounts]
    episodes: Mapping[str, EpisodeCounts]

    def ratios(self) -> dict[str, Ratio]:
        """Return every statistic as the counts that it is the quotient of."""
        ratios = beat_ratios(self.beats.matrix)
        for name, runs in self.runs.items():
            ratios |= run_ratios(runs, name)
        for name, episodes in self.episodes.items():
            ratios |= episode_ratios(episodes, name.lower())
        return ratios


def compare(
    reference: Annotations,
    test: Annotations,
    *,
    rate_hz: float,
    samples: int | None = None,
    protocol: Protocol | None = None,
) -> Comparison:
    """Compare two annotators of a record.

    Parameters
    ----------
    reference, test : Annotations
        Counted at ``rate_hz``, or at a rate that they state themselves.
    rate_hz : float
        Sampling rate of the record.
    samples : int, optional
        Length of the record; by default it ends with the reference's last annotation.
    protocol : Protocol, optional

    Raises
    ------
    RecordError
        Nothing is left of the record to be compared.

    Examples
    --------
    >>> def annotated(*beats):
    ...     zeros = np.zeros(len(beats), dtype=np.int64)
    ...     return Annotations(np.array([at for at, _ in beats]), tuple(s for _, s in beats),
    ...                        ("",) * len(beats), zeros, zeros, zeros)
    >>> reference = annotated((100, "N"), (400, "V"), (700, "N"))
    >>> test = annotated((103, "N"), (398, "N"))
    >>> found = compare(reference, test, rate_hz=360, protocol=Protocol(start_s=0))
    >>> found.ratios()["qrs_sensitivity"], found.ratios()["veb_sensitivity"].value
    (Ratio(part=2, whole=3), 0.0)
    """
    protocol = protocol if protocol is not None else Protocol()
    reference, test = (_at_rate(annotations, rate_hz) for annotations in (reference, test))
    if samples is None:
        samples = int(reference.samples.max()) + 1 if len(reference) else 0
    start = round(protocol.start_s * rate_hz)
    end = samples
    if protocol.end_s is not None:
        end = min(end, round(protocol.end_s * rate_hz))
    if end <= start:
        raise RecordError(
            f"the record ends at {samples / rate_hz:.1f} s, the comparison begins at "
            f"{protocol.start_s:g} s",
            hint="begin earlier: --from 0",
        )
    period = (start, end)
    window = protocol.window_s * rate_hz
    classes = class_map(protocol.class_map)
    left, right = (
        labels_of(annotations, classes, rate_hz=rate_hz, end=samples)
        for annotations in (reference, test)
    )
    return Comparison(
        duration_s=(end - start) / rate_hz,
        rate_hz=rate_hz,
        beats=count_beats(left, right, period=period, window=window, vf=protocol.vf),
        runs={
            name: count_runs(
                find_runs(left, symbol, period=period),
                find_runs(right, symbol, period=period),
                window=window,
            )
            for name, symbol in ECTOPIC.items()
        },
        episodes={
            name: count_episodes(left, right, name, period=period, rate_hz=rate_hz)
            for name in protocol.rhythms
        },
    )


def _at_rate(annotations: Annotations, rate_hz: float) -> Annotations:
    """Count at the record's rate what was counted at another."""
    own = annotations.sampling_rate_hz
    if own is None or own <= 0 or own == rate_hz:
        return annotations
    samples = np.rint(annotations.samples * (rate_hz / own)).astype(np.int64)
    return replace(annotations, samples=samples, sampling_rate_hz=rate_hz)
