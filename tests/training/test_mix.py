from __future__ import annotations

import pytest
import torch

from edgecnn.training.augment import AugmentedExamples
from edgecnn.training.augment_choice import ImageAugment
from edgecnn.training.examples import Examples
from edgecnn.training.mix import mix_examples


def plain(count: int = 8) -> Examples:
    """Pictures that are their own class number everywhere."""
    targets = torch.arange(count) % 4
    return Examples({"input": targets.float().view(-1, 1, 1, 1).expand(-1, 3, 12, 10)}, targets)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 1, "cutmix": 1}])
@pytest.mark.parametrize("seed", range(6))
def test_labels_are_mixed_as_the_pixels_are(settings: dict[str, float], seed: int) -> None:
    mixed = mix_examples(plain(), 4, generator(seed), **settings)
    torch.testing.assert_close(mixed.targets.sum(1), torch.ones(8))
    # A picture's pixels are its class, so their mean is the mean of the labels by their shares.
    expected = mixed.targets @ torch.arange(4.0)
    torch.testing.assert_close(mixed.inputs["input"].mean((1, 2, 3)), expected, atol=1e-5, rtol=0)


def test_cutmix_pastes_one_rectangle() -> None:
    for seed in range(20):
        mixed = mix_examples(plain(), 4, generator(seed), cutmix=1.0)
        picture = mixed.inputs["input"][1, 0]
        # What is not class 1 came from elsewhere; nothing did if the partner is of class 1 too.
        foreign = picture != 1
        rows, columns = foreign.any(1), foreign.any(0)
        assert int(foreign.sum()) == int(rows.sum()) * int(columns.sum())


def test_the_seed_decides() -> None:
    first = mix_examples(plain(), 4, generator(1), mixup=0.4)
    again = mix_examples(plain(), 4, generator(1), mixup=0.4)
    torch.testing.assert_close(again.inputs, first.inputs)
    torch.testing.assert_close(again.targets, first.targets)
    assert not torch.equal(mix_examples(plain(), 4, generator(2), mixup=0.4).targets, first.targets)


def test_only_the_share_of_the_batches_is_mixed() -> None:
    settings = ImageAugment(cutmix=1.0, mixed=0.25)
    train = AugmentedExamples(plain(), lambda inputs, _: dict(inputs), classes=4, mix=settings)
    drawn = [train.draw(torch.arange(8), generator(seed)).targets.ndim for seed in range(400)]
    # 0.25 within five standard deviations of 400 draws.
    assert abs(drawn.count(2) / 400 - 0.25) < 0.11
