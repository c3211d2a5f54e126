"""The decoders of :mod:`edgecnn.runtime.tasks.boxes`, written as nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.export.nodes import Nodes
from edgecnn.metadata import ImageInput, Output

__all__ = ["BOX_NODES", "Candidates", "Head"]


@dataclass(frozen=True)
class Head:
    """A detector's output and what its contract says of it.

    Attributes
    ----------
    output : str
        Name, of shape ``shape``, in which None is a size that is not fixed.
    classes : int
        How many labels there are.
    """

    output: str
    shape: Sequence[int | None]
    settings: Output
    spec: ImageInput
    classes: int


@dataclass(frozen=True)
class Candidates:
    """Names of what a decoder makes, before thresholds and suppression.

    Attributes
    ----------
    boxes : str
        ``(N, n, 4)``: ``x0, y0, x1, y1`` in pixels of the network's input.
    scores : str
        ``(N, classes, n)``: of a box that has one class, 0 for the others.
    """

    boxes: str
    scores: str


def _yolo_v1(nodes: Nodes, head: Head) -> Candidates:
    settings, spec, classes = head.settings, head.spec, head.classes
    assert settings.boxes is not None
    rows, columns = _known(head.shape[1:3], settings)
    per_cell = settings.boxes.per_cell
    sigmoid = settings.activation == "sigmoid"
    values = nodes.add("Sigmoid", head.output) if sigmoid else head.output
    split = 5 * per_cell
    cells = nodes.add("Reshape", values, nodes.ints(0, rows * columns, split + classes))
    # (N, cells * per_cell, 5), as the boxes of a cell follow each other.
    boxes = nodes.add(
        "Reshape", _part(nodes, cells, 0, split), nodes.ints(0, rows * columns * per_cell, 5)
    )
    grid = np.indices((rows, columns), dtype=np.float32).reshape(2, -1).repeat(per_cell, axis=1)
    step = np.array([spec.width / columns, spec.height / rows], np.float32)
    centre = nodes.add(
        "Mul",
        nodes.add("Add", _part(nodes, boxes, 0, 2), nodes.constant(grid[::-1].T, np.float32)),
        nodes.constant(step, np.float32),
    )
    root = _part(nodes, boxes, 2, 4)
    sides = nodes.constant([spec.width, spec.height], np.float32)
    size = nodes.add("Mul", nodes.add("Mul", root, root), sides)
    confidence = nodes.add(
        "Reshape", _part(nodes, boxes, 4, 5), nodes.ints(0, rows * columns, per_cell, 1)
    )
    each = nodes.add(
        "Reshape",
        _part(nodes, cells, split, split + classes),
        nodes.ints(0, rows * columns, 1, classes),
    )
    scores = nodes.add(
        "Reshape",
        nodes.add("Mul", confidence, each),
        nodes.ints(0, rows * columns * per_cell, classes),
    )
    return Candidates(_corners(nodes, centre, size), nodes.add("Transpose", scores, perm=[0, 2, 1]))


def _yolox(nodes: Nodes, head: Head) -> Candidates:
    output, spec = head.output, head.spec
    assert head.settings.boxes is not None
    corners, sizes = [], []
    for stride in head.settings.boxes.strides:
        rows, columns = spec.height // stride, spec.width // stride
        row, column = np.indices((rows, columns), dtype=np.float32).reshape(2, -1)
        corners.append(np.stack([column, row], axis=1))
        sizes.append(np.full((rows * columns, 1), stride, np.float32))
    size_of_cell = nodes.constant(np.concatenate(sizes), np.float32)
    corner = nodes.constant(np.concatenate(corners), np.float32)
    centre = nodes.add("Mul", nodes.add("Add", _part(nodes, output, 0, 2), corner), size_of_cell)
    # No box is e^20 cells wide; what claims to be must not overflow.
    most = nodes.constant(20.0, np.float32)
    sides = nodes.add("Exp", nodes.add("Min", _part(nodes, output, 2, 4), most))
    size = nodes.add("Mul", sides, size_of_cell)
    scores = _best(nodes, _part(nodes, output, 5, 5 + head.classes), head.classes)
    objectness = nodes.add("Transpose", _part(nodes, output, 4, 5), perm=[0, 2, 1])
    return Candidates(_corners(nodes, centre, size), nodes.add("Mul", scores, objectness))


def _yolov5(nodes: Nodes, head: Head) -> Candidates:
    output, classes = head.output, head.classes
    boxes = _corners(nodes, _part(nodes, output, 0, 2), _part(nodes, output, 2, 4))
    scores = _best(nodes, _part(nodes, output, 5, 5 + classes), classes)
    objectness = nodes.add("Transpose", _part(nodes, output, 4, 5), perm=[0, 2, 1])
    return Candidates(boxes, nodes.add("Mul", scores, objectness))


def _yolov8(nodes: Nodes, head: Head) -> Candidates:
    classes = head.classes
    rows = nodes.add("Transpose", head.output, perm=[0, 2, 1])
    boxes = _corners(nodes, _part(nodes, rows, 0, 2), _part(nodes, rows, 2, 4))
    return Candidates(boxes, _best(nodes, _part(nodes, rows, 4, 4 + classes), classes))


def _fastestdet(nodes: Nodes, head: Head) -> Candidates:
    spec, classes = head.spec, head.classes
    rows, columns = _known(head.shape[2:4], head.settings)
    cells = nodes.add("Reshape", head.output, nodes.ints(0, 5 + classes, rows * columns))
    cells = nodes.add("Transpose", cells, perm=[0, 2, 1])
    grid = np.indices((rows, columns), dtype=np.float32).reshape(2, -1)[::-1].T
    step = np.array([spec.width / columns, spec.height / rows], np.float32)
    offset = nodes.add("Tanh", _part(nodes, cells, 1, 3))
    centre = nodes.add(
        "Mul",
        nodes.add("Add", offset, nodes.constant(grid, np.float32)),
        nodes.constant(step, np.float32),
    )
    sides = nodes.constant([spec.width, spec.height], np.float32)
    size = nodes.add("Mul", nodes.add("Sigmoid", _part(nodes, cells, 3, 5)), sides)
    # Its authors weigh objectness and class by these exponents. The best class stays the best.
    objectness = nodes.add("Transpose", _part(nodes, cells, 0, 1), perm=[0, 2, 1])
    weighed = nodes.add("Pow", objectness, nodes.constant(0.6, np.float32))
    best = _best(nodes, _part(nodes, cells, 5, 5 + classes), classes)
    scores = nodes.add("Mul", weighed, nodes.add("Pow", best, nodes.constant(0.4, np.float32)))
    return Candidates(_corners(nodes, centre, size), scores)


Decoder = Callable[[Nodes, Head], Candidates]

#: By the names that a contract uses.
BOX_NODES: dict[str, Decoder] = {
    "yolo-v1": _yolo_v1,
    "yolox": _yolox,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "fastestdet": _fastestdet,
}


def _part(nodes: Nodes, name: str, start: int, end: int) -> str:
    """Take a stretch of the last axis of three."""
    return nodes.add("Slice", name, nodes.ints(start), nodes.ints(end), nodes.ints(2))


def _corners(nodes: Nodes, centre: str, size: str) -> str:
    half = nodes.add("Div", size, nodes.constant(2.0, np.float32))
    low, high = nodes.add("Sub", centre, half), nodes.add("Add", centre, half)
    return nodes.add("Concat", low, high, axis=2)


def _best(nodes: Nodes, scores: str, classes: int) -> str:
    """Keep each box's best class: (N, n, classes) to (N, classes, n) with 0 for the others."""
    best, label = nodes.add_two("TopK", scores, nodes.ints(1), axis=2)
    best, label = (nodes.add("Transpose", name, perm=[0, 2, 1]) for name in (best, label))
    numbers = nodes.constant(np.arange(classes)[:, None], np.int64)
    return nodes.add(
        "Where", nodes.add("Equal", label, numbers), best, nodes.constant(0.0, np.float32)
    )


def _known(sizes: Sequence[int | None], settings: Output) -> tuple[int, int]:
    rows, columns = sizes
    if rows is None or columns is None:
        raise ModelError(
            f"the size of output {settings.name} is not fixed: its grid cannot be embedded",
            hint="export the network for one size of picture",
        )
    return rows, columns
