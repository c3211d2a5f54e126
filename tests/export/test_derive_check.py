"""Whether answers moved, and by how much is too much."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.errors import ParityError
from edgecnn.export.derive_check import moved
from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output

CONTRACT = ModelMetadata(
    name="t",
    task="classify",
    labels=("a", "b", "c"),
    input=ImageInput(height=8, width=8, colour="gray"),
)
FINDER = ModelMetadata(
    name="t",
    task="detect",
    labels=("a", "b"),
    input=ImageInput(height=100, width=100, colour="bgr"),
    output=Output(name="y", activation="none", min_score=0.5, boxes=Boxes(decoder="yolov5")),
)


def step(before, after, contract=CONTRACT, tolerance=0.05):
    return moved(
        [(np.asarray(before, np.float32), np.asarray(after, np.float32))],
        contract,
        what="fp16",
        against="FP32",
        tolerance=tolerance,
    )


def test_differences_are_shares_of_the_largest_value() -> None:
    found = step([[10, 0, 0], [0, 4, 0]], [[10, 0.2, 0], [0, 4, -0.3]])
    assert (found.samples, found.agreement) == (2, 1.0)
    assert found.max_abs == pytest.approx(0.3)
    assert found.max_share == pytest.approx(0.03)


@pytest.mark.parametrize("value", [0.6, np.inf, np.nan])
def test_a_value_that_moved_too_far_is_named(value: float) -> None:
    with pytest.raises(ParityError, match=r"logits\[2\] is .* for sample 2, 0 with FP32"):
        step([[10, 0, 0], [0, 4, 0]], [[10, 0, 0], [0, 4, value]])


def test_a_draw_may_be_decided_otherwise_and_is_counted() -> None:
    found = step([[10, 9.9, 0]], [[9.9, 10, 0]])
    assert found.agreement == 0.0


def test_positions_of_boxes_where_nothing_is_do_not_count() -> None:
    before = np.zeros((1, 2, 7))
    before[0, 0] = (50, 50, 20, 20, 1, 0.9, 0.1)
    before[0, 1] = (20, 20, 5, 5, 0.1, 0.5, 0.1)
    after = before.copy()
    after[0, 1, :4] = (80, 80, 40, 40)
    assert step(before, after, FINDER).agreement == 1.0
    after[0, 0, 0] += 15
    with pytest.raises(ParityError, match="a score or an edge"):
        step(before, after, FINDER)


def test_an_output_of_another_shape() -> None:
    with pytest.raises(ParityError, match="has shape"):
        step([[1, 2, 3]], [[1, 2]])
