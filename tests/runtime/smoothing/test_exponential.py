import pytest

from edgecnn.runtime.processor import Result
from edgecnn.runtime.smoothing.exponential import Exponential

BLACK = Result.unknown("black: no more than 3 of 255", "black")


def _seen(label, score=0.9, other="cat"):
    return Result(label, score, ((label, score), (other, 1 - score)))


def _run(smoother, results, *, fps=20):
    return [smoother.update(result, i / fps) for i, result in enumerate(results)]


def test_the_first_answer_counts_whole():
    (steady,) = _run(Exponential(0.5), [_seen("dog")])
    assert (steady.label, steady.score) == ("dog", pytest.approx(0.9))
    assert steady.top == (("dog", pytest.approx(0.9)), ("cat", pytest.approx(0.1)))


def test_a_single_other_answer_changes_nothing_and_many_do():
    steady = _run(Exponential(0.5), [_seen("dog")] * 20 + [_seen("fox")] + [_seen("dog")] * 9)
    assert {one.label for one in steady} == {"dog"}
    steady = _run(Exponential(0.5), [_seen("dog")] * 20 + [_seen("fox")] * 20)
    labels = [one.label for one in steady]
    change = labels.index("fox")
    # Equal after ln 2 time constants, 0.35 s; a lead of 0.1 takes a little longer.
    assert 26 <= change <= 29
    assert set(labels[change:]) == {"fox"}


def test_labels_that_are_as_good_as_equal_do_not_take_turns():
    turns = [_seen("dog", 0.52, "fox"), _seen("fox", 0.52, "dog")] * 40
    assert {one.label for one in _run(Exponential(0.2), turns)} == {"dog"}


def test_a_frame_without_an_answer_does_not_flicker():
    steady = _run(Exponential(0.5), ([_seen("dog")] * 9 + [BLACK]) * 5)
    assert {one.label for one in steady} == {"dog"}
    # And costs no score: it is told as of the frames that had one.
    assert steady[9].score == pytest.approx(0.9)


def test_no_label_is_left_when_answers_stay_away_and_it_comes_back():
    steady = _run(Exponential(0.5), [_seen("dog")] * 20 + [BLACK] * 20 + [_seen("dog")] * 20)
    labels = [one.label for one in steady]
    # Less than 0.4 is left after 0.92 time constants.
    gone = labels.index("")
    assert 28 <= gone <= 30
    assert (steady[gone].cause, steady[gone].reason) == ("black", BLACK.reason)
    back = labels.index("dog", gone)
    assert set(labels[gone:back]) == {""}
    assert 46 <= back <= 52
    assert set(labels[back:]) == {"dog"}


def test_time_counts_not_frames():
    smoother = Exponential(0.5)
    smoother.update(_seen("dog"), 0.0)
    # The camera was lost for a minute: nothing of before counts.
    assert smoother.update(_seen("fox"), 60.0).label == "fox"
    assert smoother.update(BLACK, 120.0).label == ""


def test_nothing_found_is_an_answer_too():
    steady = _run(Exponential(0.2), [_seen("dog")] * 5 + [Result("none", 0.0)] * 10)
    assert (steady[0].label, steady[-1].label) == ("dog", "none")


def test_what_was_seen_long_ago_is_forgotten():
    smoother = Exponential(0.1)
    for number in range(2000):
        smoother.update(_seen(f"label {number}"), number / 10)
    assert len(smoother._scores) < 50
