from __future__ import annotations

import pytest
import torch

from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures
from edgecnn.training.augment import augment_batch, augment_beats, augment_pictures
from edgecnn.training.augment_choice import BeatAugment, ImageAugment

GRAY = ImageInput(height=28, width=28, colour="gray", mean=(0.5,), std=(0.5,))
RGB = ImageInput(height=32, width=32, colour="rgb", mean=(0.5,) * 3, std=(0.2,) * 3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_asked_nothing_changed() -> None:
    pictures = torch.randn(4, 1, 28, 28)
    assert augment_pictures(pictures, GRAY, ImageAugment(), generator()) is pictures
    kept = augment_batch({"input": pictures}, generator(), spec=GRAY, settings=None)
    assert kept["input"] is pictures


@pytest.mark.parametrize(
    "settings",
    [ImageAugment(rotate_deg=15, scale=0.1, shift=0.1), ImageAugment(crop=4, flip=True, cutout=8)],
)
def test_the_seed_decides_and_examples_differ(settings: ImageAugment) -> None:
    pictures = torch.randn(1, 3, 32, 32).expand(6, -1, -1, -1)
    first = augment_pictures(pictures, RGB, settings, generator(1))
    torch.testing.assert_close(augment_pictures(pictures, RGB, settings, generator(1)), first)
    assert not torch.allclose(augment_pictures(pictures, RGB, settings, generator(2)), first)
    assert not torch.allclose(first[0], first[1])


def test_outside_of_a_moved_picture_it_is_black() -> None:
    black = -GRAY.mean[0] / GRAY.std[0]
    pictures = torch.full((8, 1, 28, 28), black)
    moved = augment_pictures(pictures, GRAY, ImageAugment(rotate_deg=30, shift=0.3), generator())
    torch.testing.assert_close(moved, pictures)


def test_rotation_stays_within_its_angle() -> None:
    bar = torch.full((64, 1, 28, 28), -1.0)
    bar[:, :, 4:24, 13:15] = 1.0
    turned = augment_pictures(bar, GRAY, ImageAugment(rotate_deg=10), generator())[:, 0] + 1
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    upper = torch.where(rows < 10, turned, 0.0)
    mean_column = (upper * columns).sum((1, 2)) / upper.sum((1, 2))
    mean_row = (upper * rows).sum((1, 2)) / upper.sum((1, 2))
    angle = torch.rad2deg(torch.atan2(mean_column - 13.5, 13.5 - mean_row))
    assert angle.abs().max() < 12
    assert angle.min() < -5
    assert angle.max() > 5


def test_shift_and_scale_stay_within_their_shares() -> None:
    dot = torch.full((256, 1, 28, 28), -1.0)
    dot[:, :, 13:15, 13:15] = 1.0
    moved = augment_pictures(dot, GRAY, ImageAugment(shift=0.1), generator())[:, 0] + 1
    columns = (moved.sum(1) * torch.arange(28.0)).sum(1) / moved.sum((1, 2)) - 13.5
    assert 2.4 < columns.abs().max() <= 2.81
    square = torch.full((256, 1, 28, 28), -1.0)
    square[:, :, 9:19, 9:19] = 1.0
    scaled = augment_pictures(square, GRAY, ImageAugment(scale=0.2), generator())[:, 0] + 1
    sides = (scaled.sum((1, 2)) / 2).sqrt()
    assert 7.9 < sides.min() < 8.4
    assert 11.6 < sides.max() < 12.1


def test_crops_are_windows_of_the_reflected_picture() -> None:
    picture = torch.arange(32.0 * 32).reshape(1, 1, 32, 32)
    padded = torch.nn.functional.pad(picture, (2, 2, 2, 2), mode="reflect")[0, 0]
    spec = ImageInput(height=32, width=32, colour="gray")
    cut = augment_pictures(
        picture.expand(40, -1, -1, -1), spec, ImageAugment(crop=2, flip=True), generator()
    )[:, 0]
    windows = [padded[t : t + 32, c : c + 32] for t in range(5) for c in range(5)]
    windows += [window.flip(1) for window in windows]
    found = [next(i for i, w in enumerate(windows) if torch.equal(w, x)) for x in cut]
    assert len(set(found)) > 15
    assert min(found) < 25 <= max(found)


def test_cutout_is_one_square_of_the_mean() -> None:
    pictures = torch.ones(64, 3, 32, 32)
    holes = augment_pictures(pictures, RGB, ImageAugment(cutout=8), generator()) == 0
    assert (holes[:, 0] == holes[:, 2]).all()
    sizes = holes[:, 0].sum((1, 2))
    assert sizes.max() == 64
    assert sizes.min() >= 16
    sides = holes[:, 0].any(2).sum(1) * holes[:, 0].any(1).sum(1)
    assert torch.equal(sides, sizes)


def test_a_beat_moves_with_its_template_and_alone_changes_its_size() -> None:
    beat = torch.zeros(32, 2, 50)
    beat[:, :, 25] = 1.0
    rhythm = torch.zeros(32, 5)
    settings = BeatAugment(amplitude=0.2, shift=3)
    changed, same = augment_beats(beat, rhythm, settings, generator())
    assert same is rhythm
    assert torch.equal(changed[:, 0].argmax(1), changed[:, 1].argmax(1))
    assert set(changed[:, 1].argmax(1).tolist()) == set(range(22, 29))
    sizes = changed[:, 0].amax(1)
    assert 0.8 <= sizes.min() < 0.9
    assert 1.1 < sizes.max() <= 1.2
    assert torch.equal(changed[:, 1].amax(1), torch.ones(32))


def test_noise_has_its_stated_size() -> None:
    settings = BeatAugment(noise=0.1, rhythm=0.05)
    spec = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=100,
        after=100,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    inputs = {"beat": torch.zeros(100, 2, 200), "rr": torch.zeros(100, 5)}
    changed = augment_batch(inputs, generator(), spec=spec, settings=settings)
    assert abs(changed["beat"].std().item() - 0.1) < 0.005
    assert abs(changed["rr"].std().item() - 0.05) < 0.01


def test_inversion_and_filter_treat_beat_and_template_alike():
    beats = torch.randn((40, 1, 60), generator=generator()).repeat(1, 2, 1)
    settings = BeatAugment(invert=0.5, filter=0.3)
    changed, _ = augment_beats(beats, torch.zeros(40, 5), settings, generator())
    assert torch.allclose(changed[:, 0], changed[:, 1], atol=1e-6)
    # By inversion some beats now point the other way, by the filter all have another shape.
    along = torch.nn.functional.cosine_similarity(changed[:, 0], beats[:, 0], dim=1)
    assert 5 < int((along < 0).sum()) < 35
    assert float(along.abs().max()) < 0.9999


def test_inversion_alone_only_turns_the_sign():
    beats = torch.randn((40, 2, 60), generator=generator())
    changed, _ = augment_beats(beats, torch.zeros(40, 5), BeatAugment(invert=0.5), generator())
    sign = (changed / beats).round()
    assert torch.allclose(changed, sign * beats)
    assert set(sign.unique().tolist()) == {-1.0, 1.0}
