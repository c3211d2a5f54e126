from edgecnn.runtime.processor import Result
from edgecnn.runtime.smoothing.majority import Majority

BLACK = Result.unknown("black: no more than 3 of 255", "black")
DOG, FOX = (Result(label, 0.9, ((label, 0.9),)) for label in ("dog", "fox"))


def _run(frames, results):
    smoother = Majority(frames)
    return [smoother.update(result, 0.0) for result in results]


def test_more_than_half_of_the_window_must_agree():
    steady = _run(5, [DOG] * 5)
    assert [one.label for one in steady] == ["", "", "dog", "dog", "dog"]
    assert steady[0].cause == "undecided"
    assert [one.score for one in steady[2:]] == [0.6, 0.8, 1.0]


def test_another_label_takes_over_with_a_majority_of_its_own():
    labels = [one.label for one in _run(5, [DOG] * 5 + [FOX] * 4)]
    assert labels[5:] == ["dog", "dog", "fox", "fox"]


def test_labels_that_take_turns_leave_the_one_that_was():
    labels = [one.label for one in _run(4, [DOG] * 4 + [FOX, DOG] * 10)]
    assert set(labels[4:]) == {"dog"}


def test_frames_without_an_answer_neither_flicker_nor_leave_the_label_for_ever():
    labels = [one.label for one in _run(5, [DOG] * 5 + [BLACK, DOG, BLACK, DOG, DOG])]
    assert set(labels[5:]) == {"dog"}
    steady = _run(5, [DOG] * 5 + [BLACK] * 5)
    assert [one.label for one in steady[5:]] == ["dog", "dog", "", "", ""]
    assert steady[-1].cause == "black"
    assert steady[-1].top == ()
