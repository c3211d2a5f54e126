from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgecnn.errors import TrainingError
from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.record import (
    METRICS,
    SearchRecord,
    Trial,
    best_trial,
    load_record,
    ranked,
    save_record,
)
from edgecnn.training.search.space import read_axes
from edgecnn.training.tasks import _TASKS


def trial(number: int, score: float | None) -> Trial:
    values: dict[str, Any] = {"train.step_at": [0.5]}
    if score is None:
        return Trial(number=number, values=values, outcome="pruned")
    return Trial(number=number, values=values, outcome="finished", score=score)


def test_a_record_reads_back_the_same(ask: Any, tmp_path: Path) -> None:
    recipe = load_recipe("ecg-beats", overrides=("train.keep=last",))
    axes = read_axes(["train.step_at=[0.5],[0.3,0.6]"], [], recipe)
    trials = (trial(1, 0.1 + 0.2), trial(2, None))
    record = SearchRecord(question=ask(recipe=recipe, axes=axes), trials=trials)
    save_record(tmp_path, record)
    assert load_record(tmp_path) == record
    assert (tmp_path / "trials.csv").read_text().splitlines() == [
        "trial,outcome,validation_loss,train.step_at,epochs,seconds,note",
        "1,finished,0.30000000000000004,[0.5],0,0.0,",
        "2,pruned,,[0.5],0,0.0,",
    ]


def test_ranks(ask: Any) -> None:
    trials = [trial(1, None), trial(2, 0.5), trial(3, 0.2), trial(4, 0.2), trial(5, 0.9)]
    assert [t.number for t in ranked(trials, "minimize")] == [3, 4, 2, 5, 1]
    assert [t.number for t in ranked(trials, "maximize")] == [5, 2, 3, 4, 1]
    best = best_trial(SearchRecord(question=ask(), trials=tuple(trials)))
    assert best is not None
    assert best.number == 3
    assert best_trial(SearchRecord(question=ask(), trials=(trial(1, None),))) is None


def test_every_task_with_a_training_has_metrics() -> None:
    assert set(METRICS) == set(_TASKS)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"question": 1}', b"\xff"])
def test_a_broken_record_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.json").write_bytes(content)
    with pytest.raises(TrainingError, match=r"cannot read the search in .*study\.json"):
        load_record(tmp_path)
