"""Training a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edgecnn.data import Dataset
from edgecnn.data.mitdb import BeatRecords
from edgecnn.data.split import hold_out
from edgecnn.data.text import Sentences
from edgecnn.errors import DataError, RecipeError
from edgecnn.evaluation.evaluate import matched_targets, score_predictions
from edgecnn.evaluation.metrics import confusion_matrix, macro_f1
from edgecnn.metadata import Accuracy, BeatInput, InputSpec, ModelMetadata, TextInput
from edgecnn.models.auxiliary import weighted_logits
from edgecnn.training.augment import AugmentedExamples, augment_batch
from edgecnn.training.augment_choice import ImageAugment
from edgecnn.training.examples import Examples, TrainingExamples, as_examples, labelled_targets
from edgecnn.training.imagined import with_imagined
from edgecnn.training.loop import predict_outputs
from edgecnn.training.objective import Objective, Scores, Step
from edgecnn.training.recipe import Recipe
from edgecnn.training.settings import TrainSettings
from edgecnn.training.tasks.base import Plan, Prepared, Split
from edgecnn.training.text_choice import CharacterChoice, WordChoice

__all__ = ["Classify", "CrossEntropy", "split_by_class", "without_symbols"]


class Classify:
    """One label per example: pictures, heartbeats, fragments of signals, sentences."""

    def plan(self, recipe: Recipe, dataset: Dataset, split: Split | None = None) -> Plan:
        """Split by class, or by record where there are any."""
        labelled_targets(dataset)
        split = split or split_by_class(dataset, recipe)
        spec = self.input_spec(recipe, dataset, split[0])
        return Plan(dataset.info.labels, spec, split)

    def prepare(self, recipe: Recipe, dataset: Dataset, plan: Plan) -> Prepared:
        """Preprocess both parts; what is trained on is changed at random as it is drawn."""
        inside, outside = plan.split
        inside = without_symbols(dataset, recipe, inside)
        kept = as_examples(dataset, plan.spec, inside)
        if recipe.imagined is not None:
            assert isinstance(dataset, BeatRecords)
            assert isinstance(plan.spec, BeatInput)
            kept = with_imagined(
                kept,
                dataset,
                plan.spec,
                inside,
                choice=recipe.imagined,
                seed=recipe.train.seed,
            )
        return Prepared(
            train=_changed(kept, plan.spec, recipe, classes=len(plan.labels)),
            validation=as_examples(dataset, plan.spec, outside),
            objective=self.objective(recipe, kept.targets, len(plan.labels)),
        )

    def input_spec(self, recipe: Recipe, dataset: Dataset, inside: NDArray[np.int64]) -> InputSpec:
        """Return the contract's input; a recipe's own needs nothing from the data."""
        if isinstance(recipe.input, WordChoice):
            if not isinstance(dataset, Sentences):
                raise DataError(
                    f"{recipe.data.train} holds no sentences",
                    hint="take rt-polarity:train, or a folder with a file LABEL.txt per class",
                )
            return recipe.input.contract(tuple(dataset.texts[int(i)] for i in inside))
        assert not isinstance(recipe.input, CharacterChoice)  # of another task
        return recipe.input

    def objective(self, recipe: Recipe, targets: torch.Tensor, classes: int) -> Objective:
        """Weigh the classes as the recipe says."""
        weights = None
        if recipe.train.loss_balance:
            sizes = torch.bincount(targets, minlength=classes).clamp(min=1).float()
            weights = sizes.pow(-recipe.train.loss_balance)
            weights = weights / (weights * sizes).sum() * sizes.sum()
        return CrossEntropy(weights)

    def arguments(self, labels: tuple[str, ...], spec: InputSpec) -> dict[str, int]:
        """Return the number of classes, and of words where there are any."""
        if isinstance(spec, TextInput):
            return {"classes": len(labels), "words": len(spec.vocabulary)}
        return {"classes": len(labels)}

    def output_shape(self, labels: tuple[str, ...], spec: InputSpec) -> tuple[int | None, ...]:
        """Return a logit per label."""
        return (len(labels),)

    def check_test(self, test: Dataset, metadata: ModelMetadata) -> None:
        """Match the classes and read one example."""
        matched_targets(test, metadata)
        test.inputs(metadata.input, np.arange(1))

    def test(self, network: nn.Module, test: Dataset, metadata: ModelMetadata) -> Accuracy:
        """Measure as `edgecnn evaluate` does."""
        indices, targets, left_out = matched_targets(test, metadata)
        examples = as_examples(test, metadata.input, indices)
        predicted = predict_outputs(network, examples.inputs).argmax(1).numpy()
        notes = [test.info.note, left_out]
        return score_predictions(targets, predicted, test, metadata, indices=indices, notes=notes)


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the softmax, in nats.

    Attributes
    ----------
    weights : tensor, shape (classes,), optional
        Of the classes in the loss; their mean over the training set is 1.
    """

    weights: torch.Tensor | None = None

    def step(self, module: nn.Module, batch: Examples, settings: TrainSettings) -> Step:
        """Return the loss of all of a network's classifiers, and the hits of the one that stays."""
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            outputs = weighted_logits(module, batch.inputs)
        entropy = partial(
            functional.cross_entropy,
            target=batch.targets,
            weight=self.weights,
            label_smoothing=settings.label_smoothing,
        )
        loss = torch.stack([weight * entropy(logits.float()) for weight, logits in outputs]).sum()
        _, logits = outputs[0]
        # Mixed pictures have shares of several classes: the largest one is what they show.
        shown = batch.targets.argmax(1) if batch.targets.ndim == 2 else batch.targets
        hits = int((logits.detach().argmax(1) == shown).sum())
        return Step(loss, hits, len(batch))

    def validate(self, module: nn.Module, validation: Examples) -> Scores:
        """Return loss, accuracy and macro-F1."""
        logits = predict_outputs(module, validation.inputs)
        predicted = logits.argmax(1)
        confusion = confusion_matrix(
            validation.targets.numpy(), predicted.numpy(), classes=logits.shape[1]
        )
        return Scores(
            loss=functional.cross_entropy(logits, validation.targets).item(),
            accuracy=(predicted == validation.targets).float().mean().item(),
            macro_f1=macro_f1(confusion),
        )


def split_by_class(dataset: Dataset, recipe: Recipe) -> Split:
    """Set the recipe's validation share aside, seeded: by class, or by whole records."""
    training, validation = hold_out(
        labelled_targets(dataset),
        recipe.data.validation,
        recipe.train.seed,
        groups=dataset.groups,
    )
    if recipe.data.limit is not None and recipe.data.limit < len(training):
        drawn = np.random.default_rng(recipe.train.seed).permutation(training)
        training = np.sort(drawn[: recipe.data.limit])
    return training, validation


def without_symbols(
    dataset: Dataset, recipe: Recipe, indices: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Leave the heartbeats out that the recipe does not train on (``data.leave_out``).

    Raises
    ------
    RecipeError
        The data has no annotation symbols.
    """
    if not recipe.data.leave_out:
        return indices
    if not isinstance(dataset, BeatRecords) or dataset.symbols is None:
        raise RecipeError(
            f"data.leave_out names annotation symbols: {recipe.data.train} has none",
            hint="it is for heartbeats",
        )
    return indices[~np.isin(dataset.symbols[indices], recipe.data.leave_out)]


def _changed(kept: Examples, spec: InputSpec, recipe: Recipe, *, classes: int) -> TrainingExamples:
    if recipe.augment is None:
        return kept
    change = partial(augment_batch, spec=spec, settings=recipe.augment)
    mix = recipe.augment if isinstance(recipe.augment, ImageAugment) else None
    return AugmentedExamples(kept, change, classes=classes, mix=mix)
