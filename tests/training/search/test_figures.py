from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.figures import draw_importance, draw_parallel
from edgecnn.training.search.record import SearchRecord, Trial
from edgecnn.training.search.space import read_axes

BEST_BGR = np.array([0x0C, 0x41, 0xC2])


def record(ask: Any, **changes: Any) -> SearchRecord:
    rates = (1e-4, 1e-3, 0.01, 0.1, 1.0)
    trials = [
        Trial(
            number=number,
            values={"train.optimizer": "sgd", "train.peak_rate": rate, "train.batch": 8 + number},
            outcome="finished",
            score=abs(number - 3) + 0.5,
        )
        for number, rate in enumerate(rates, start=1)
    ]
    stopped = Trial(
        number=6,
        values={"train.optimizer": "adamw", "train.peak_rate": 0.5, "train.batch": 60},
        outcome="pruned",
        history=(9.0,),
    )
    return SearchRecord(question=ask(**changes), trials=(*trials, stopped))


def orange_height(path: Path) -> float:
    """Where the best trial's line ends: 0 top, 1 bottom."""
    picture = cv2.imread(str(path))
    assert picture is not None
    rows, columns = np.nonzero(np.abs(picture.astype(int) - BEST_BGR).max(axis=2) < 12)
    assert len(rows) > 200
    return float(rows[columns == columns.max()].mean() / picture.shape[0])


@pytest.mark.parametrize("metric", ["validation_loss", "validation_accuracy"])
def test_the_best_trial_ends_on_top(ask: Any, tmp_path: Path, metric: str) -> None:
    draw_parallel(record(ask, metric=metric), tmp_path / "parallel.png")
    assert orange_height(tmp_path / "parallel.png") < 0.3


def test_odd_searches_are_drawn_as_well(ask: Any, tmp_path: Path) -> None:
    recipe = load_recipe("mnist-lenet5")
    axes = read_axes(["train.step_at=[0.5],[0.25,0.5,0.75,0.875]"], [], recipe)
    alone = Trial(number=1, values={"train.step_at": [0.5]}, outcome="finished", score=0.0)
    draw_parallel(SearchRecord(question=ask(axes=axes), trials=(alone,)), tmp_path / "parallel.png")
    assert (tmp_path / "parallel.png").stat().st_size > 5000


def test_importance_is_drawn_to_scale(ask: Any, tmp_path: Path) -> None:
    path = tmp_path / "importance.png"
    shares = {"train.peak_rate": 0.75, "train.batch": 0.25}
    draw_importance(shares, record(ask), path)
    picture = cv2.imread(str(path))
    assert picture is not None
    blue = np.abs(picture.astype(int) - np.array([0xA8, 0x5F, 0x1F])).max(axis=2) < 8
    lengths = [row.sum() for row in blue if row.sum() > 20]
    assert max(lengths) == pytest.approx(3 * min(lengths), rel=0.05)
    # The more important one is above.
    assert lengths[0] == max(lengths)
