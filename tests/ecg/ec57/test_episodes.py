"""Episode by episode, worked out by hand at 100 Hz: 1,000 samples are 10 s."""

from __future__ import annotations

from edgecnn.ecg.aami import class_map
from edgecnn.ecg.ec57.episodes import EpisodeCounts, count_episodes, episode_ratios
from edgecnn.ecg.ec57.labels import labels_of

END = 10_000


def counted(reference, test, name="AFIB", period=(0, END)):
    left, right = (
        labels_of(given, class_map("literature"), rate_hz=100, end=END)
        for given in (reference, test)
    )
    return count_episodes(left, right, name, period=period, rate_hz=100)


def rhythms(annotated, *changes):
    return annotated(*((sample, "+", f"({name}\0") for sample, name in changes))


def test_golden_episodes(annotated):
    """Reference AF: 10-20 s, 30-40 s, 60 s to the end at 100 s (40 s): 60 s in three episodes.

    Test AF: 15-25 s, 50-55 s, 70-80 s and 85-90 s: 30 s in four episodes.
    Overlap: 15-20 (5 s), 70-80 (10 s), 85-90 (5 s): 20 s.
    Episodes found: the first and the third: 2 of 3. Right: the first, third and fourth: 3 of 4.
    Durations: 20/60 and 20/30.
    """
    reference = rhythms(
        annotated,
        *((1000, "AFIB"), (2000, "N"), (3000, "AFIB"), (4000, "N"), (6000, "AFIB")),
    )
    test = rhythms(
        annotated,
        *((1500, "AFIB"), (2500, "N"), (5000, "AFIB"), (5500, "N"), (7000, "AFIB")),
        *((8000, "N"), (8500, "AFIB"), (9000, "T")),
    )
    counts = counted(reference, test)
    assert counts == EpisodeCounts(3, 2, 4, 3, 60.0, 30.0, 20.0)
    assert {name: tuple(ratio) for name, ratio in episode_ratios(counts, "afib").items()} == {
        "afib_episode_sensitivity": (2, 3),
        "afib_episode_positive_predictivity": (3, 4),
        "afib_duration_sensitivity": (20.0, 60.0),
        "afib_duration_positive_predictivity": (20.0, 30.0),
    }


def test_flutter_of_the_atria_is_neither_right_nor_wrong(annotated):
    """Reference AFL 20-40 s. Test AF: 25-35 s wholly in it, and 38-45 s with 5 s beyond it.

    The first does not exist here; of the second 40-45 s counts: one false episode of 5 s.
    """
    reference = rhythms(annotated, (2000, "AFL"), (4000, "N"))
    test = rhythms(annotated, (2500, "AFIB"), (3500, "N"), (3800, "AFIB"), (4500, "N"))
    assert counted(reference, test) == EpisodeCounts(0, 0, 1, 0, 0.0, 5.0, 0.0)


def test_an_episode_cut_in_two_by_atrial_flutter_is_one(annotated):
    """Test AF 10-50 s over reference AF 10-20, AFL 20-40, AF 40-50 s: 20 s in one episode."""
    reference = rhythms(annotated, (1000, "AFIB"), (2000, "AFL"), (4000, "AFIB"), (5000, "N"))
    test = rhythms(annotated, (1000, "AFIB"), (5000, "N"))
    assert counted(reference, test) == EpisodeCounts(2, 2, 1, 1, 20.0, 20.0, 20.0)


def test_episodes_are_cut_to_the_period(annotated):
    """Reference AF 10-50 s, test 10-25 s, compared from 30 s on: nothing of the test is left."""
    reference = rhythms(annotated, (1000, "AFIB"), (5000, "N"))
    test = rhythms(annotated, (1000, "AFIB"), (2500, "N"))
    counts = counted(reference, test, period=(3000, END))
    assert counts == EpisodeCounts(1, 0, 0, 0, 20.0, 0.0, 0.0)


def test_ventricular_fibrillation_is_marked_by_brackets(annotated):
    """Rhythm changes end no such episode: reference 10-30 s, test 29-31 s: 1 s in common."""
    reference = annotated((1000, "["), (1500, "+", "(N"), (3000, "]"))
    test = annotated((2900, "["), (3100, "]"))
    assert counted(reference, test, "VF") == EpisodeCounts(1, 1, 1, 1, 20.0, 2.0, 1.0)


def test_touching_is_not_overlapping(annotated):
    reference = rhythms(annotated, (1000, "AFIB"), (2000, "N"))
    test = rhythms(annotated, (2000, "AFIB"), (3000, "N"))
    assert counted(reference, test) == EpisodeCounts(1, 0, 1, 0, 10.0, 10.0, 0.0)
