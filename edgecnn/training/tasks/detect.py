"""Training a detector of YOLO v1's kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgecnn.data import Dataset
from edgecnn.data.objects import ObjectDataset, Objects
from edgecnn.errors import DataError, RecipeError
from edgecnn.evaluation.detection import score_detections
from edgecnn.evaluation.detector import (
    LEAST_SCORE,
    detector_accuracy,
    object_dataset,
    relabelled,
)
from edgecnn.metadata import Accuracy, Boxes, ImageInput, InputSpec, ModelMetadata, Output
from edgecnn.runtime.tasks.detect import Detections, detect_in_tensor
from edgecnn.training.examples import Examples
from edgecnn.training.loop import predict_outputs
from edgecnn.training.objective import Scores, Step
from edgecnn.training.recipe import Recipe
from edgecnn.training.settings import TrainSettings
from edgecnn.training.tasks.base import Plan, Prepared, Split
from edgecnn.training.tasks.yolo_loss import EMPTY, yolo_loss

__all__ = ["Detect", "ObjectExamples", "YoloObjective", "as_targets"]

#: Scenes that are drawn or read at a time.
_CHUNK = 256


class Detect:
    """Any number of labelled boxes per picture."""

    def plan(self, recipe: Recipe, dataset: Dataset, split: Split | None = None) -> Plan:
        """Take what validates from where the dataset says, or split it off.

        Raises
        ------
        DataError
            The dataset does not say where objects are.
        RecipeError
            The recipe's output is not decoded as YOLO v1's, or its input is no picture.
        """
        objects = _objects(dataset)
        _settings(recipe.output)
        if not isinstance(recipe.input, ImageInput):
            raise RecipeError(f"recipe {recipe.name}: a detector reads pictures")
        if recipe.augment is not None:
            raise RecipeError(
                f"recipe {recipe.name}: augment would move pictures from under their boxes",
                hint="leave the table out",
            )
        return Plan(dataset.info.labels, recipe.input, split or _split(objects, recipe))

    def prepare(self, recipe: Recipe, dataset: Dataset, plan: Plan) -> Prepared:
        """Read what validates; what is trained on is read or drawn as it is needed."""
        objects = _objects(dataset)
        spec = plan.spec
        assert isinstance(spec, ImageInput)
        inside, outside = plan.split
        metadata = ModelMetadata(
            name=recipe.name,
            task="detect",
            labels=plan.labels,
            input=spec,
            output=recipe.output,
        )
        return Prepared(
            train=ObjectExamples(objects, spec, inside),
            validation=_read(objects.validation or objects, spec, outside),
            objective=YoloObjective(metadata),
        )

    def arguments(self, labels: tuple[str, ...], spec: InputSpec) -> dict[str, int]:
        """Return the number of classes."""
        return {"classes": len(labels)}

    def output_shape(self, labels: tuple[str, ...], spec: InputSpec) -> tuple[int | None, ...]:
        """Return rows, columns and the values of a cell, whose number the boxes decide."""
        return (None, None, None)

    def check_test(self, test: Dataset, metadata: ModelMetadata) -> None:
        """Match the classes and read one example."""
        assert isinstance(metadata.input, ImageInput)
        object_dataset(test, metadata).examples(metadata.input, np.arange(1))

    def test(self, network: nn.Module, test: Dataset, metadata: ModelMetadata) -> Accuracy:
        """Measure as `edgecnn evaluate` does."""
        assert isinstance(metadata.input, ImageInput)
        objects = object_dataset(test, metadata)
        found: list[Detections] = []
        truth: list[Objects] = []
        for start in range(0, len(objects), _CHUNK):
            numbers = np.arange(start, min(start + _CHUNK, len(objects)))
            tensors, there = objects.examples(metadata.input, numbers)
            truth += [relabelled(one, test, metadata) for one in there]
            outputs = predict_outputs(network, {metadata.input.name: torch.from_numpy(tensors)})
            found += _found(outputs, metadata)
        return detector_accuracy(found, truth, test, metadata)


@dataclass(frozen=True)
class ObjectExamples:
    """Pictures with objects, read when they are drawn; from an endless dataset always new ones.

    Attributes
    ----------
    dataset : ObjectDataset
    spec : ImageInput
    indices : ndarray of int64
        Which examples there are to draw.
    """

    dataset: ObjectDataset
    spec: ImageInput
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return an epoch's order; pictures of several classes cannot be balanced."""
        return torch.randperm(len(self), generator=generator)

    def draw(self, index: torch.Tensor, generator: torch.Generator) -> Examples:
        """Return a batch: other scenes in every epoch where the dataset has them."""
        if self.dataset.endless:
            drawn = torch.randint(2**62, (len(index),), generator=generator)
            return _read(self.dataset, self.spec, drawn.numpy())
        return _read(self.dataset, self.spec, self.indices[index.numpy()])


@dataclass(frozen=True)
class YoloObjective:
    """YOLO v1's loss; mAP@0.5 to watch."""

    metadata: ModelMetadata

    def step(self, module: nn.Module, batch: Examples, settings: TrainSettings) -> Step:
        """Return the loss of a batch. There are no hits: a box is right only among all."""
        inputs = batch.inputs
        if settings.channels_last:
            layout = torch.channels_last
            inputs = {k: x.contiguous(memory_format=layout) for k, x in inputs.items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            cells = module(**inputs)
        return Step(self._loss(cells, batch.targets), 0, 0)

    def validate(self, module: nn.Module, validation: Examples) -> Scores:
        """Return loss and mAP@0.5."""
        cells = predict_outputs(module, validation.inputs)
        spec = self.metadata.input
        assert isinstance(spec, ImageInput)
        truth = [_as_objects(one, spec) for one in validation.targets]
        found = _found(cells, self.metadata)
        return Scores(
            loss=self._loss(cells, validation.targets).item(),
            mean_average_precision=score_detections(found, truth, len(self.metadata.labels)).value,
        )

    def _loss(self, cells: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        boxes, activation = _settings(self.metadata.output)
        return yolo_loss(cells, targets, per_cell=boxes.per_cell, activation=activation)


def as_targets(objects: Sequence[Objects], spec: ImageInput) -> torch.Tensor:
    """Put objects into the form that :func:`~.yolo_loss.yolo_loss` compares with.

    Returns
    -------
    tensor of float32, shape (N, M, 5)
        Large objects first: where two share a cell, the smaller, which no other cell sees, counts.
    """
    most = max((len(one) for one in objects), default=0)
    targets = np.full((len(objects), most, 5), EMPTY, dtype=np.float32)
    size = np.array([spec.width, spec.height], dtype=np.float32)
    for row, one in zip(targets, objects, strict=True):
        low, high = one.boxes[:, :2] / size, one.boxes[:, 2:] / size
        order = np.argsort(-(high - low).prod(axis=1), kind="stable")
        row[: len(one), 0:2] = ((low + high) / 2)[order]
        row[: len(one), 2:4] = (high - low)[order]
        row[: len(one), 4] = one.labels[order]
    return torch.from_numpy(targets)


def _as_objects(targets: torch.Tensor, spec: ImageInput) -> Objects:
    """Undo :func:`as_targets` for one picture."""
    rows = targets[targets[:, 4] >= 0].numpy()
    size = np.array([spec.width, spec.height] * 2, dtype=np.float32)
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
    return Objects(corners * size, rows[:, 4].astype(np.int64))


def _read(dataset: ObjectDataset, spec: ImageInput, numbers: NDArray[np.int64]) -> Examples:
    tensors, objects = dataset.examples(spec, numbers)
    return Examples({spec.name: torch.from_numpy(tensors)}, as_targets(objects, spec))


def _found(cells: torch.Tensor, metadata: ModelMetadata) -> list[Detections]:
    outputs = cells.numpy()
    return [detect_in_tensor(one, metadata, min_score=LEAST_SCORE) for one in outputs]


def _objects(dataset: Dataset) -> ObjectDataset:
    if not isinstance(dataset, ObjectDataset):
        raise DataError(
            f"{dataset.info.name}:{dataset.info.split} does not say where objects are",
            hint="digit-scenes:train does",
        )
    return dataset


def _split(dataset: ObjectDataset, recipe: Recipe) -> Split:
    """Split by the recipe's share: off the dataset, or of the set that goes with it."""
    count = round(recipe.data.validation * len(dataset))
    apart = dataset.validation
    order = np.arange(len(dataset))
    if apart is not None:
        outside = np.arange(min(count, len(apart)))
    else:
        order = np.random.default_rng(recipe.train.seed).permutation(order)
        order, outside = np.sort(order[count:]), np.sort(order[:count])
    return order[: recipe.data.limit], outside


def _settings(output: Output) -> tuple[Boxes, Literal["none", "sigmoid"]]:
    """Return what the loss needs of the contract's output."""
    boxes, activation = output.boxes, output.activation
    if boxes is None or boxes.decoder != "yolo-v1" or activation == "softmax":
        raise RecipeError(
            "a detector is trained with YOLO v1's loss, so its output is to be decoded by it",
            hint='[output] activation = "sigmoid" (or "none"), [output.boxes] decoder = "yolo-v1"',
        )
    return boxes, activation
