"""What one annotator says of a record, sorted by what EC57 compares: beats, noise, VF, rhythm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASSES
from edgecnn.ecg.annotations import Annotations
from edgecnn.ecg.ec57.intervals import Intervals, make_intervals

__all__ = ["AF", "AFL", "VF", "Labels", "labels_of", "rhythm_episodes"]

#: Names of episodes: ventricular flutter or fibrillation, marked ``[`` and ``]``, and two rhythms.
VF = "VF"
AF = "AFIB"
AFL = "AFL"

#: A ``~`` that says of both signals that they are unreadable has these bits of its subtype set.
_UNREADABLE = 0x30
#: What an unreadable stretch that is marked by its middle alone leaves to the beats around it.
_MARGIN_S = 0.150


@dataclass(frozen=True, eq=False)
class Labels:
    """An annotator's labels.

    Attributes
    ----------
    samples : ndarray of int64, shape (beats,)
        Beats, in order.
    classes : ndarray of int64, shape (beats,)
        Place of each beat's class in :data:`~edgecnn.ecg.aami.CLASSES`.
    unreadable : intervals
        Where the annotator gave up: unreadable, or shut down.
    flutter : intervals
        Ventricular flutter and fibrillation.
    rhythms : tuple of (int, str)
        Rhythm changes in order: sample, and name without ``(``.
    end : int
        Sample after the record's last.
    """

    samples: NDArray[np.int64]
    classes: NDArray[np.int64]
    unreadable: Intervals
    flutter: Intervals
    rhythms: tuple[tuple[int, str], ...]
    end: int


def labels_of(
    annotations: Annotations, class_of: Mapping[str, str], *, rate_hz: float, end: int
) -> Labels:
    """Sort an annotation list.

    Parameters
    ----------
    annotations : Annotations
        Samples at ``rate_hz``.
    class_of : mapping
        AAMI class of each beat symbol (:func:`edgecnn.ecg.aami.class_map`).
    rate_hz : float
    end : int
        Sample after the record's last: what is open there ends there.
    """
    order = np.argsort(annotations.samples, kind="stable")
    samples = annotations.samples[order]
    symbols = [annotations.symbols[i] for i in order]
    places = [(i, class_of[symbol]) for i, symbol in enumerate(symbols) if symbol in class_of]
    subtypes = annotations.subtypes[order]
    rhythms = tuple(
        (int(samples[i]), annotations.aux[order[i]].rstrip("\0").strip().removeprefix("("))
        for i, symbol in enumerate(symbols)
        if symbol == "+"
    )
    return Labels(
        samples=samples[[i for i, _ in places]],
        classes=np.array([CLASSES.index(name) for _, name in places], dtype=np.int64),
        unreadable=_unreadable(samples, symbols, subtypes, rate_hz, end),
        flutter=_flutter(samples, symbols, end),
        rhythms=rhythms,
        end=end,
    )


def rhythm_episodes(labels: Labels, name: str) -> list[tuple[int, int]]:
    """Return start and end of each episode of a rhythm; ``VF`` by its own marks.

    A rhythm lasts until another one begins; the same one stated again goes on.
    """
    if name == VF:
        return [(start, end) for start, end in labels.flutter.tolist()]
    found: list[tuple[int, int]] = []
    since: int | None = None
    for sample, rhythm in labels.rhythms:
        if rhythm == name:
            since = sample if since is None else since
        elif since is not None:
            found.append((since, sample))
            since = None
    if since is not None:
        found.append((since, labels.end))
    return [(start, end) for start, end in found if end > start]


def _unreadable(
    samples: NDArray[np.int64],
    symbols: list[str],
    subtypes: NDArray[np.int64],
    rate_hz: float,
    end: int,
) -> Intervals:
    """Find the stretches between "unreadable" and the next ``~`` that says otherwise.

    Where none follows before the next "unreadable", the mark stands in the middle of its stretch,
    as in the AHA database: it reaches to 150 ms from the annotations around it.
    """
    marks = [i for i, symbol in enumerate(symbols) if symbol == "~"]
    margin = round(_MARGIN_S * rate_hz)
    pairs = []
    for mark, following in zip_longest(marks, marks[1:]):
        if subtypes[mark] & _UNREADABLE != _UNREADABLE:
            continue
        if following is not None and subtypes[following] & _UNREADABLE != _UNREADABLE:
            pairs.append((int(samples[mark]), int(samples[following])))
            continue
        start = int(samples[mark - 1]) + margin if mark else 0
        stop = int(samples[mark + 1]) - margin if mark + 1 < len(samples) else end
        pairs.append((start, stop))
    return make_intervals(pairs)


def _flutter(samples: NDArray[np.int64], symbols: list[str], end: int) -> Intervals:
    pairs, since = [], None
    for sample, symbol in zip(samples.tolist(), symbols, strict=True):
        if symbol == "[" and since is None:
            since = sample
        elif symbol == "]" and since is not None:
            pairs.append((since, sample))
            since = None
    if since is not None:
        pairs.append((since, end))
    return make_intervals(pairs)
