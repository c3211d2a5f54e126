"""Training by task: one file each, which brings data, loss and scores to the one fit loop.

:func:`training_task` picks it by the recipe. A task first makes a
:class:`~edgecnn.training.tasks.base.Plan` (labels, the input as the contract will state it, the
split), so that a network that does not fit is found out before all data is read; then a
:class:`~edgecnn.training.tasks.base.Prepared`: examples to draw batches from
(``train.draw(index, generator)``, so that they may be changed or made anew as they are drawn), a
validation set, and the :class:`~edgecnn.training.objective.Objective` that gives loss and scores.
After the fit it measures the test set. Whatever differs between tasks is in these files; the loop,
the recipes, the checkpoints and the resumption know nothing of it.
"""

from __future__ import annotations

from edgecnn.errors import RecipeError
from edgecnn.training.recipe import Recipe
from edgecnn.training.tasks.base import Plan, Prepared, Split, TrainingTask
from edgecnn.training.tasks.classify import Classify
from edgecnn.training.tasks.detect import Detect
from edgecnn.training.tasks.generate import Generate

__all__ = ["Plan", "Prepared", "Split", "TrainingTask", "training_task"]

_TASKS: dict[str, TrainingTask] = {
    "classify": Classify(),
    "generate": Generate(),
    "detect": Detect(),
}


def training_task(recipe: Recipe) -> TrainingTask:
    """Return the task of a recipe.

    Raises
    ------
    RecipeError
        Nothing is trained for that task.
    """
    if recipe.task not in _TASKS:
        raise RecipeError(
            f"recipe {recipe.name}: nothing is trained for the task {recipe.task}",
            hint=f"tasks with a training: {', '.join(_TASKS)}",
        )
    return _TASKS[recipe.task]
