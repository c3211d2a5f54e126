"""Two networks that write, on a text that can be counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText
from edgecnn.evaluation.compare_writers import compare_writers
from edgecnn.evaluation.language import measure_text
from edgecnn.metadata import CharacterInput, ModelMetadata, State
from edgecnn.runtime.session import load_model
from edgecnn.runtime.writer import Writer

SPEC = CharacterInput(
    vocabulary=("a", "b"), states=(State(input="count", output="count_out", shape=(1,)),)
)
CONTRACT = ModelMetadata(name="again", task="generate", input=SPEC)
TEXT = RunningText(
    DatasetInfo("tiny", "validation", (), "0" * 64, "drawn", "CC0-1.0"), "ab" * 1500 + "aab" * 700
)


class Session:
    """Expects the character just read with this probability; after b, perhaps the other one."""

    def __init__(self, probability, turns=False):
        self.probability, self.turns = probability, turns

    def run(self, names, inputs, options=None):
        numbers = inputs["characters"]
        after_b = (numbers == 1) & self.turns
        likely = np.where(after_b, 1 - self.probability, self.probability)[..., None]
        shares = np.where(np.eye(2)[numbers] > 0, likely, 1 - likely)
        return [np.log(shares).astype(np.float32), inputs["count"] + numbers.shape[1]]


@pytest.fixture
def writers(picture_model):
    model = load_model(picture_model, provider="cpu", check=False)
    sessions = (Session(0.4), Session(0.4, turns=True), Session(0.3))
    return [dataclasses.replace(model, metadata=CONTRACT, session=one) for one in sessions]


def test_each_is_measured_as_by_itself(writers):
    found = compare_writers(writers[0], writers[2], TEXT)
    for model, accuracy in ((writers[0], found.first), (writers[2], found.second)):
        assert accuracy == measure_text(Writer(model).run, SPEC, TEXT)
    assert found.difference == found.second.value - found.first.value
    low, high = found.difference_interval_95
    assert low < found.difference < high
    assert (found.unit, found.n) == ("characters", len(TEXT.text) - 1)
    assert found.agreement == 1  # both expect the other character, one more than the other


def test_agreement_counts_the_likeliest_character(writers):
    found = compare_writers(writers[0], writers[1], TEXT)
    read = TEXT.text[:-1]
    assert found.agreement == pytest.approx(read.count("a") / len(read))


def test_the_difference_is_finer_than_two_intervals(writers):
    found = compare_writers(writers[0], writers[2], TEXT)
    alone = found.first.interval_95[1] - found.first.interval_95[0]
    low, high = found.difference_interval_95
    assert high - low < 1.5 * alone
    assert compare_writers(writers[0], writers[0], TEXT).difference_interval_95 == (0, 0)


def test_a_limit_is_from_the_beginning(writers):
    found = compare_writers(writers[0], writers[2], TEXT, limit=200)
    assert found.n == 200
    assert "the first 200 characters" in found.first.note
