"""The rule by which fragments become episodes, clause by clause."""

from __future__ import annotations

import pytest

from edgecnn.ecg.episodes import Episode, FragmentAnswer, Rhythm, join_fragments

LABELS = ("NSR", "AFIB", "LBBB")


def join(said: list[dict[str, float]], samples: int) -> tuple[Episode, ...]:
    answers = [
        FragmentAnswer(10 * n, 10 * n + 10, tuple(one.items())) for n, one in enumerate(said)
    ]
    return join_fragments(answers, LABELS, samples)


def test_neighbours_of_one_label_are_one_episode_with_their_mean_score() -> None:
    said = [{"NSR": 0.5}, {"NSR": 1.0}, {"AFIB": 0.75}]
    assert join(said, 30) == (Episode(0, 20, "NSR", 0.75), Episode(20, 30, "AFIB", 0.75))


def test_unknown_ends_an_episode_and_none_goes_on_behind_it() -> None:
    said: list[dict[str, float]] = [{"AFIB": 0.5}, {}, {}, {"AFIB": 1.0}]
    assert join(said, 40) == (
        Episode(0, 10, "AFIB", 0.5),
        Episode(10, 30, "unknown", None),
        Episode(30, 40, "AFIB", 1.0),
    )


def test_the_rest_of_the_record_is_unknown_and_goes_on_where_it_was_before() -> None:
    assert join([{"NSR": 1.0}], 17)[-1] == Episode(10, 17, "unknown", None)
    assert join([{}], 17) == (Episode(0, 17, "unknown", None),)
    assert join([], 7) == (Episode(0, 7, "unknown", None),)


def test_several_labels_at_once_have_episodes_of_their_own() -> None:
    said = [{"LBBB": 0.5, "NSR": 0.5}, {"LBBB": 1.0, "AFIB": 0.5}, {"AFIB": 1.0}]
    found = join(said, 30)
    assert found == (
        Episode(0, 10, "NSR", 0.5),
        Episode(0, 20, "LBBB", 0.75),
        Episode(10, 30, "AFIB", 0.75),
    )
    rhythm = Rhythm.of(found, LABELS, 2.0)
    # 30 samples at 2 Hz have an answer, whatever overlaps.
    assert rhythm.answered_s == 15
    assert rhythm.seconds == {"LBBB": 10, "AFIB": 10, "NSR": 5}
    assert list(rhythm.seconds)[2] == "NSR"


def test_burden_is_the_share_of_the_answered_time() -> None:
    said: list[dict[str, float]] = [{"AFIB": 1.0}, {}, {"AFIB": 1.0}, {"AFIB": 1.0}, {"NSR": 1.0}]
    rhythm = Rhythm.of(join(said, 50), LABELS, 1.0)
    assert rhythm.af is not None
    assert (rhythm.af.episodes, rhythm.af.seconds, rhythm.af.longest_s) == (2, 30, 20)
    assert rhythm.af.burden_percent == pytest.approx(75)
    assert (rhythm.main, rhythm.episodes) == ("AFIB", {"AFIB": 2, "NSR": 1})


def test_without_an_answer_or_a_label_there_is_no_burden() -> None:
    unknown = Rhythm.of(join([{}], 10), LABELS, 1.0)
    assert unknown.main == "unknown"
    assert unknown.af is not None
    assert (unknown.af.episodes, unknown.af.burden_percent) == (0, None)
    assert Rhythm.of(join([{"NSR": 1.0}], 10), ("NSR", "PVC"), 1.0).af is None
