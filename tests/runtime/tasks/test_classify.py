import numpy as np
import pytest

from edgecnn.metadata import ImageInput, ModelMetadata, Output
from edgecnn.runtime.tasks.classify import UNKNOWN, decode, scores


def _metadata(**output):
    return ModelMetadata(
        name="letters",
        task="classify",
        labels=("a", "b", "c"),
        input=ImageInput(height=2, width=2, colour="gray"),
        output=Output(**output),
    )


def test_softmax_of_large_logits_does_not_overflow():
    row = scores(np.array([[1e4, 1e4 - 1, -1e4]], np.float32), Output())[0]
    assert row.sum() == pytest.approx(1)
    assert row[0] / row[1] == pytest.approx(np.e, rel=1e-3)


def test_sigmoid_and_none():
    logits = np.array([[0.0, 2.0]], np.float32)
    assert scores(logits, Output(activation="sigmoid"))[0].tolist() == pytest.approx(
        [0.5, 0.880797]
    )
    assert scores(logits, Output(activation="none")) is logits


@pytest.mark.filterwarnings("error")
def test_sigmoid_of_large_logits_does_not_overflow():
    row = scores(np.array([[-200.0, 200.0]], np.float32), Output(activation="sigmoid"))[0]
    assert row.tolist() == [0, 1]


def test_answers_list_the_best_labels_first():
    first, second = decode(np.array([[0, 2, 1], [3, 0, 0]], np.float32), _metadata(), top=2)
    assert (first.label, [label for label, _ in first.top]) == ("b", ["b", "c"])
    assert (second.label, [label for label, _ in second.top]) == ("a", ["a", "b"])
    assert first.score == first.top[0][1]


def test_below_the_least_score_the_answer_is_unknown():
    (answer,) = decode(np.array([[0.1, 0.0, 0.0]], np.float32), _metadata(min_score=0.5))
    assert answer.label == UNKNOWN
    assert answer.top[0][0] == "a"
