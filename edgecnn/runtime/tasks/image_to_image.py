"""Image-to-image: an output tensor to a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError
from edgecnn.metadata import Pixels

__all__ = ["decode_pixels", "grey_levels"]


def grey_levels(values: NDArray[np.float32], pixels: Pixels) -> NDArray[np.float32]:
    """Return an output in grey levels, neither rounded nor cut: ``value * scale + offset``.

    Parameters
    ----------
    values : ndarray of float32, any shape
    pixels : Pixels

    Examples
    --------
    >>> grey_levels(np.array([-1.0, 0.5], np.float32), Pixels(colour="gray", offset=128)).tolist()
    [-127.0, 255.5]
    """
    levels: NDArray[np.float32] = values * np.float32(pixels.scale) + np.float32(pixels.offset)
    return levels


def decode_pixels(output: NDArray[np.float32], pixels: Pixels) -> list[NDArray[np.uint8]]:
    """Turn a batch of output tensors into pictures.

    Halves are rounded to even, as OpenCV does; what lies outside of 0..255 is cut to it.

    Parameters
    ----------
    output : ndarray of float32, shape (N, C, H, W) or (N, H, W, C)
        In the layout of ``pixels``.
    pixels : Pixels
        From the file's metadata.

    Returns
    -------
    list of ndarray of uint8, shape (H, W, 3)
        BGR.

    Raises
    ------
    TaskError
        An output of another number of axes or channels than the contract's.

    Examples
    --------
    >>> pixels = Pixels(colour="gray", scale=1.0)
    >>> decode_pixels(np.array([[[[300.0, 7.4]]]], np.float32), pixels)[0].tolist()
    [[[255, 255, 255], [7, 7, 7]]]
    """
    channel_axis = 1 if pixels.layout == "NCHW" else 3
    if output.ndim != 4 or output.shape[channel_axis] != pixels.channels:
        raise TaskError(
            f"an output of shape {output.shape} is no {pixels.colour} picture in {pixels.layout}"
        )
    levels = np.rint(grey_levels(output, pixels))
    whole = np.clip(levels, 0, 255, out=levels).astype(np.uint8)
    if pixels.layout == "NCHW":
        whole = whole.transpose(0, 2, 3, 1)
    return [_as_bgr(picture, pixels) for picture in whole]


def _as_bgr(picture: NDArray[np.uint8], pixels: Pixels) -> NDArray[np.uint8]:
    if pixels.colour == "gray":
        grey = np.ascontiguousarray(picture[:, :, 0])
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return np.ascontiguousarray(picture[:, :, ::-1] if pixels.colour == "rgb" else picture)
