"""Episode by episode: atrial fibrillation, ventricular flutter and fibrillation, other rhythms."""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.ecg.ec57.intervals import (
    Intervals,
    intersect,
    make_intervals,
    overlaps,
    subtract,
    total,
)
from edgecnn.ecg.ec57.labels import AF, AFL, Labels, rhythm_episodes
from edgecnn.ecg.ec57.ratio import Ratio

__all__ = ["EpisodeCounts", "count_episodes", "episode_ratios"]


@dataclass(frozen=True)
class EpisodeCounts:
    """Counts of one record and rhythm.

    Attributes
    ----------
    reference, found : int
        Episodes of the reference, and those of them that an episode of the test overlaps.
    test, true : int
        Episodes of the test, and those of them that an episode of the reference overlaps.
    reference_s, test_s, both_s : float
        Durations in seconds: of the reference's episodes, the test's, and their overlap.
    """

    reference: int
    found: int
    test: int
    true: int
    reference_s: float
    test_s: float
    both_s: float


def count_episodes(
    reference: Labels, test: Labels, name: str, *, period: tuple[int, int], rate_hz: float
) -> EpisodeCounts:
    """Compare the episodes of a rhythm; any overlap counts.

    What the reference calls atrial flutter is left out where atrial fibrillation is compared: the
    test is neither praised nor blamed for what it says there.

    Parameters
    ----------
    reference, test : Labels
    name : str
        ``"AFIB"``, ``"VF"``, or any other rhythm as annotations name it, without ``(``.
    period : (int, int)
        Samples that count: from, and up to (not included). Episodes are cut to it.
    rate_hz : float
    """
    counted = make_intervals([period])
    if name == AF:
        counted = subtract(counted, make_intervals(rhythm_episodes(reference, AFL)))
    left = [piece for one in rhythm_episodes(reference, name) if len(piece := _cut(one, counted))]
    right = [piece for one in rhythm_episodes(test, name) if len(piece := _cut(one, counted))]
    in_reference, in_test = _union(left), _union(right)
    return EpisodeCounts(
        reference=len(left),
        found=sum(_touches(one, in_test) for one in left),
        test=len(right),
        true=sum(_touches(one, in_reference) for one in right),
        reference_s=total(in_reference) / rate_hz,
        test_s=total(in_test) / rate_hz,
        both_s=total(intersect(in_reference, in_test)) / rate_hz,
    )


def episode_ratios(counts: EpisodeCounts, name: str) -> dict[str, Ratio]:
    """Return sensitivity and positive predictivity of episodes and of durations.

    Parameters
    ----------
    counts : EpisodeCounts
    name : str
        What the statistics' names begin with: ``"afib"``.
    """
    return {
        f"{name}_episode_sensitivity": Ratio(counts.found, counts.reference),
        f"{name}_episode_positive_predictivity": Ratio(counts.true, counts.test),
        f"{name}_duration_sensitivity": Ratio(counts.both_s, counts.reference_s),
        f"{name}_duration_positive_predictivity": Ratio(counts.both_s, counts.test_s),
    }


def _cut(episode: tuple[int, int], counted: Intervals) -> Intervals:
    """Return what of an episode counts; the pieces of one are still one episode."""
    return intersect(make_intervals([episode]), counted)


def _union(episodes: list[Intervals]) -> Intervals:
    return make_intervals((start, end) for episode in episodes for start, end in episode.tolist())


def _touches(episode: Intervals, others: Intervals) -> bool:
    return any(overlaps((start, end), others) for start, end in episode.tolist())
