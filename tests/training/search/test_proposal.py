from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from msgspec import structs

from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.proposal import importances, propose
from edgecnn.training.search.record import Question, Trial
from edgecnn.training.search.space import read_axes


def play(question: Question, count: int, trials: tuple[Trial, ...] = ()) -> tuple[Trial, ...]:
    """Make trials without training: the loss follows from the rate alone, best at 0.01."""
    while len(trials) < count:
        values = propose(question, trials).values
        score = abs(math.log10(float(values["train.peak_rate"])) + 2) + 0.1  # type: ignore[arg-type]
        trial = Trial(
            number=len(trials) + 1,
            values=values,
            outcome="finished",
            score=score,
            history=tuple(score + 1 / epoch for epoch in range(1, 11)),
        )
        trials = (*trials, trial)
    return trials


def test_a_grid_is_gone_through_in_order(ask: Any) -> None:
    recipe = load_recipe("mnist-lenet5")
    axes = read_axes(["lr=0.1,0.2", "train.step_at=[0.5],[0.3,0.6]"], [], recipe)
    trials = play(ask(axes=axes, sampler="grid"), 4)
    assert [tuple(trial.values.values()) for trial in trials] == [
        (0.1, [0.5]),
        (0.1, [0.3, 0.6]),
        (0.2, [0.5]),
        (0.2, [0.3, 0.6]),
    ]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_draws_are_within_their_ranges_and_follow_the_seed(ask: Any, sampler: str) -> None:
    trials = play(ask(sampler=sampler), 14)
    for trial in trials:
        optimizer, rate, batch = trial.values.values()
        assert optimizer in ("sgd", "adamw")
        assert isinstance(rate, float)
        assert 1e-4 <= rate <= 1
        assert isinstance(batch, int)
        assert 8 <= batch <= 64
    assert len({trial.values["train.peak_rate"] for trial in trials}) == 14
    # Going on after any of them gives the same ones.
    assert play(ask(sampler=sampler), 14, trials[:11]) == trials
    assert play(ask(sampler=sampler, seed=1), 3) != trials[:3]


def test_tpe_draws_where_the_better_trials_were(ask: Any) -> None:
    def after_the_start(sampler: str) -> list[float]:
        return [t.score or 0 for t in play(ask(sampler=sampler), 30)[10:]]

    drawn, better = statistics.mean(after_the_start("random")), after_the_start("tpe")
    assert statistics.mean(better) < 0.75 * drawn


def test_a_trial_worse_than_the_median_is_stopped(ask: Any) -> None:
    question = ask(prune=True)
    trials = play(question, 6)
    losses = [trial.history for trial in trials]
    median = [statistics.median(column) for column in zip(*losses, strict=True)]

    def stopped_at(history: list[float]) -> int | None:
        proposal = propose(question, trials)
        for epoch in range(1, 11):
            if proposal.is_hopeless(history[:epoch]):
                return epoch
        return None

    # The first fifth of the ten epochs is left alone.
    assert stopped_at([loss + 0.1 for loss in median]) == 3
    assert stopped_at([loss - 0.1 for loss in median]) is None
    # One that falls behind in the last epoch alone is done by then.
    assert stopped_at([*[loss - 1e-9 for loss in median[:9]], math.inf]) is None
    # What was seen before a kill is told at once.
    assert propose(question, trials).is_hopeless([loss + 0.1 for loss in median[:5]])


def test_none_is_stopped_before_there_are_others_or_unless_asked(ask: Any) -> None:
    question = ask(prune=True)
    bad = [99.0] * 5
    assert not propose(question, play(question, 3)).is_hopeless(bad)
    assert propose(question, play(question, 4)).is_hopeless(bad)
    assert not propose(ask(), play(ask(), 8)).is_hopeless(bad)


def test_what_diverged_is_avoided(ask: Any) -> None:
    """High rates that gave no score count as bad, not as unknown."""
    question = ask(seed=1)
    trials: tuple[Trial, ...] = ()
    for number in range(1, 31):
        trial = play(question, number, trials)[-1]
        rate = trial.values["train.peak_rate"]
        assert isinstance(rate, float)
        if rate > 0.1:
            trial = structs.replace(trial, outcome="diverged", score=None, history=(0.01,))
        trials = (*trials, trial)
    outcomes = [trial.outcome for trial in trials]
    assert outcomes[:10].count("diverged") == 4
    assert outcomes[10:].count("diverged") <= 3


def test_importance_finds_the_key_that_matters(ask: Any) -> None:
    question = ask(sampler="random")
    trials = list(play(question, 24))
    found = importances(question, trials)
    assert next(iter(found)) == "train.peak_rate"
    assert found["train.peak_rate"] > 0.6
    assert sum(found.values()) == pytest.approx(1)
    trials[3] = structs.replace(trials[3], outcome="pruned", score=None, history=(3.0, 2.9))
    trials[4] = structs.replace(trials[4], outcome="diverged", score=None, history=())
    trials[5] = structs.replace(trials[5], outcome="impossible", score=None, history=())
    assert next(iter(importances(question, trials))) == "train.peak_rate"


def test_importance_of_next_to_nothing_is_not_told(ask: Any) -> None:
    question = ask(sampler="random")
    assert importances(question, play(question, 3)) == {}
    alone = ask(axes=read_axes([], ["lr=1e-4..1:log"], question.recipe))
    assert importances(alone, play(alone, 8)) == {}
