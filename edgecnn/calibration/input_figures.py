"""Examples of a dataset drawn small, as HTML: what the network sees of them."""

from __future__ import annotations

import base64
from html import escape

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.text import Sentences
from edgecnn.metadata import BeatInput, ImageInput, InputSpec

__all__ = ["input_figure", "seen_picture"]

_SIDE = 160


def input_figure(dataset: Dataset, spec: InputSpec, index: int) -> str:
    """Draw one example: a picture as PNG, a beat as a trace, a sentence as it is; else nothing."""
    if isinstance(dataset, Sentences):
        return f'<blockquote class="quiet">{escape(dataset.texts[index])}</blockquote>'
    if not isinstance(spec, ImageInput | BeatInput):
        return ""
    if isinstance(spec, ImageInput) and spec.embedded:
        # What the network sees of a frame, not the frame.
        spec = msgspec.structs.replace(spec, embedded=False)
    tensor = dataset.inputs(spec, np.array([index]))[spec.name][0].astype(np.float32, copy=False)
    if isinstance(spec, BeatInput):
        return _trace(tensor)
    picture = seen_picture(tensor, spec)
    height, width = picture.shape[:2]
    if max(height, width) > _SIDE:
        shrink = _SIDE / max(height, width)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    _, png = cv2.imencode(".png", picture)
    data = base64.b64encode(png.tobytes()).decode()
    return f'<img alt="example {index}" src="data:image/png;base64,{data}">'


def seen_picture(tensor: NDArray[np.float32], spec: ImageInput) -> NDArray[np.uint8]:
    """Turn a network's input back into the picture that it sees.

    Parameters
    ----------
    tensor : ndarray of float32
        In the layout of ``spec``, without the batch axis.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        BGR.

    Examples
    --------
    >>> spec = ImageInput(height=1, width=1, colour="rgb", mean=(0.5,), std=(0.5,))
    >>> seen_picture(np.array([1.0, 0.0, -1.0], np.float32).reshape(3, 1, 1), spec).tolist()
    [[[0, 128, 255]]]
    """
    values = tensor.transpose(1, 2, 0) if spec.layout == "NCHW" else tensor
    levels = (values * np.array(spec.std) + np.array(spec.mean)) / spec.scale
    picture = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    if spec.colour == "gray":
        return np.repeat(picture, 3, axis=2)
    return np.ascontiguousarray(picture[:, :, ::-1] if spec.colour == "rgb" else picture)


def _trace(tensor: NDArray[np.float32]) -> str:
    """Draw a beat over the usual one; both in units of the usual beat's root mean square."""
    low, high = float(tensor.min()), float(tensor.max())
    span = max(high - low, 1e-6)
    lines = []
    for values, style in zip(tensor[::-1], ("usual", "beat"), strict=False):
        x = np.linspace(0, 100, len(values))
        y = 57 - 54 * (values - low) / span
        path = "".join(
            f"{'L' if i else 'M'}{a:.1f} {b:.1f}" for i, (a, b) in enumerate(zip(x, y, strict=True))
        )
        lines.append(f'<path class="{style}" d="{path}"/>')
    return (
        '<svg viewBox="0 0 100 60" preserveAspectRatio="none" role="img" '
        f'aria-label="the beat, over the usual one">{"".join(lines)}</svg>'
    )
