"""What is measured of each example as a whole, at calibration and live alike."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ImageInput, Output

__all__ = ["brightness", "colour", "energy", "sharpness"]

#: Below it a picture has no contrast that edges could be compared with.
_FLAT = 1e-6


def brightness(picture: NDArray[np.uint8]) -> float:
    """Return a picture's mean grey level, 0..255, from a grid of about 10,000 of its pixels.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR.
    """
    step = max(1, min(picture.shape[:2]) // 64)
    blue, green, red, _ = cv2.mean(np.ascontiguousarray(picture[::step, ::step]))
    return 0.114 * blue + 0.587 * green + 0.299 * red


def sharpness(tensor: NDArray[np.floating], spec: ImageInput) -> NDArray[np.float64]:
    """Return how large the steps between neighbouring pixels are, in standard deviations.

    Light and contrast do not change it; blur makes it smaller, noise larger.

    Parameters
    ----------
    tensor : ndarray of float, shape (N, C, H, W) or (N, H, W, C)
        What the network reads.
    spec : ImageInput

    Returns
    -------
    ndarray of float64, shape (N,)

    Examples
    --------
    >>> spec = ImageInput(height=4, width=4, colour="gray")
    >>> stripes = np.tile(np.array([0.0, 1.0] * 2), (1, 1, 4, 1))
    >>> sharpness(stripes, spec).tolist()
    [2.0]
    """
    planes = _planes(tensor, spec)
    spread = planes.std(axis=(1, 2, 3))
    across = np.abs(np.diff(planes, axis=3)).mean(axis=(1, 2, 3))
    down = np.abs(np.diff(planes, axis=2)).mean(axis=(1, 2, 3))
    return np.asarray((across + down) / np.maximum(spread, _FLAT), dtype=np.float64)


def colour(tensor: NDArray[np.floating], spec: ImageInput) -> NDArray[np.float64] | None:
    """Return how far the first channel's mean lies above the last one's; None of a grey input.

    A camera whose red and blue are exchanged has the opposite sign.

    Parameters
    ----------
    tensor, spec
        As of :func:`sharpness`.
    """
    planes = _planes(tensor, spec)
    if planes.shape[1] < 2:
        return None
    means = planes.mean(axis=(2, 3), dtype=np.float64)
    return np.asarray(means[:, 0] - means[:, -1])


def energy(logits: NDArray[np.floating], output: Output) -> NDArray[np.float64] | None:
    """Return the logarithm of the summed evidence for all classes; None where there are no logits.

    The negative free energy of Liu et al. 2020 (arXiv:2010.03759), small for what is like nothing
    that the network learnt. Unlike a softmax it does not hide how little there is for any class.

    Parameters
    ----------
    logits : ndarray of float, shape (N, classes)
    output : Output

    Examples
    --------
    >>> energy(np.zeros((1, 4)), Output()).round(3).tolist()
    [1.386]
    """
    if logits.ndim != 2 or output.activation == "none":
        return None
    values = logits.astype(np.float64)
    if output.activation == "sigmoid":
        return np.asarray(np.logaddexp(0, values).sum(axis=1))
    most = values.max(axis=1, keepdims=True)
    return np.asarray(most[:, 0] + np.log(np.exp(values - most).sum(axis=1)))


def _planes(tensor: NDArray[Any], spec: ImageInput) -> NDArray[Any]:
    return tensor.transpose(0, 3, 1, 2) if spec.layout == "NHWC" else tensor
