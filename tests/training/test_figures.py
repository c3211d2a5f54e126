from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from edgecnn.metadata import Accuracy
from edgecnn.training.figures import draw_confusion, draw_curves
from edgecnn.training.fit_state import EpochResult


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("epochs", [1, 12])
def test_curves(tmp_path: Path, epochs: int, validated: bool) -> None:
    history = [
        EpochResult(
            i + 1, 0.1, 1 / (i + 1), 0.9, *((0.3, 0.8, 0.8) if validated else (None,) * 3), 1
        )
        for i in range(epochs)
    ]
    draw_curves(history, tmp_path / "curves.png", title="tiny")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture.shape[1] > 1000
    # The curve of the validation set is blue.
    blue = (picture.astype(int)[:, :, 0] - picture[:, :, 2]) > 80
    assert (blue.sum() > 10) == validated


@pytest.mark.parametrize("falling", [True, False])
def test_the_last_value_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, falling: bool
) -> None:
    """No curve runs through it, and no other panel begins in it."""
    figures: list[Figure] = []
    monkeypatch.setattr("edgecnn.training.figures.save_figure", lambda f, _: figures.append(f))
    shares = [0.5, 0.7, 0.9]
    history = [
        EpochResult(i + 1, 0.1, 1.0, share, 1.0, share, share, 1)
        for i, share in enumerate(shares[::-1] if falling else shares)
    ]
    draw_curves(history, tmp_path / "curves.png", title="tiny")
    (figure,) = figures
    figure.draw_without_rendering()
    loss, quality, rate = figure.axes
    (told,) = quality.texts
    assert told.get_text() == ("50.00 %" if falling else "90.00 %")
    box = told.get_window_extent()
    for line in quality.lines:
        assert not line.get_path().transformed(line.get_transform()).intersects_bbox(box, False)
    assert box.x1 < rate.get_tightbbox().x0
    assert loss.get_legend() is not None


def test_a_single_epoch_is_seen_in_every_panel(tmp_path: Path) -> None:
    """A line through one point would be nothing."""
    counts = []
    for rate in (0.1, math.nan):
        history = [EpochResult(1, rate, 0.7, 0.9, None, None, None, 1)]
        draw_curves(history, tmp_path / "curves.png", title="tiny")
        picture = cv2.imread(str(tmp_path / "curves.png")).astype(int)
        # The grey that training and learning rate are drawn in, in the panels' inner parts.
        width = picture.shape[1] // 3
        panels = [picture[60:-70, i * width + 90 : (i + 1) * width - 30] for i in range(3)]
        counts.append([int((np.abs(p - 0x8A).max(axis=2) < 50).sum()) for p in panels])
    assert all(count > 10 for count in counts[0]), counts
    assert counts[1][2] == 0  # so the rest of a panel does not look like a point


def test_confusion(tmp_path: Path) -> None:
    labels = ("airplane", "automobile", "bird")
    accuracy = Accuracy(
        dataset="x",
        split="test",
        metric="accuracy",
        value=0.9,
        interval_95=(0.85, 0.95),
        n=300,
        confusion=((90, 10, 0), (0, 100, 0), (5, 15, 80)),
    )
    draw_confusion(accuracy, labels, tmp_path / "confusion.png")
    picture = cv2.imread(str(tmp_path / "confusion.png"))
    assert picture is not None
    assert np.ptp(picture) > 200
    assert [path.name for path in tmp_path.iterdir()] == ["confusion.png"]
