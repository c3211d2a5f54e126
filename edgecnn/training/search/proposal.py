"""What to try next, and when to give up: Optuna's part of a search.

The study is made anew from the record for every trial, and every trial draws with a seed of its
own. So the trials of a search that was killed and resumed are those of one that ran through.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import optuna
from msgspec import structs
from optuna import distributions

from edgecnn.training.search.record import Question, Trial
from edgecnn.training.search.space import Axis, Grid, Value, grid_points

__all__ = ["Proposal", "importances", "propose"]

#: Finished trials before the first one is stopped, and before the keys' importance is told.
_ENOUGH = 4

#: Share of the epochs in which no trial is stopped: all begin badly.
_PATIENCE = 0.2

#: The better share of all trials, which the importance explains.
_BETTER = 0.3


class Proposal:
    """Values to try, and a judge of how the trial goes.

    Attributes
    ----------
    values : dict
    """

    def __init__(self, values: dict[str, Value], trial: optuna.Trial, *, epochs: int) -> None:
        self.values = values
        self._trial = trial
        self._epochs = epochs
        self._told = 0

    def is_hopeless(self, history: Sequence[float]) -> bool:
        """Tell whether a trial with this metric after its first epochs should be stopped.

        It should when its best value yet is worse than the median of the other trials' at that
        epoch (Golovin et al. 2017, Vizier). The last epoch is never too late.
        """
        for epoch, value in enumerate(history[self._told :], start=self._told + 1):
            self._trial.report(value, epoch)
            self._told = epoch
        return len(history) < self._epochs and self._trial.should_prune()


def propose(question: Question, trials: Sequence[Trial]) -> Proposal:
    """Choose the next trial's values.

    ``grid`` goes through all combinations in order; ``random`` draws evenly (Bergstra & Bengio
    2012); ``tpe`` draws where the better trials were (Bergstra et al. 2011), after ten at random.

    Parameters
    ----------
    question : Question
    trials : sequence of Trial
        All trials so far.
    """
    number = len(trials)
    epochs = question.trial_recipe.train.epochs
    # One number of both, so that neighbouring seeds share no trial.
    seed = int(np.random.SeedSequence((question.seed, number)).generate_state(1)[0])
    study = _study(
        question,
        trials,
        optuna.samplers.TPESampler(seed=seed)
        if question.sampler == "tpe"
        else optuna.samplers.RandomSampler(seed=seed),
        optuna.pruners.MedianPruner(
            # Steps are epochs, from 1; the first one that may end a trial comes after the warm-up.
            n_startup_trials=_ENOUGH,
            n_warmup_steps=math.ceil(_PATIENCE * epochs) + 1,
        )
        if question.prune
        else optuna.pruners.NopPruner(),
    )
    if question.sampler == "grid":
        point = next(islice(grid_points(question.axes), number, None))
        study.enqueue_trial({axis.key: _choice(point[axis.key]) for axis in question.axes})
    asked = study.ask({axis.key: _distribution(axis) for axis in question.axes})
    values = {axis.key: _drawn(axis, asked.params[axis.key]) for axis in question.axes}
    return Proposal(values, asked, epochs=epochs)


def importances(question: Question, trials: Sequence[Trial]) -> dict[str, float]:
    """Tell how much each key decides whether a trial is among the better third: shares of 1.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255). A trial that was stopped counts with what
    it had reached, one that diverged with the worst score of all.

    Returns
    -------
    dict of str to float
        Largest first; empty with one key or fewer than four scores, which tell nothing.
    """
    scored = [trial for trial in trials if trial.score is not None]
    if len(scored) < _ENOUGH or len(question.axes) < 2:
        return {}
    known = [value for value in map(_reached, trials) if value is not None]
    worst = max(known) if question.direction == "minimize" else min(known)
    counted = []
    for trial in trials:
        if trial.outcome != "impossible":
            value = _reached(trial)
            score = worst if value is None else value
            counted.append(structs.replace(trial, outcome="finished", score=score))
    study = _study(question, counted, optuna.samplers.RandomSampler(), optuna.pruners.NopPruner())
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_BETTER)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _reached(trial: Trial) -> float | None:
    """Return a trial's score, or the last value of one that was stopped."""
    if trial.outcome == "pruned":
        return trial.history[-1]
    return trial.score


def _study(
    question: Question,
    trials: Sequence[Trial],
    sampler: optuna.samplers.BaseSampler,
    pruner: optuna.pruners.BasePruner,
) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=question.direction, sampler=sampler, pruner=pruner)
    space = {axis.key: _distribution(axis) for axis in question.axes}
    for trial in trials:
        # A trial that diverged did so after epochs that looked well: they are not told.
        history = trial.history if trial.outcome in ("finished", "pruned") else ()
        state = "COMPLETE" if trial.outcome == "finished" else "PRUNED"
        study.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState[state],
                value=trial.score,
                params={key: _choice(value) for key, value in trial.values.items()},
                distributions=space,
                intermediate_values=dict(enumerate(history, start=1)),
            )
        )
    return study


def _distribution(axis: Axis) -> distributions.BaseDistribution:
    if isinstance(axis, Grid):
        return distributions.CategoricalDistribution([_choice(v) for v in axis.values])
    if axis.whole:
        return distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def _choice(value: Value) -> bool | int | float | str:
    """Return what stands for a value at Optuna, which takes no lists."""
    return json.dumps(value) if isinstance(value, list) else value


def _drawn(axis: Axis, drawn: Any) -> Value:
    if isinstance(axis, Grid):
        return next(value for value in axis.values if _choice(value) == drawn)
    return axis.rounded(drawn)
