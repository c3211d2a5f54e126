from __future__ import annotations

import torch

from edgecnn.metadata import (
    BeatInput,
    BoxcarFilter,
    ImageInput,
    RhythmFeatures,
    TextInput,
)
from edgecnn.training.augment import AugmentedExamples
from edgecnn.training.augment_choice import ImageAugment
from edgecnn.training.examples import Examples
from edgecnn.training.page.examples import choose_examples, draw_examples

PICTURE = ImageInput(height=4, width=4, colour="gray")


def pictures(targets: list[int]) -> Examples:
    return Examples({"input": torch.rand(len(targets), 1, 4, 4)}, torch.tensor(targets))


def test_as_many_classes_as_can_be() -> None:
    many = pictures([0] * 50 + [1, 2, 3, 4, 5, 6, 7, 8, 9])
    chosen = choose_examples(many, tuple("abcdefghij"), PICTURE)
    assert len(set(chosen.targets)) == 6
    few = choose_examples(pictures([1, 0, 1, 1, 0, 0, 1]), ("a", "b"), PICTURE)
    assert few.targets == (0, 0, 0, 1, 1, 1)
    assert [card["truth"] for card in few.cards] == ["a", "a", "a", "b", "b", "b"]
    assert len(choose_examples(pictures([1, 0]), ("a", "b"), PICTURE).targets) == 2


def test_the_same_are_chosen_again() -> None:
    many = pictures([0, 1] * 30)
    first, second = (choose_examples(many, ("a", "b"), PICTURE) for _ in range(2))
    assert torch.equal(first.inputs["input"], second.inputs["input"])


def test_a_beat_is_two_traces() -> None:
    spec = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=100,
        after=156,
        filter=BoxcarFilter(baseline_s=0.5, smooth_s=0.01),
        rhythm=RhythmFeatures(),
    )
    beats = Examples({"beat": torch.randn(3, 2, 256), "rr": torch.rand(3, 5)}, torch.arange(3))
    card = choose_examples(beats, ("N", "S", "V"), spec).cards[0]
    assert [len(trace) for trace in card["traces"]] == [160, 160]


def test_a_sentence_is_its_words() -> None:
    spec = TextInput(length=5, vocabulary=("", "", "good", "film"))
    sentences = Examples({"tokens": torch.tensor([[2, 1, 3, 0, 0]])}, torch.tensor([0]))
    assert choose_examples(sentences, ("yes",), spec).cards[0]["text"] == "good … film"


def test_without_validation_examples_are_drawn_as_they_are_trained_on() -> None:
    kept = pictures([0, 1] * 20)
    mixing = ImageAugment(mixup=1.0)
    train = AugmentedExamples(kept, lambda inputs, generator: inputs, classes=2, mix=mixing)
    before = torch.random.get_rng_state()
    drawn = draw_examples(train)
    assert drawn.targets.shape == (40,)
    assert set(drawn.targets.tolist()) == {0, 1}
    assert torch.equal(torch.random.get_rng_state(), before)
