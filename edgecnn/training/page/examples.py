"""The few validation examples that the page follows through the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgecnn.metadata import ImageInput, InputSpec, TextInput
from edgecnn.preprocessing.text import PADDING
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.page.sheets import input_picture

__all__ = ["ShownExamples", "choose_examples", "draw_examples"]

_COUNT = 6
_DRAWN = 256
_TRACE_POINTS = 160


@dataclass(frozen=True)
class ShownExamples:
    """Some examples of a classifier.

    Attributes
    ----------
    inputs : mapping of str to tensor, first axis N
    targets : tuple of int
    cards : tuple of dict
        How each is shown: its ``truth``, and a ``picture`` (``data:`` URI), ``traces`` (lists of
        numbers with their names) or a ``text``.
    """

    inputs: Mapping[str, torch.Tensor]
    targets: tuple[int, ...]
    cards: tuple[dict[str, Any], ...]


def choose_examples(
    validation: Examples, labels: tuple[str, ...], spec: InputSpec, *, count: int = _COUNT
) -> ShownExamples:
    """Choose examples of as many classes as there are, always the same of the same set."""
    order = np.random.default_rng(0).permutation(len(validation))
    targets = validation.targets.numpy()
    found: dict[int, list[int]] = {}
    for index in order.tolist():
        found.setdefault(int(targets[index]), []).append(index)
    turns = [
        (turn, label, index)
        for label, mine in found.items()
        for turn, index in enumerate(mine[:count])
    ]
    # One of each class, then a second one; those chosen by the order of the classes.
    chosen = sorted(sorted(turns)[:count], key=lambda each: (each[1], each[0]))
    picked = validation.take(torch.tensor([index for _, _, index in chosen], dtype=torch.long))
    numbers = tuple(int(target) for target in picked.targets)
    cards = tuple(
        {"truth": labels[target], **_card(picked.inputs, spec, place)}
        for place, target in enumerate(numbers)
    )
    return ShownExamples(picked.inputs, numbers, cards)


def draw_examples(train: TrainingExamples) -> Examples:
    """Draw examples to choose from where none are set aside.

    Mixed ones count as what is the larger part of them.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        index = train.order(0.0, generator)[:_DRAWN]
        drawn = train.draw(index, generator)
    targets = drawn.targets.argmax(1) if drawn.targets.ndim == 2 else drawn.targets
    return Examples(drawn.inputs, targets)


def _card(inputs: Mapping[str, torch.Tensor], spec: InputSpec, place: int) -> dict[str, Any]:
    values = inputs[spec.name][place]
    if isinstance(spec, ImageInput):
        return {"picture": input_picture(values.numpy(), spec)}
    if isinstance(spec, TextInput):
        words = [spec.vocabulary[n] or "…" for n in values.tolist() if n != PADDING]
        return {"text": " ".join(words)}
    if values.ndim == 2 and values.is_floating_point():
        names = ("beat", "usual beat") if spec.name == "beat" and len(values) == 2 else ()
        return {"traces": [_trace(lead) for lead in values[:12]], "names": names}
    return {"text": ""}


def _trace(lead: torch.Tensor) -> list[float]:
    if len(lead) > _TRACE_POINTS:
        lead = torch.nn.functional.interpolate(
            lead[None, None], _TRACE_POINTS, mode="linear", align_corners=True
        )[0, 0]
    return [round(value, 3) for value in lead.tolist()]
