"""YOLO v1's loss, worked by hand."""

import numpy as np
import pytest
import torch

from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.runtime.tasks.detect import detect_in_tensor
from edgecnn.training.tasks.yolo_loss import EMPTY, overlap, yolo_loss


def _cells(rows=2, columns=2, per_cell=1, classes=2):
    return torch.zeros(1, rows, columns, 5 * per_cell + classes)


def _objects(*rows):
    return torch.tensor([rows], dtype=torch.float32)


def _loss(cells, objects, activation="none", per_cell=1):
    return yolo_loss(cells, objects, per_cell=per_cell, activation=activation).item()


def test_a_perfect_answer_costs_nothing():
    cells = _cells()
    # Centre at 0.75, 0.25: upper right cell, its middle; a quarter of the width, all the height.
    cells[0, 0, 1] = torch.tensor([0.5, 0.5, 0.5, 1.0, 1.0, 0.0, 1.0])
    assert _loss(cells, _objects([0.75, 0.25, 0.25, 1.0, 1])) == pytest.approx(0, abs=1e-10)


def test_every_term_by_hand():
    target = _objects([0.75, 0.25, 0.25, 0.25, 1])
    perfect = torch.tensor([0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 1.0])

    def with_change(index, change, cell=(0, 1)):
        cells = _cells()
        cells[0, 0, 1] = perfect
        cells[0][cell][index] += change
        return _loss(cells, target)

    # A class: its square. Confidence where there is an object: its square.
    assert with_change(6, 0.3) == pytest.approx(0.09)
    assert with_change(4, 0.2) == pytest.approx(0.04)
    # Confidence where there is none: half of its square. Its place: nothing.
    assert with_change(4, 0.2, cell=(1, 0)) == pytest.approx(0.02)
    assert with_change(0, 0.2, cell=(1, 0)) == 0
    # The place, five times; and the confidence now wants an overlap below 1. A tenth of a cell is
    # a twentieth of the picture: 0.2 of 0.25 are shared.
    shared = 0.2 / 0.3
    assert with_change(0, 0.1) == pytest.approx(5 * 0.01 + (1 - shared) ** 2, rel=1e-5)
    # The size by its square root: 0.6 is a width of 0.36.
    shared = 0.25 / 0.36
    assert with_change(2, 0.1) == pytest.approx(5 * 0.01 + (1 - shared) ** 2, rel=1e-5)


def test_of_a_cells_boxes_the_one_that_overlaps_most_answers():
    cells = _cells(per_cell=2)
    target = _objects([0.75, 0.25, 0.25, 0.25, 0])
    cells[0, 0, 1] = torch.tensor([0.1, 0.1, 0.2, 0.2, 0.0, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 0.0])
    assert _loss(cells, target, per_cell=2) == pytest.approx(0, abs=1e-10)
    # The other's place is free, its confidence is not.
    cells[0, 0, 1, 0] = 0.9
    assert _loss(cells, target, per_cell=2) == pytest.approx(0, abs=1e-10)
    cells[0, 0, 1, 4] = 1.0
    assert _loss(cells, target, per_cell=2) == pytest.approx(0.5)


def test_of_two_objects_in_a_cell_the_last_counts():
    cells = _cells()
    cells[0, 0, 1] = torch.tensor([0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 1.0])
    first, last = [0.7, 0.2, 0.5, 0.5, 0], [0.75, 0.25, 0.25, 0.25, 1]
    assert _loss(cells, _objects(first, last)) == pytest.approx(0, abs=1e-10)
    assert _loss(cells, _objects(last, first)) > 1


def test_rows_that_fill_up_count_for_nothing_and_pictures_are_averaged():
    cells = torch.cat([_cells(), _cells()])
    cells[0, 0, 1] = torch.tensor([0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 1.3])
    objects = torch.full((2, 3, 5), float(EMPTY))
    objects[0, 1] = torch.tensor([0.75, 0.25, 0.25, 0.25, 1])
    assert _loss(cells, objects) == pytest.approx(0.09 / 2)
    assert _loss(_cells(), torch.empty(1, 0, 5)) == 0


def test_an_object_on_the_far_edge_belongs_to_the_last_cell():
    cells = _cells()
    cells[0, 1, 1] = torch.tensor([1.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.0])
    assert _loss(cells, _objects([1.0, 1.0, 0.25, 0.25, 0])) == pytest.approx(0, abs=1e-10)


def test_through_a_sigmoid_scores_have_the_cross_entropy():
    cells = torch.full((1, 1, 1, 7), 0.0)
    # All values are 0.5: the object is found exactly, its overlap is 1.
    target = _objects([0.5, 0.5, 0.25, 0.25, 1])
    assert _loss(cells, target, "sigmoid") == pytest.approx(3 * np.log(2), rel=1e-5)
    # An object twice as wide: its overlap is a half, for which the confidence is right.
    target = _objects([0.5, 0.5, 0.5, 0.25, 1])
    size = (np.sqrt(0.5) - 0.5) ** 2
    wanted = 3 * np.log(2) + 5 * size + 5 * 0.5
    assert _loss(cells, target, "sigmoid") == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
def test_descending_finds_the_objects(activation):
    torch.manual_seed(0)
    cells = torch.nn.Parameter(0.1 * torch.randn(1, 4, 4, 12))
    objects = _objects([0.3, 0.3, 0.2, 0.4, 1], [0.8, 0.6, 0.3, 0.1, 0])
    optimizer = torch.optim.Adam([cells], lr=0.03)
    for _ in range(400):
        optimizer.zero_grad()
        yolo_loss(cells, objects, per_cell=2, activation=activation).backward()
        optimizer.step()
    output = Output(
        activation=activation, min_score=0.5, boxes=Boxes(decoder="yolo-v1", per_cell=2)
    )
    spec = ImageInput(height=100, width=100, colour="rgb")
    metadata = ModelMetadata(name="x", task="detect", labels=("a", "b"), input=spec, output=output)
    found = detect_in_tensor(cells.detach().numpy()[0], metadata)
    wanted = np.array([[20, 10, 40, 50], [65, 55, 95, 65]], np.float32)
    order = np.argsort(-found.labels)
    assert found.labels[order].tolist() == [1, 0]
    np.testing.assert_allclose(found.boxes[order], wanted, atol=2)


def test_overlap_of_boxes_by_centre_and_size():
    one = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    other = torch.tensor([1.0, 0.5, 1.0, 1.0])
    assert overlap(one, other).tolist() == pytest.approx([1 / 3, 0])
