"""A search before it runs: what is asked for, read and tried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgecnn.data import open_dataset
from edgecnn.errors import RecipeError, UsageError
from edgecnn.training.network import build_module
from edgecnn.training.recipe import Recipe, load_recipe
from edgecnn.training.search.record import METRICS, Metric, Question, Sampler
from edgecnn.training.search.space import Grid, Value, as_override, read_axes
from edgecnn.training.tasks import training_task

__all__ = ["Search", "plan_search", "try_networks"]

#: Trials of a search that draws, unless it is told how many.
_TRIALS = 20


@dataclass(frozen=True)
class Search:
    """A search that can be run: all of its keys and values were tried on the recipe.

    Attributes
    ----------
    source : str
        The recipe's name or path.
    overrides, trial_overrides : tuple of str
        Of the recipe; and further ones of the trials alone.
    question : Question
    trials : int
        How many there are to be.
    """

    source: str
    overrides: tuple[str, ...]
    trial_overrides: tuple[str, ...]
    question: Question
    trials: int

    def best_recipe(self, values: dict[str, Value]) -> Recipe:
        """Return the recipe with the best values, under a name of its own."""
        name = f'name="{self.question.recipe.name}-best"'
        return load_recipe(self.source, overrides=(*self.overrides, *_set(values), name))

    def trial_recipe(self, values: dict[str, Value]) -> Recipe:
        """Return the recipe that a trial follows: it names no test set."""
        overrides = (*self.overrides, *self.trial_overrides, *_set(values), 'data.test=""')
        return load_recipe(self.source, overrides=overrides)


def plan_search(
    source: str,
    *,
    grids: Sequence[str] = (),
    ranges: Sequence[str] = (),
    overrides: Sequence[str] = (),
    trial_overrides: Sequence[str] = (),
    metric: Metric | None = None,
    sampler: Sampler | None = None,
    trials: int | None = None,
    prune: bool = False,
    folds: int | None = None,
    seed: int = 0,
) -> Search:
    """Read what is asked for, and try every value on the recipe. No data is read.

    Parameters
    ----------
    source : str
        A recipe, as :func:`~edgecnn.training.recipe.load_recipe` takes it.
    grids, ranges : sequence of str
        See :func:`~edgecnn.training.search.space.read_grid` and ``read_range``.
    overrides : sequence of str
        Changes of the recipe, which ``best.toml`` has as well.
    trial_overrides : sequence of str
        Changes for the trials alone: fewer epochs, less data.
    metric : str, optional
        The default is the validation loss, or with ``folds`` what cross-validation measures.
    sampler : "grid", "random" or "tpe", optional
        The default is ``grid`` where there are no ranges, else ``tpe``.
    trials : int, optional
        The default is all of a grid, else 20.
    prune : bool
    folds : int, optional
    seed : int

    Raises
    ------
    UsageError
        The options contradict each other, or cannot be read.
    RecipeError
        A key that the recipe has not, or a value that it cannot have.
    """
    recipe = load_recipe(source, overrides=overrides)
    axes = read_axes(grids, ranges, recipe)
    sampler = sampler or ("tpe" if ranges else "grid")
    if sampler == "grid" and ranges:
        raise UsageError("--sampler grid has no values for a --range", hint="take random or tpe")
    if folds is not None and prune:
        raise UsageError("--prune does not go with --folds", hint="leave one of them out")
    if folds is not None and metric not in (None, "folds"):
        raise UsageError(f"--folds measures by itself, not {metric}", hint="leave --metric out")
    metric = metric or ("folds" if folds is not None else "validation_loss")
    grid_size = prod(len(axis.values) for axis in axes if isinstance(axis, Grid))
    if sampler == "grid":
        trials = min(trials or grid_size, grid_size)
    search = Search(
        source=source,
        overrides=tuple(overrides),
        trial_overrides=tuple(trial_overrides),
        question=Question(
            recipe=recipe,
            trial_recipe=load_recipe(
                source, overrides=(*overrides, *trial_overrides, 'data.test=""')
            ),
            axes=axes,
            metric=metric,
            sampler=sampler,
            prune=prune,
            folds=folds,
            seed=seed,
        ),
        trials=trials or _TRIALS,
    )
    _check_metric(search.question)
    for axis in axes:
        for value in axis.samples:
            search.trial_recipe({axis.key: value})
            search.best_recipe({axis.key: value})
    return search


def try_networks(search: Search) -> None:
    """Build the network of the recipe, and that of every value that a network depends on.

    Raises
    ------
    RecipeError, UsageError, ShapeError
        One that cannot be built, or no example to choose by.
    DataError
        The training set is absent, or of another kind.
    """
    recipe = search.trial_recipe({})
    dataset = open_dataset(recipe.data.train)
    task = training_task(recipe)
    plan = task.plan(recipe, dataset)
    if not len(plan.split[1]) and search.question.folds is None:
        raise RecipeError(
            f"a validation share of {recipe.data.validation} of {recipe.data.train} is no example "
            "to choose by",
            hint="--set data.validation=0.2",
        )
    build_module(recipe, plan.labels, plan.spec)
    for axis in search.question.axes:
        if axis.key.startswith(("model.", "input.")):
            for value in axis.samples:
                recipe = search.trial_recipe({axis.key: value})
                plan = task.plan(recipe, dataset)
                build_module(recipe, plan.labels, plan.spec)


def _check_metric(question: Question) -> None:
    recipe = question.trial_recipe
    if question.folds is not None:
        if recipe.train.keep != "last":
            raise UsageError(
                "train.keep='best' would choose by the fold that is scored",
                hint="--set train.keep=last",
            )
        return
    training_task(recipe)
    there = METRICS[recipe.task]
    if question.metric not in there:
        raise UsageError(
            f"the task {recipe.task} has no {question.metric}", hint=f"it has: {', '.join(there)}"
        )
    if recipe.data.validation == 0:
        raise RecipeError(
            "a search chooses by the validation set, and the recipe sets nothing aside",
            hint="--set data.validation=0.1",
        )


def _set(values: dict[str, Value]) -> tuple[str, ...]:
    return tuple(as_override(key, value) for key, value in values.items())
