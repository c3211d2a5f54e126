"""The loss of YOLO v1 (Redmon et al. 2016, arXiv:1506.02640, section 2.2).

The cell that an object's centre lies in answers for it, and of that cell's boxes the one that
overlaps the object most. That box learns the object's place, the square roots of its width and
height, and as its confidence the overlap itself; all other boxes learn a confidence of 0, with
half the weight since they are so many; the cell learns the object's class.

Two kinds of output:

``none``
    The paper's: linear outputs, squared errors.
``sigmoid``
    Outputs go through a sigmoid. Confidence and classes have the cross-entropy in place of the
    squared error, whose gradient dies where a sigmoid saturates. The place costs ``1 - overlap``
    besides (Rezatofighi et al. 2019, arXiv:1902.09630): what a box is judged by, and the squared
    errors hardly see how narrow a narrow object is.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional

__all__ = ["EMPTY", "overlap", "yolo_loss"]

#: Label of the rows that only fill up a picture with fewer objects than its batch's fullest.
EMPTY = -1


def yolo_loss(
    cells: torch.Tensor,
    objects: torch.Tensor,
    *,
    per_cell: int,
    activation: Literal["none", "sigmoid"],
    place_weight: float = 5.0,
    empty_weight: float = 0.5,
) -> torch.Tensor:
    """Return the loss, summed over a picture and averaged over the batch.

    Parameters
    ----------
    cells : tensor, shape (N, rows, columns, 5 * per_cell + classes)
        The network's output, before any activation. Each box is ``x, y`` in its cell, square
        roots of width and height as shares of the picture, confidence.
    objects : tensor, shape (N, M, 5)
        Each picture's objects: centre, width, height as shares of the picture, label; rows with
        the label :data:`EMPTY` are none. Of several in one cell the last counts.
    per_cell : int
        Boxes of each cell.
    activation : "none" or "sigmoid"
    place_weight, empty_weight : float
        Weight of the place, and of the confidence of boxes without object (the paper's values).
    """
    number, rows, columns, values = cells.shape
    classes = values - 5 * per_cell
    cells = cells.float()
    active = torch.sigmoid(cells) if activation == "sigmoid" else cells
    boxes = active[..., : 5 * per_cell].reshape(number, rows, columns, per_cell, 5)

    picture, slot = torch.nonzero(objects[..., 4] >= 0, as_tuple=True)
    centre, size, label = (
        objects[picture, slot, 0:2],
        objects[picture, slot, 2:4],
        objects[picture, slot, 4].long(),
    )
    grid = torch.tensor([columns, rows], dtype=centre.dtype)
    cell = torch.minimum((centre * grid).floor(), grid - 1)
    # One object per cell: where two meet, the last in the list stays.
    place = (picture * rows + cell[:, 1].long()) * columns + cell[:, 0].long()
    owner = torch.full((number * rows * columns,), -1, dtype=torch.long)
    owner[place] = torch.arange(len(place))
    kept = owner[owner >= 0]
    place, centre, size, label, cell = (t[kept] for t in (place, centre, size, label, cell))

    flat = boxes.reshape(-1, per_cell, 5)
    answering = flat[place]
    with torch.no_grad():
        found_centre = (answering[..., 0:2] + cell[:, None]) / grid
        overlaps = overlap(
            torch.cat([found_centre, answering[..., 2:4].square()], dim=-1),
            torch.cat([centre, size], dim=-1)[:, None],
        )
        best = overlaps.argmax(dim=1)
    index = torch.arange(len(place))
    responsible = answering[index, best]
    wanted = torch.cat([centre * grid - cell, size.sqrt()], dim=-1)
    loss = place_weight * (responsible[:, :4] - wanted).square().sum()

    if activation == "sigmoid":
        box = torch.cat([(responsible[:, :2] + cell) / grid, responsible[:, 2:4].square()], dim=-1)
        loss += place_weight * (1 - overlap(box, torch.cat([centre, size], dim=-1))).sum()

    confidence = torch.zeros(flat.shape[:2])
    weight = torch.full(flat.shape[:2], empty_weight)
    confidence[place, best] = overlaps[index, best]
    weight[place, best] = 1.0
    logits = cells.reshape(-1, values)
    named = functional.one_hot(label, classes).to(cells.dtype)
    if activation == "sigmoid":
        errors = functional.binary_cross_entropy_with_logits(
            logits[:, 4 : 5 * per_cell : 5], confidence, reduction="none"
        )
        classified = functional.binary_cross_entropy_with_logits(
            logits[place, 5 * per_cell :], named, reduction="sum"
        )
    else:
        errors = (flat[..., 4] - confidence).square()
        classified = (logits[place, 5 * per_cell :] - named).square().sum()
    return (loss + (weight * errors).sum() + classified) / number


def overlap(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return intersection over union of boxes as centre, width, height on the last axis.

    Examples
    --------
    >>> overlap(torch.tensor([1.0, 1.0, 2.0, 2.0]), torch.tensor([2.0, 1.0, 2.0, 2.0])).item()
    0.3333333432674408
    """
    low = torch.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
    high = torch.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
    shared = (high - low).clamp(min=0).prod(dim=-1)
    union = first[..., 2:].prod(dim=-1) + second[..., 2:].prod(dim=-1) - shared
    return shared / union.clamp(min=1e-9)
