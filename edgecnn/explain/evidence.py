"""Where in an input the evidence for a class lies: class-activation maps, and occlusion.

Both are in logits, against the mean of all classes: what all classes gain or lose alike changes no
answer. A logit, unlike a probability of 0.999, still moves when a part of the input is covered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import Output
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["class_activation", "erased_stretches", "margins", "occlusion"]

Run = Callable[[Tensors], NDArray[np.float32]]

_BATCH = 32


def margins(logits: NDArray[np.float32], output: Output) -> NDArray[np.float64]:
    """Return how far each class's logit lies above the mean of all, shape ``(N, classes)``.

    Scores of a file whose contract says that they are scores already become logits by their
    logarithm.

    Examples
    --------
    >>> margins(np.array([[3.0, 0.0, 0.0]]), Output()).tolist()
    [[2.0, -1.0, -1.0]]
    """
    values = logits.astype(np.float64)
    if output.activation == "none":
        values = np.log(np.clip(values, 1e-7, None))
    if values.shape[1] == 1 or output.activation == "sigmoid":
        return values
    centred: NDArray[np.float64] = values - values.mean(axis=1, keepdims=True)
    return centred


def class_activation(
    features: NDArray[np.float32], weights: NDArray[np.float32], classes: Sequence[int]
) -> NDArray[np.float64]:
    """Compute class-activation maps (Zhou et al. 2016, arXiv:1512.04150).

    The last feature maps, weighted as the dense layer behind their mean weights them. The mean of
    a map is its class's margin, but for the dense layer's bias.

    Parameters
    ----------
    features : ndarray of float32, shape (channels, H, W) or (channels, T)
    weights : ndarray of float32, shape (classes, channels)
    classes : sequence of int

    Returns
    -------
    ndarray of float64, shape (len(classes), H, W) or (len(classes), T)

    Examples
    --------
    >>> features = np.array([[[4.0, 0.0]], [[0.0, 2.0]]], np.float32)
    >>> class_activation(features, np.eye(2, dtype=np.float32), [0]).tolist()
    [[[2.0, -1.0]]]
    """
    relative = weights - weights.mean(axis=0) if len(weights) > 1 else weights
    chosen = relative[np.asarray(classes)].astype(np.float64)
    maps: NDArray[np.float64] = np.tensordot(chosen, features.astype(np.float64), axes=(1, 0))
    return maps


def occlusion(
    run: Run,
    inputs: Tensors,
    name: str,
    output: Output,
    classes: Sequence[int],
    *,
    layout: str = "NCHW",
) -> tuple[NDArray[np.float64], int]:
    """Cover a picture patch by patch and see what each class loses (Zeiler, Fergus 2014).

    The patch has a sixth of the shorter side and moves by a third of its own; it shows the
    picture's mean colour. A pixel's value is the mean loss over all patches that cover it, those
    counting more whose middle is near.

    Parameters
    ----------
    run : callable
        Inputs to logits, shape ``(N, classes)``.
    inputs : mapping of str to ndarray
        Preprocessed, a batch of one.
    name : str
        The picture among them.
    output : Output
    classes : sequence of int
    layout : "NCHW" or "NHWC"

    Returns
    -------
    maps : ndarray of float64, shape (len(classes), H, W)
        Positive where covering takes from the class: that part speaks for it.
    patch : int
        Side of the patch in pixels of the input.
    """
    picture = inputs[name][0]
    axes = (1, 2) if layout == "NCHW" else (0, 1)
    height, width = (picture.shape[axis] for axis in axes)
    plain = picture.mean(axis=axes, keepdims=True)
    patch = max(2, round(min(height, width) / 6))
    step = max(1, patch // 3)
    places = [(y, x) for y in _starts(height, patch, step) for x in _starts(width, patch, step)]

    def covered(number: int) -> NDArray[np.float32]:
        (y, x), changed = places[number], picture.copy()
        part = (slice(y, y + patch), slice(x, x + patch))
        changed[(slice(None), *part) if layout == "NCHW" else (*part, slice(None))] = plain
        return np.asarray(changed, dtype=np.float32)

    losses = _losses(run, inputs, name, output, variant=covered, count=len(places))
    weight = np.outer(_hill(patch), _hill(patch))
    total, times = np.zeros((len(classes), height, width)), np.zeros((height, width))
    for (y, x), loss in zip(places, losses, strict=True):
        part = (slice(y, y + patch), slice(x, x + patch))
        total[(slice(None), *part)] += loss[list(classes), None, None] * weight
        times[part] += weight
    return total / times, patch


def erased_stretches(
    run: Run, inputs: Tensors, name: str, output: Output, width: int, *, channel: int | None = None
) -> NDArray[np.float64]:
    """Draw a straight line over a signal stretch by stretch and see what each class loses.

    Parameters
    ----------
    run, inputs, name, output
        As of :func:`occlusion`; the signal has the shape ``(1, channels, T)``.
    width : int
        Samples of a stretch; it moves by a third of that.
    channel : int, optional
        Erase only in this one; the default is all.

    Returns
    -------
    ndarray of float64, shape (classes, T)
        Mean loss over all stretches that cover a sample, those counting more whose middle is near.
    """
    signal = inputs[name][0]
    width = min(width, signal.shape[1])
    starts = _starts(signal.shape[1], width, max(1, width // 3))

    def erased(number: int) -> NDArray[np.float32]:
        start, changed = starts[number], signal.copy()
        rows = slice(None) if channel is None else slice(channel, channel + 1)
        last = start + width - 1
        first, ramp = signal[rows, start, None], np.linspace(0, 1, last - start + 1)
        changed[rows, start : last + 1] = first + ramp * (signal[rows, last, None] - first)
        return np.asarray(changed, dtype=np.float32)

    losses = _losses(run, inputs, name, output, variant=erased, count=len(starts))
    total, times = np.zeros((losses.shape[1], signal.shape[1])), np.zeros(signal.shape[1])
    for start, loss in zip(starts, losses, strict=True):
        total[:, start : start + width] += loss[:, None] * _hill(width)
        times[start : start + width] += _hill(width)
    result: NDArray[np.float64] = total / times
    return result


def _losses(
    run: Run,
    inputs: Tensors,
    name: str,
    output: Output,
    *,
    variant: Callable[[int], NDArray[np.float32]],
    count: int,
) -> NDArray[np.float64]:
    """Return what each class's margin loses by each variant of one input, some at a time."""
    whole = margins(run(inputs), output)
    rows = []
    for start in range(0, count, _BATCH):
        changed = np.stack([variant(i) for i in range(start, min(start + _BATCH, count))])
        others = {
            other: np.repeat(x, len(changed), axis=0)
            for other, x in inputs.items()
            if other != name
        }
        rows.append(margins(run({name: changed, **others}), output))
    return whole - np.concatenate(rows)


def _hill(length: int) -> NDArray[np.float64]:
    """Return weights that rise to the middle of a piece and fall again, none of them zero."""
    hill: NDArray[np.float64] = np.hanning(length + 2)[1:-1]
    return hill


def _starts(length: int, size: int, step: int) -> list[int]:
    """Return where pieces begin that cover a length, the last one flush with its end."""
    last = max(0, length - size)
    return sorted({*range(0, last + 1, step), last})
