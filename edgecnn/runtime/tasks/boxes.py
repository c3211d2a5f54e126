"""Decoders: a detector's raw output to boxes in pixels of the network's input.

Each is a pure function of one picture's output. The arithmetic is that of the networks' own
publications:

``yolo-v1``
    Redmon et al. 2016, arXiv:1506.02640.
``yolox``
    Ge et al. 2021, arXiv:2107.08430; as its own exporter writes it.
``yolov5``, ``yolov8``
    https://github.com/ultralytics: files exported with decoded boxes and without NMS.
``fastestdet``
    https://github.com/dog-qiuqiu/FastestDet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.metadata import Boxes, ImageInput, Output

__all__ = ["DECODERS", "Candidates", "decode_boxes", "expected_shape", "sigmoid"]

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a decoder makes of an output, before thresholds and suppression.

    Attributes
    ----------
    boxes : ndarray of float32, shape (n, 4)
        ``x0, y0, x1, y1`` in pixels of the input tensor.
    scores : ndarray of float32, shape (n,)
        0..1.
    labels : ndarray of int64, shape (n,)
        Each box's best class; of YOLO v1, which gives every box a score for every class, all.
    """

    boxes: Array
    scores: Array
    labels: NDArray[np.int64]


def sigmoid(values: Array) -> Array:
    """Return the logistic function, by way of tanh, which does not overflow."""
    result: Array = (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32)
    return result


def yolo_v1(output: Array, settings: Output, spec: ImageInput) -> Candidates:
    """Decode YOLO v1 and its siblings.

    Parameters
    ----------
    output : ndarray, shape (rows, columns, 5 * per_cell + classes)
        Of each cell its boxes: centre ``x, y`` as shares of the cell, the square roots of width
        and height as shares of the picture, confidence; then one score per class.
        ``settings.activation`` (``none`` or ``sigmoid``) is applied to all values.
    """
    assert settings.boxes is not None
    values = sigmoid(output) if settings.activation == "sigmoid" else output
    rows, columns, _ = values.shape
    split = 5 * settings.boxes.per_cell
    boxes = values[..., :split].reshape(rows, columns, -1, 5)
    row, column = np.indices((rows, columns), dtype=np.float32)[..., None]
    x = (boxes[..., 0] + column) * (spec.width / columns)
    y = (boxes[..., 1] + row) * (spec.height / rows)
    width, height = np.square(boxes[..., 2]) * spec.width, np.square(boxes[..., 3]) * spec.height
    classes = values[..., None, split:]
    scores = boxes[..., 4:5] * classes
    count = classes.shape[-1]
    corners = np.repeat(_corners(x, y, width, height), count, axis=0)
    labels = np.tile(np.arange(count), len(corners) // count)
    return Candidates(corners, _flat(scores), labels)


def yolox(output: Array, settings: Output, spec: ImageInput) -> Candidates:
    """Decode YOLOX.

    Parameters
    ----------
    output : ndarray, shape (cells, 5 + classes)
        Grid after grid, row by row: centre in cells from the cell's corner, logarithms of width
        and height in cells, objectness, class scores; both scores are 0..1 already.
    """
    assert settings.boxes is not None
    corners, sizes = [], []
    for stride in settings.boxes.strides:
        rows, columns = spec.height // stride, spec.width // stride
        row, column = np.indices((rows, columns), dtype=np.float32).reshape(2, -1)
        corners.append(np.stack([column, row], axis=1))
        sizes.append(np.full((rows * columns, 1), stride, dtype=np.float32))
    corner, size = np.concatenate(corners), np.concatenate(sizes)
    x, y = ((output[:, :2] + corner) * size).T
    # No box is e^20 cells wide; what claims to be must not overflow.
    width, height = (np.exp(np.minimum(output[:, 2:4], 20)) * size).T
    return _scored(_corners(x, y, width, height), output[:, 5:], output[:, 4])


def yolov5(output: Array, settings: Output, spec: ImageInput) -> Candidates:
    """Decode YOLOv5.

    Parameters
    ----------
    output : ndarray, shape (boxes, 5 + classes)
        Centre, width, height in pixels, objectness, class scores, all decoded.
    """
    return _scored(_corners(*output[:, :4].T), output[:, 5:], output[:, 4])


def yolov8(output: Array, settings: Output, spec: ImageInput) -> Candidates:
    """Decode YOLOv8 (and 11), which have no objectness.

    Parameters
    ----------
    output : ndarray, shape (4 + classes, boxes)
        Centre, width, height in pixels, class scores, all decoded.
    """
    return _scored(_corners(*output[:4]), output[4:].T)


def fastestdet(output: Array, settings: Output, spec: ImageInput) -> Candidates:
    """Decode FastestDet.

    Parameters
    ----------
    output : ndarray, shape (5 + classes, rows, columns)
        Objectness; offset of the centre in cells before tanh, width and height as shares of the
        picture before the sigmoid; class scores.
    """
    _, rows, columns = output.shape
    row, column = np.indices((rows, columns), dtype=np.float32)
    x = (np.tanh(output[1]) + column) * (spec.width / columns)
    y = (np.tanh(output[2]) + row) * (spec.height / rows)
    width, height = sigmoid(output[3]) * spec.width, sigmoid(output[4]) * spec.height
    classes = output[5:].reshape(len(output) - 5, -1).T
    # Its authors weigh objectness and class by these exponents.
    scores = _flat(output[0]) ** 0.6 * classes.max(axis=1) ** 0.4
    return Candidates(_corners(x, y, width, height), scores, classes.argmax(axis=1))


#: By the names that a contract uses.
DECODERS: dict[str, Callable[[Array, Output, ImageInput], Candidates]] = {
    "yolo-v1": yolo_v1,
    "yolox": yolox,
    "yolov5": yolov5,
    "yolov8": yolov8,
    "fastestdet": fastestdet,
}


def decode_boxes(output: Array, settings: Output, spec: ImageInput, classes: int) -> Candidates:
    """Decode one picture's output by the contract's decoder.

    Parameters
    ----------
    output : ndarray of float32
        Without the batch axis, in the shape that the decoder states.
    settings : Output
    spec : ImageInput
    classes : int
        How many labels the contract names.

    Raises
    ------
    ModelError
        The output has another shape than the contract says.
    """
    assert settings.boxes is not None
    wanted = expected_shape(settings.boxes, spec, classes)
    fits = len(wanted) == output.ndim and all(
        size is None or size == found for size, found in zip(wanted, output.shape, strict=True)
    )
    if not fits:
        shown = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ModelError(
            f"output {settings.name} has shape {output.shape} for a picture, but "
            f"{settings.boxes.decoder} with {classes} labels gives ({shown})",
            hint="do decoder, labels, strides and input size in the contract fit this network?",
        )
    return DECODERS[settings.boxes.decoder](output, settings, spec)


def expected_shape(boxes: Boxes, spec: ImageInput, classes: int) -> tuple[int | None, ...]:
    """Return the shape of one picture's output; None where any size will do.

    Examples
    --------
    >>> spec = ImageInput(height=416, width=416, colour="bgr")
    >>> expected_shape(Boxes(decoder="yolox", strides=(8, 16, 32)), spec, 80)
    (3549, 85)
    """
    if boxes.decoder == "yolo-v1":
        return (None, None, 5 * boxes.per_cell + classes)
    if boxes.decoder == "yolox":
        cells = sum((spec.height // s) * (spec.width // s) for s in boxes.strides)
        return (cells, 5 + classes)
    if boxes.decoder == "yolov5":
        return (None, 5 + classes)
    if boxes.decoder == "yolov8":
        return (4 + classes, None)
    return (5 + classes, None, None)


def _scored(boxes: Array, classes: Array, objectness: Array | None = None) -> Candidates:
    scores = classes.max(axis=1)
    if objectness is not None:
        scores = scores * objectness
    return Candidates(boxes, scores, classes.argmax(axis=1))


def _corners(x: Array, y: Array, width: Array, height: Array) -> Array:
    edges = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return np.stack([_flat(edge) for edge in edges], axis=1).astype(np.float32)


def _flat(values: NDArray[np.floating]) -> Array:
    return values.reshape(-1).astype(np.float32, copy=False)
