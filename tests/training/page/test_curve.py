from __future__ import annotations

import pytest

from edgecnn.training.fit_state import EpochResult
from edgecnn.training.page.curve import Curve, Point, quality


class Drawn:
    """What the curve gave out, as a page would keep it."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.redrawn = 0
        self.curve = Curve(self.points.append, self._again)

    def _again(self, points: object) -> None:
        self.redrawn += 1
        self.points[:] = points  # type: ignore[assignment]


def result(epoch: int, **values: float) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        rate=0.1,
        train_loss=1.0,
        train_accuracy=0.5,
        validation_loss=values.get("loss"),
        validation_accuracy=values.get("accuracy"),
        validation_macro_f1=None,
        validation_map=values.get("found"),
        seconds=1.0,
    )


def test_first_every_step_is_a_point() -> None:
    drawn = Drawn()
    drawn.curve.add(0.25, 2.0, 1, 4, 0.1)
    drawn.curve.add(0.5, 1.0, 0, 0, 0.2)
    assert drawn.points == [Point(0.25, 2.0, 0.25, 0.1), Point(0.5, 1.0, None, 0.2)]


def test_there_are_never_too_many_and_no_mean_is_changed() -> None:
    drawn = Drawn()
    steps = 20_000
    for step in range(1, steps + 1):
        drawn.curve.add(step / 100, step, step % 2, 1, 0.1)
        if step % 100 == 0:
            drawn.curve.validated(result(step // 100, loss=0.5, accuracy=0.9))
        assert len(drawn.points) < 1200 + 200
    trained = [point for point in drawn.points if point.loss is not None]
    validated = [point for point in drawn.points if point.validation_loss is not None]
    assert drawn.redrawn == 5
    assert 600 <= len(trained) < 1200
    assert [point.at for point in validated] == list(range(1, 201))
    assert all(point.accuracy == 0.5 for point in trained)
    # Means over as many steps each, the last of which gives the place.
    width = round(100 * trained[0].at)
    assert width == 32
    for point in trained:
        assert point.loss == pytest.approx(100 * point.at - (width - 1) / 2)
    assert [point.at for point in drawn.points] == sorted(point.at for point in drawn.points)


def test_epochs_before_an_interruption_are_drawn() -> None:
    drawn = Drawn()
    drawn.curve.resumed([result(1, loss=0.7, accuracy=0.8), result(2)])
    assert [(point.at, point.loss, point.validation_loss) for point in drawn.points] == [
        (1, 1.0, None),
        (1, None, 0.7),
        (2, 1.0, None),
    ]


def test_rows_are_short() -> None:
    row = Point(1 / 3, 2 / 3, None, 1e-7 / 3).row
    assert row == (0.33333, 0.66667, None, 3.3333e-08, None, None)


def test_what_is_measured_besides_the_loss() -> None:
    assert quality(result(1, loss=1, accuracy=0.8)) == ("accuracy", 0.8)
    assert quality(result(1, loss=1, found=0.7)) == ("mAP@0.5", 0.7)
    assert quality(result(1)) == ("accuracy", None)
