"""Training a network that writes: the next character from all before it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edgecnn.data import Dataset
from edgecnn.data.text import RunningText
from edgecnn.errors import DataError, RecipeError
from edgecnn.evaluation.language import measure_text, running_text
from edgecnn.metadata import Accuracy, CharacterInput, InputSpec, ModelMetadata
from edgecnn.models import create_model
from edgecnn.models.char_rnn import CharRNN
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers
from edgecnn.runtime.tasks.generate import Run
from edgecnn.training.examples import Examples
from edgecnn.training.objective import Scores, Step
from edgecnn.training.recipe import Recipe
from edgecnn.training.settings import TrainSettings
from edgecnn.training.tasks.base import Plan, Prepared, Split
from edgecnn.training.text_choice import CharacterChoice

__all__ = ["Generate", "NextCharacter", "TextWindows", "torch_run"]

#: Stretches of the validation text that are read side by side.
_STREAMS = 16
#: Characters that are read at a time when validating.
_CHUNK = 512


class Generate:
    """Text character by character. The end of the training text validates."""

    def plan(self, recipe: Recipe, dataset: Dataset, split: Split | None = None) -> Plan:
        """Learn the vocabulary from the part that is trained on."""
        text = running_text(dataset)
        split = split or _split_by_place(text, recipe)
        assert isinstance(recipe.input, CharacterChoice)
        spec = recipe.input.contract(text.stretch(split[0]))
        states = _network_on_paper(recipe, spec).states
        return Plan((), msgspec.structs.replace(spec, states=states), split)

    def prepare(self, recipe: Recipe, dataset: Dataset, plan: Plan) -> Prepared:
        """Cut windows to train on; what validates is one stretch."""
        text, spec = running_text(dataset), _characters(plan.spec)
        assert isinstance(recipe.input, CharacterChoice)
        inside, outside = (character_numbers(text.stretch(part), spec) for part in plan.split)
        return Prepared(
            train=TextWindows(torch.from_numpy(inside), recipe.input.window, spec),
            validation=_streams(outside, spec),
            objective=NextCharacter(spec),
        )

    def arguments(self, labels: tuple[str, ...], spec: InputSpec) -> dict[str, int]:
        """Return the size of the vocabulary."""
        return {"characters": len(_characters(spec).vocabulary)}

    def output_shape(self, labels: tuple[str, ...], spec: InputSpec) -> tuple[int | None, ...]:
        """Return a logit per character, after each character."""
        return (None, len(_characters(spec).vocabulary))

    def check_test(self, test: Dataset, metadata: ModelMetadata) -> None:
        """Refuse what is no text."""
        running_text(test)

    def test(self, network: nn.Module, test: Dataset, metadata: ModelMetadata) -> Accuracy:
        """Measure as `edgecnn evaluate` does."""
        return measure_text(torch_run(network), _characters(metadata.input), running_text(test))


class TextWindows:
    """Windows of a text, cut anew for each epoch; see :class:`~.examples.TrainingExamples`.

    In each epoch they lie end to end from another beginning, in random order.

    Parameters
    ----------
    numbers : tensor of int64, shape (characters,)
    window : int
        Characters that the network reads; it is to give the ones after each.
    spec : CharacterInput
    """

    def __init__(self, numbers: torch.Tensor, window: int, spec: CharacterInput) -> None:
        if len(numbers) < 2 * window:
            raise DataError(
                f"a text of {len(numbers)} characters for windows of {window}",
                hint="take a longer text, or --set input.window=32",
            )
        self.numbers = numbers
        self.window = window
        self.spec = spec

    def __len__(self) -> int:
        # One window less than would fit, for the beginning to vary, and one character to predict.
        return (len(self.numbers) - 1) // self.window - 1

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return where the windows of an epoch begin."""
        first = torch.randint(self.window, (1,), generator=generator)
        return first + self.window * torch.randperm(len(self), generator=generator)

    def draw(self, index: torch.Tensor, generator: torch.Generator) -> Examples:
        """Return the windows that begin there, and the characters after each of theirs."""
        rows = self.numbers[index[:, None] + torch.arange(self.window + 1)]
        return Examples({self.spec.name: rows[:, :-1], **_zeros(self.spec, len(rows))}, rows[:, 1:])


@dataclass(frozen=True)
class NextCharacter:
    """Cross-entropy of the next character, in nats."""

    spec: CharacterInput

    def step(self, module: nn.Module, batch: Examples, settings: TrainSettings) -> Step:
        """Return the loss over all characters of all windows."""
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            logits = module(**batch.inputs)[0]
        flat, targets = logits.float().flatten(0, 1), batch.targets.flatten()
        loss = functional.cross_entropy(flat, targets, label_smoothing=settings.label_smoothing)
        return Step(loss, int((flat.detach().argmax(1) == targets).sum()), len(targets))

    @torch.no_grad()
    def validate(self, module: nn.Module, validation: Examples) -> Scores:
        """Return nats per character and the share of characters that were the likeliest."""
        text = validation.inputs[self.spec.name]
        states = {s.input: validation.inputs[s.input] for s in self.spec.states}
        loss = hits = 0.0
        for start in range(0, text.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            logits, *after = module(**{self.spec.name: text[:, part]}, **states)
            states = {s.input: x for s, x in zip(self.spec.states, after, strict=True)}
            flat, targets = logits.flatten(0, 1), validation.targets[:, part].flatten()
            loss += functional.cross_entropy(flat, targets, reduction="sum").item()
            hits += int((flat.argmax(1) == targets).sum())
        count = validation.targets.numel()
        return Scores(loss=loss / count, accuracy=hits / count)


def torch_run(network: nn.Module) -> Run:
    """Run a PyTorch network as a model file is run: arrays by name in, arrays out."""

    @torch.no_grad()
    def run(inputs: Tensors) -> list[NDArray[np.float32]]:
        outputs = network.eval()(**{name: torch.from_numpy(x) for name, x in inputs.items()})
        return [output.numpy() for output in outputs]

    return run


def _characters(spec: InputSpec) -> CharacterInput:
    assert isinstance(spec, CharacterInput)
    return spec


def _split_by_place(text: RunningText, recipe: Recipe) -> Split:
    """Let the end of the text validate: drawn from all over it, it would be known by heart."""
    border = len(text) - round(recipe.data.validation * len(text))
    inside = border if recipe.data.limit is None else min(border, recipe.data.limit)
    return np.arange(inside), np.arange(border, len(text))


def _streams(numbers: NDArray[np.int64], spec: CharacterInput) -> Examples:
    """Lay a text out in rows that are read side by side, each with what follows."""
    streams = max(0, min(_STREAMS, len(numbers) - 1))
    length = (len(numbers) - 1) // streams if streams else 0
    read = torch.from_numpy(numbers[: streams * length]).view(streams, length)
    following = torch.from_numpy(numbers[1 : streams * length + 1]).view(streams, length)
    return Examples({spec.name: read, **_zeros(spec, streams)}, following)


def _zeros(spec: CharacterInput, rows: int) -> dict[str, torch.Tensor]:
    return {state.input: torch.zeros(rows, *state.shape) for state in spec.states}


def _network_on_paper(recipe: Recipe, spec: CharacterInput) -> CharRNN:
    """Build the network without its weights, to learn what its states are."""
    arguments = {**recipe.model.arguments, "characters": len(spec.vocabulary)}
    with torch.device("meta"):
        network = create_model(recipe.model.name, **arguments)
    if not isinstance(network, CharRNN):
        raise RecipeError(
            f"{recipe.model.name} is no network that writes text", hint="char-rnn is one"
        )
    return network
