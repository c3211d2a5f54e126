"""Rhythm episodes: fragments of one rhythm joined, how long each lasts, atrial fibrillation.

The rule. A fragment has the label that the model gives it, or, of a model with a threshold for each
label, all labels that reach theirs. Neighbouring fragments with the same label are one episode;
its score is the mean of theirs. A fragment without an answer (a gap, a flat signal, no label sure
enough) and what is left at the end of the record, too short for a fragment, are ``"unknown"``: that
ends an episode, and no episode goes on behind it. So the episodes cover the record from its first
sample to its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgecnn.ecg.rhythm_classes import is_af
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["AtrialFibrillation", "Episode", "FragmentAnswer", "Rhythm", "join_fragments"]


@dataclass(frozen=True)
class FragmentAnswer:
    """What was said of a fragment.

    Attributes
    ----------
    start, stop : int
        Its first sample and the first one after it.
    labels : tuple of (str, float)
        Labels with their scores; none where there is no answer.
    """

    start: int
    stop: int
    labels: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Episode:
    """A rhythm from one sample to another.

    Attributes
    ----------
    start, stop : int
        First sample and the first one after it, at the record's rate.
    label : str
        ``"unknown"`` where nothing can be said.
    score : float or None
        Mean over its fragments; None of ``"unknown"``.
    """

    start: int
    stop: int
    label: str
    score: float | None


@dataclass(frozen=True)
class AtrialFibrillation:
    """How much of a record is atrial fibrillation, by a model that knows it.

    Attributes
    ----------
    episodes : int
    seconds, longest_s : float
    burden_percent : float or None
        Of the time that has an answer; None without any.
    """

    episodes: int
    seconds: float
    longest_s: float
    burden_percent: float | None


@dataclass(frozen=True)
class Rhythm:
    """The rhythms of a record in sum.

    Attributes
    ----------
    answered_s : float
        Time that has an answer.
    seconds : dict
        Time of each label that occurs, the longest first; without ``"unknown"``.
    episodes : dict
        How many there are of each, in the same order.
    af : AtrialFibrillation or None
        None if the model has no label for it.
    """

    answered_s: float
    seconds: dict[str, float] = field(default_factory=dict)
    episodes: dict[str, int] = field(default_factory=dict)
    af: AtrialFibrillation | None = None

    @property
    def main(self) -> str:
        """The label that lasts longest; ``"unknown"`` without any."""
        return next(iter(self.seconds), UNKNOWN)

    @classmethod
    def of(cls, episodes: Sequence[Episode], labels: Sequence[str], rate_hz: float) -> Rhythm:
        """Sum episodes up.

        Parameters
        ----------
        episodes : sequence of Episode
            From :func:`join_fragments`.
        labels : sequence of str
            All that the model knows.
        rate_hz : float
        """
        known = [episode for episode in episodes if episode.label != UNKNOWN]
        lengths: dict[str, list[int]] = {label: [] for label in labels}
        for episode in known:
            lengths[episode.label].append(episode.stop - episode.start)
        order = sorted((x for x in labels if lengths[x]), key=lambda x: -sum(lengths[x]))
        answered = _covered(known) / rate_hz
        af = None
        if fibrillations := [label for label in labels if is_af(label)]:
            own = [length for label in fibrillations for length in lengths[label]]
            seconds = sum(own) / rate_hz
            af = AtrialFibrillation(
                episodes=len(own),
                seconds=seconds,
                longest_s=max(own, default=0) / rate_hz,
                burden_percent=100 * seconds / answered if answered else None,
            )
        return cls(
            answered_s=answered,
            seconds={label: sum(lengths[label]) / rate_hz for label in order},
            episodes={label: len(lengths[label]) for label in order},
            af=af,
        )


def join_fragments(
    answers: Sequence[FragmentAnswer], labels: Sequence[str], samples: int
) -> tuple[Episode, ...]:
    """Join neighbouring fragments of one label to episodes.

    Parameters
    ----------
    answers : sequence of FragmentAnswer
        Side by side from sample 0.
    labels : sequence of str
        All that the model knows; of episodes that begin together, the first of them is first.
    samples : int
        Of the record.

    Returns
    -------
    tuple of Episode
        In the order of their beginnings.

    Examples
    --------
    >>> said = [("N", 0.5), ("N", 1.0), None, ("AF", 0.9)]
    >>> answers = [FragmentAnswer(10 * n, 10 * n + 10, (one,) if one else ())
    ...            for n, one in enumerate(said)]
    >>> [(e.start, e.stop, e.label, e.score) for e in join_fragments(answers, ("N", "AF"), 45)]
    [(0, 20, 'N', 0.75), (20, 30, 'unknown', None), (30, 40, 'AF', 0.9), (40, 45, 'unknown', None)]
    """
    answers = list(answers)
    end = answers[-1].stop if answers else 0
    if end < samples:
        answers.append(FragmentAnswer(end, samples, ()))
    found: list[Episode] = []
    running: dict[str, tuple[int, list[float]]] = {}
    for answer in answers:
        here = dict(answer.labels) or {UNKNOWN: 0.0}
        for label in [label for label in running if label not in here]:
            found.append(_ended(label, *running.pop(label), stop=answer.start))
        for label, score in here.items():
            running.setdefault(label, (answer.start, []))[1].append(score)
    found += (_ended(label, *one, stop=samples) for label, one in running.items())
    place = {label: number for number, label in enumerate((*labels, UNKNOWN))}
    return tuple(sorted(found, key=lambda episode: (episode.start, place[episode.label])))


def _ended(label: str, start: int, scores: list[float], *, stop: int) -> Episode:
    score = None if label == UNKNOWN else sum(scores) / len(scores)
    return Episode(start, stop, label, score)


def _covered(episodes: Sequence[Episode]) -> int:
    """Count the samples with a label: episodes, in the order of their beginnings, may overlap."""
    covered = until = 0
    for episode in episodes:
        covered += max(0, episode.stop - max(episode.start, until))
        until = max(until, episode.stop)
    return covered
