from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText, Sentences
from edgecnn.errors import DataError
from edgecnn.evaluation.language import (
    character_losses,
    mean_interval,
    measure_text,
    running_text,
)
from edgecnn.metadata import CharacterInput, State
from edgecnn.preprocessing.tensors import Tensors

SPEC = CharacterInput(
    vocabulary=("a", "b"), states=(State(input="count", output="count_out", shape=(1,)),)
)
INFO = DatasetInfo("tiny", "validation", (), "0" * 64, "", "")


def same_again(inputs: Tensors) -> Sequence[NDArray[np.float32]]:
    """Expect the character just read with a probability of 0.9."""
    numbers = inputs["characters"]
    logits = np.log(np.where(np.eye(2)[numbers] > 0, 0.9, 0.1)).astype(np.float32)
    return [logits, inputs["count"] + numbers.shape[1]]


def test_the_mean_is_by_hand() -> None:
    accuracy = measure_text(same_again, SPEC, RunningText(INFO, "aab"))
    assert accuracy.value == pytest.approx(-(np.log(0.9) + np.log(0.1)) / 2)
    assert (accuracy.metric, accuracy.n) == ("nats per character", 2)
    assert (accuracy.dataset, accuracy.split) == ("tiny", "validation")


def test_a_guess_at_random_is_the_logarithm_of_the_vocabulary() -> None:
    def flat(inputs: Tensors) -> Sequence[NDArray[np.float32]]:
        return [np.zeros((*inputs["characters"].shape, 2), np.float32), inputs["count"]]

    assert measure_text(flat, SPEC, RunningText(INFO, "ab" * 900)).value == pytest.approx(np.log(2))


def test_the_state_goes_on_from_chunk_to_chunk() -> None:
    seen = []

    def remember(inputs: Tensors) -> Sequence[NDArray[np.float32]]:
        seen.append((float(inputs["count"][0, 0]), inputs["characters"].shape[1]))
        return same_again(inputs)

    losses = character_losses(remember, SPEC, np.zeros(2500, dtype=np.int64))
    assert len(losses) == 2499
    assert seen == [(0, 1024), (1024, 1024), (2048, 451)]


def test_a_limit_counts_characters_and_is_noted() -> None:
    accuracy = measure_text(same_again, SPEC, RunningText(INFO, "ab" * 900), limit=100)
    assert accuracy.n == 100
    assert accuracy.note == "the first 100 characters"


def test_characters_that_the_model_does_not_know_are_noted() -> None:
    accuracy = measure_text(same_again, SPEC, RunningText(INFO, "abXab"))
    assert accuracy.n == 3
    assert accuracy.note == "1 characters that the model does not know"


def test_nothing_to_predict() -> None:
    with pytest.raises(DataError, match="fewer than two characters"):
        measure_text(same_again, SPEC, RunningText(INFO, "aXX"))


def test_other_data_is_refused() -> None:
    sentences = Sentences(INFO, ["a"], np.zeros(1, dtype=np.int64))
    with pytest.raises(DataError, match="tiny:validation is no running text"):
        running_text(sentences)


class TestMeanInterval:
    def test_it_covers_the_true_mean_of_dependent_values(self) -> None:
        # Stretches of 50 equal values: taken one by one they would look 7 times surer.
        generator = np.random.default_rng(0)
        inside = 0
        for _ in range(200):
            values = np.repeat(generator.normal(2.0, 1.0, 1000), 50)
            low, high = mean_interval(values)
            inside += low <= 2.0 <= high
        assert 176 <= inside <= 200

    def test_few_values(self) -> None:
        low, high = mean_interval(np.array([1.0, 3.0]))
        assert low < 2.0 < high
        assert mean_interval(np.array([1.0])) == (1.0, 1.0)
