"""Random changes to batches of tensors, each example its own, drawn from one generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from edgecnn.metadata import BeatInput, ImageInput, InputSpec, TextInput
from edgecnn.preprocessing.text import PADDING, UNKNOWN_WORD
from edgecnn.training.augment_choice import BeatAugment, ImageAugment
from edgecnn.training.examples import Examples
from edgecnn.training.mix import mix_examples
from edgecnn.training.text_choice import TextAugment

__all__ = [
    "AugmentedExamples",
    "augment_batch",
    "augment_beats",
    "augment_pictures",
    "augment_words",
]

Tensors = Mapping[str, torch.Tensor]

#: Length of the random filter that stands for another electrode: 42 ms at 360 Hz.
_FILTER_TAPS = 15


@dataclass(frozen=True)
class AugmentedExamples:
    """Examples that are changed at random whenever they are drawn.

    Attributes
    ----------
    kept : Examples
        Preprocessed, as they are.
    change : callable
        Maps a batch's inputs and a generator to changed inputs.
    classes : int
    mix : ImageAugment, optional
        How pictures of one batch are mixed with each other.
    """

    kept: Examples
    change: Callable[[Tensors, torch.Generator], dict[str, torch.Tensor]]
    classes: int
    mix: ImageAugment | None = None

    def __len__(self) -> int:
        return len(self.kept)

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return an epoch's order."""
        return self.kept.order(balance, generator)

    def draw(self, index: torch.Tensor, generator: torch.Generator) -> Examples:
        """Return the examples of an index, changed."""
        kept = self.kept.take(index)
        changed = Examples(self.change(kept.inputs, generator), kept.targets)
        if self.mix is None or not (self.mix.mixup or self.mix.cutmix):
            return changed
        # Nothing is drawn where every batch is mixed: older recipes give the numbers they gave.
        if self.mix.mixed < 1 and torch.rand(1, generator=generator).item() >= self.mix.mixed:
            return changed
        return mix_examples(
            changed, self.classes, generator, mixup=self.mix.mixup, cutmix=self.mix.cutmix
        )


def augment_batch(
    inputs: Tensors,
    generator: torch.Generator,
    *,
    spec: InputSpec,
    settings: ImageAugment | BeatAugment | TextAugment | None,
) -> dict[str, torch.Tensor]:
    """Change a batch of a model's inputs as the recipe says; returns new tensors."""
    if isinstance(settings, ImageAugment) and isinstance(spec, ImageInput):
        return {spec.name: augment_pictures(inputs[spec.name], spec, settings, generator)}
    if isinstance(settings, BeatAugment) and isinstance(spec, BeatInput):
        beats, rhythm = inputs[spec.name], inputs[spec.rhythm.name]
        changed = augment_beats(beats, rhythm, settings, generator)
        result = dict(zip((spec.name, spec.rhythm.name), changed, strict=True))
        if spec.likeness is not None:
            numbers = inputs[spec.likeness.name]
            noise = torch.randn(numbers.shape, generator=generator)
            result[spec.likeness.name] = numbers + settings.likeness * noise
        return result
    if isinstance(settings, TextAugment) and isinstance(spec, TextInput):
        return {spec.name: augment_words(inputs[spec.name], settings, generator)}
    return dict(inputs)


def augment_words(
    tokens: torch.Tensor, settings: TextAugment, generator: torch.Generator
) -> torch.Tensor:
    """Read a share of the words as unknown ones; padding stays."""
    chosen = torch.rand(tokens.shape, generator=generator) < settings.unknown
    return torch.where(chosen & (tokens != PADDING), UNKNOWN_WORD, tokens)


def augment_pictures(
    pictures: torch.Tensor, spec: ImageInput, settings: ImageAugment, generator: torch.Generator
) -> torch.Tensor:
    """Turn, shear, scale, shift, crop, mirror and cut out.

    Parameters
    ----------
    pictures : tensor, shape (N, C, H, W)
        Preprocessed by ``spec``, which tells what black and the mean look like in it.
    """
    if settings.rotate_deg or settings.shear_deg or settings.scale or settings.shift:
        pictures = _affine(pictures, spec, settings, generator)
    if settings.crop or settings.flip:
        pictures = _crop_and_flip(pictures, settings, generator)
    if settings.cutout:
        pictures = _cut_out(pictures, settings.cutout, generator)
    return pictures


def augment_beats(
    beats: torch.Tensor, rhythm: torch.Tensor, settings: BeatAugment, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Invert, filter, scale, shift and blur heartbeats; jitter their RR ratios.

    Parameters
    ----------
    beats : tensor, shape (N, 2, samples)
        Beat and template. Inversion, filter and shift are the same for both and noise meets both,
        as they would in a recording; the change of size meets the beat alone.
    rhythm : tensor, shape (N, 5)
    """
    count, rows, samples = beats.shape
    if settings.shift:
        shift = torch.randint(-settings.shift, settings.shift + 1, (count, 1), generator=generator)
        at = (torch.arange(samples) + shift).clamp(0, samples - 1)
        beats = beats.gather(2, at[:, None].expand(-1, rows, -1))
    if settings.filter:
        beats = _filter(beats, settings.filter, generator)
    if settings.invert:
        inverted = torch.rand((count, 1, 1), generator=generator) < settings.invert
        beats = torch.where(inverted, -beats, beats)
    if settings.amplitude:
        size = torch.ones(count, rows, 1)
        size[:, 0] += settings.amplitude * _symmetric((count, 1), generator)
        beats = beats * size
    if settings.noise:
        beats = beats + settings.noise * torch.randn(beats.shape, generator=generator)
    if settings.rhythm:
        rhythm = rhythm + settings.rhythm * torch.randn(rhythm.shape, generator=generator)
    return beats, rhythm


def _symmetric(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Uniform numbers of -1..1."""
    return 2 * torch.rand(shape, generator=generator) - 1


def _affine(
    pictures: torch.Tensor, spec: ImageInput, settings: ImageAugment, generator: torch.Generator
) -> torch.Tensor:
    count = len(pictures)
    angle, shear, scale, right, down = _symmetric((5, count), generator)
    angle = torch.deg2rad(settings.rotate_deg * angle)
    shear = torch.tan(torch.deg2rad(settings.shear_deg * shear))
    # The matrix maps output to input coordinates, so a larger entry makes the picture smaller.
    size = 1 / (1 + settings.scale * scale)
    cosine, sine = torch.cos(angle) * size, torch.sin(angle) * size
    matrix = torch.stack(
        [
            torch.stack([cosine, shear * cosine - sine, 2 * settings.shift * right], dim=1),
            torch.stack([sine, shear * sine + cosine, 2 * settings.shift * down], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    # Outside of the picture it is black, which the preprocessing has made something else than 0.
    black = (-torch.tensor(spec.mean) / torch.tensor(spec.std)).view(1, -1, 1, 1)
    moved = functional.grid_sample(pictures - black, grid, align_corners=False)
    return moved + black


def _crop_and_flip(
    pictures: torch.Tensor, settings: ImageAugment, generator: torch.Generator
) -> torch.Tensor:
    count, _, height, width = pictures.shape
    border = settings.crop
    padded = functional.pad(pictures, (border,) * 4, mode="reflect") if border else pictures
    top, left = torch.randint(0, 2 * border + 1, (2, count, 1), generator=generator)
    rows = top + torch.arange(height)
    columns = left + torch.arange(width)
    if settings.flip:
        mirrored = torch.rand((count, 1), generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    example = torch.arange(count)[:, None, None]
    # One gather for all; its result has the channels last in memory, as convolutions like it.
    cut = padded.permute(0, 2, 3, 1)[example, rows[:, :, None], columns[:, None, :]]
    return cut.permute(0, 3, 1, 2)


def _cut_out(pictures: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
    count, _, height, width = pictures.shape
    # The centre may lie at the edge, so some pictures lose less than the whole square.
    top = torch.randint(0, height, (count, 1), generator=generator) - side // 2
    left = torch.randint(0, width, (count, 1), generator=generator) - side // 2
    row, column = torch.arange(height), torch.arange(width)
    in_rows = (row >= top) & (row < top + side)
    in_columns = (column >= left) & (column < left + side)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return pictures.masked_fill(hole, 0.0)


def _filter(beats: torch.Tensor, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Pass each example through a short random filter of its own, centred on the identity."""
    count, rows, samples = beats.shape
    taps = spread * torch.randn((count, 1, _FILTER_TAPS), generator=generator)
    taps = taps * torch.hann_window(_FILTER_TAPS + 2)[1:-1]
    taps[:, :, _FILTER_TAPS // 2] += 1
    # One group per example and row: a convolution with many kernels, each used once.
    flat = beats.reshape(1, count * rows, samples)
    kernels = taps.repeat_interleave(rows, dim=0)
    filtered = functional.conv1d(flat, kernels, padding=_FILTER_TAPS // 2, groups=count * rows)
    return filtered.view(count, rows, samples)
