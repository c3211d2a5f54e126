from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.training.objective import Scores
from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.proposal import propose
from edgecnn.training.search.record import Question, Trial
from edgecnn.training.search.space import read_axes
from edgecnn.training.search.trial import run_trial, tidy
from edgecnn.training.tasks.classify import CrossEntropy


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> Callable[..., Trial]:
    """Run a trial of the tiny recipe after some others."""

    def make(*others: Trial, **changes: Any) -> Trial:
        recipe = load_recipe(tiny, overrides=('data.test=""',))
        settings: dict[str, Any] = {
            "recipe": recipe,
            "trial_recipe": recipe,
            "axes": read_axes(["lr=0.03"], [], recipe),
            "metric": "validation_loss",
            "sampler": "random",
        }
        question = Question(**{**settings, **changes})
        proposal = propose(question, others)
        recipe = load_recipe(tiny, overrides=('data.test=""', "train.peak_rate=0.03"))
        return run_trial(question, 7, recipe, proposal, tmp_path / "trial", threads=1)

    return make


def others(loss: float) -> list[Trial]:
    values: dict[str, Any] = {"train.peak_rate": 0.03}
    return [
        Trial(number=n, values=values, outcome="finished", score=loss, history=(loss,) * 4)
        for n in range(1, 6)
    ]


def test_a_trial_that_goes_badly_is_stopped(run: Callable[..., Trial], tmp_path: Path) -> None:
    trial = run(*others(1e-6), prune=True)
    assert trial.outcome == "pruned"
    assert trial.score is None
    assert trial.number == 7
    assert len(trial.history) == 2  # The first of four epochs is a warm-up.
    assert trial.seconds > 0
    tidy(tmp_path / "trial", keep=True)
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["metrics.csv"]


def test_a_good_one_is_not(run: Callable[..., Trial]) -> None:
    trial = run(*others(50.0), prune=True)
    assert trial.outcome == "finished"
    assert trial.score == trial.history[-1]


def test_a_validation_loss_that_is_no_number_diverges(
    run: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, math.nan])
    monkeypatch.setattr(CrossEntropy, "validate", lambda *_: Scores(next(scores)))
    trial = run()
    assert trial.outcome == "diverged"
    assert trial.history == (0.5,)
    assert trial.note == "the validation loss is not finite at epoch 2"


def test_what_is_no_fault_of_the_values_ends_the_search(
    run: Callable[..., Trial], drawings: Path, tmp_path: Path
) -> None:
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "resume.safetensors").write_bytes(b"cut off")
    with pytest.raises(TrainingError):
        run()
    tidy(tmp_path / "trial", keep=False)
    (drawings / "train").rename(drawings / "gone")
    try:
        with pytest.raises(MissingFileError):
            run()
    finally:
        (drawings / "gone").rename(drawings / "train")
