from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import DataError, UsageError
from edgecnn.metadata import CharacterInput, State
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.tasks.generate import draw_character, generate_text, read_prompt

SPEC = CharacterInput(
    vocabulary=("a", "b", "c", "d"),
    replacement="a",
    states=(State(input="sum", output="sum_out", shape=(1,)),),
)


class Counter:
    """Gives the letter as far along as all letters before it add up to; remembers its calls."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, inputs: Tensors) -> Sequence[NDArray[np.float32]]:
        numbers = inputs["characters"]
        self.lengths.append(numbers.shape[1])
        sums = inputs["sum"] + np.cumsum(numbers, axis=1)
        logits = 8 * np.eye(4, dtype=np.float32)[sums.astype(int) % 4]
        return [logits, sums[:, -1:].astype(np.float32)]


def text(prompt: str = "b", *, length: int = 12, temperature: float = 1.0, seed: int = 0) -> str:
    return "".join(
        generate_text(Counter(), SPEC, prompt, length=length, temperature=temperature, seed=seed)
    )


def test_each_character_follows_from_all_before_it() -> None:
    # b is 1: the sums are 1, 2, 4, 8, ... which modulo 4 is b c a a a ...
    assert text("b", length=6, temperature=0) == "bcaaaa"
    assert text("bd", length=3, temperature=0) == "aaa"


def test_the_prompt_is_read_once_and_then_one_character_at_a_time() -> None:
    counter = Counter()
    made = generate_text(counter, SPEC, "abcd" * 600, length=3)
    assert counter.lengths == []
    first = next(made)
    assert counter.lengths == [1024, 1024, 352]
    assert "".join([first, *made])
    assert set(counter.lengths[3:]) == {1}


def test_a_long_prompt_is_the_same_as_a_short_one_with_its_sum() -> None:
    # 1,025 times b leaves what b alone leaves, across the border of two chunks.
    assert text("b" * 1025, temperature=0) == text("b", temperature=0)


def test_a_seed_gives_the_same_text_and_another_seed_another() -> None:
    hot = 6.0
    assert text(length=80, temperature=hot, seed=3) == text(length=80, temperature=hot, seed=3)
    assert text(length=80, temperature=hot, seed=3) != text(length=80, temperature=hot, seed=4)
    longer = text(length=100, temperature=hot, seed=3)
    assert longer.startswith(text(length=80, temperature=hot, seed=3))


def test_unknown_characters_of_the_prompt_are_replaced() -> None:
    assert text("bXYZ", temperature=0) == text("baaa", temperature=0)
    assert read_prompt("b?", SPEC).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("", "the prompt is empty"), ("XY", "no character that the model knows")],
)
def test_a_prompt_without_anything_to_go_on_from(prompt: str, said: str) -> None:
    spec = CharacterInput(vocabulary=("a", "b"))
    with pytest.raises(DataError, match=said):
        generate_text(Counter(), spec, prompt, length=3)


def test_settings_out_of_range_are_refused_at_once() -> None:
    for wrong in ({"length": -1}, {"temperature": -0.1}, {"temperature": float("nan")}):
        settings = {"length": 3, "temperature": 1.0} | wrong
        with pytest.raises(UsageError):
            generate_text(
                Counter(),
                SPEC,
                "a",
                length=int(settings["length"]),
                temperature=settings["temperature"],
            )


def test_logits_that_are_no_numbers_are_an_error() -> None:
    def broken(inputs: Tensors) -> Sequence[NDArray[np.float32]]:
        return [np.full((1, 1, 4), np.nan, dtype=np.float32), np.zeros((1, 1), np.float32)]

    with pytest.raises(DataError, match="no numbers"):
        next(generate_text(broken, SPEC, "a", length=1))


class TestDrawCharacter:
    logits = np.array([1.0, 0.0, 3.0, -2.0], dtype=np.float32)

    def shares(self, temperature: float) -> NDArray[np.float64]:
        generator = np.random.default_rng(1)
        drawn = [
            draw_character(self.logits, temperature=temperature, generator=generator)
            for _ in range(20_000)
        ]
        return np.bincount(drawn, minlength=4) / len(drawn)

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
    def test_by_the_softmax_of_the_logits(self, temperature: float) -> None:
        expected = np.exp(self.logits / temperature)
        expected /= expected.sum()
        assert np.abs(self.shares(temperature) - expected).max() < 0.012

    @pytest.mark.parametrize("temperature", [0.0, 1e-3, 1e-310])
    def test_near_zero_always_the_likeliest(self, temperature: float) -> None:
        generator = np.random.default_rng(0)
        for _ in range(50):
            assert draw_character(self.logits, temperature=temperature, generator=generator) == 2

    def test_one_number_is_drawn_whatever_the_temperature(self) -> None:
        left = []
        for temperature in (0.0, 1.0):
            generator = np.random.default_rng(0)
            draw_character(self.logits, temperature=temperature, generator=generator)
            left.append(generator.random())
        assert left[0] == left[1]

    def test_rounding_does_not_matter_to_the_draw(self) -> None:
        generators = [np.random.default_rng(5), np.random.default_rng(5)]
        noise = np.random.default_rng(6)
        for _ in range(2000):
            logits = noise.normal(0, 3, 65).astype(np.float32)
            near = logits + noise.normal(0, 1e-6, 65).astype(np.float32)
            one, other = (
                draw_character(values, temperature=1.0, generator=generator)
                for values, generator in zip((logits, near), generators, strict=True)
            )
            assert one == other


def test_the_stream_of_random_numbers_is_pcg64() -> None:
    """A seed's text is part of what a file promises: this stream must never change."""
    uniform = CharacterInput(vocabulary=tuple("abcdefghij"))

    def flat(inputs: Tensors) -> Sequence[NDArray[np.float32]]:
        return [np.zeros((1, inputs["characters"].shape[1], 10), dtype=np.float32)]

    made = generate_text(flat, uniform, "a", length=1_000_000, seed=0)
    assert "".join(itertools.islice(made, 12)) == "gcaaijghfjia"
