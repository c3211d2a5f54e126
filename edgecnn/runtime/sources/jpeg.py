"""One picture of a Motion JPEG stream: decoded if it is whole."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_jpeg"]

_START, _END = b"\xff\xd8", b"\xff\xd9"
#: Some cameras fill up after the end.
_PADDING = 1024


def decode_jpeg(data: bytes | NDArray[Any]) -> NDArray[np.uint8] | None:
    """Decode a JPEG.

    Decoders paint what is missing of a picture grey and say nothing of it; whether it is whole
    shows at its end alone: within the compressed data the end's two bytes cannot occur.

    Parameters
    ----------
    data : bytes or ndarray of uint8

    Returns
    -------
    ndarray of uint8, shape (H, W, 3), or None
        BGR. None if it was cut short or cannot be decoded.
    """
    encoded = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data.reshape(-1)
    if encoded[:2].tobytes() != _START or _END not in encoded[-_PADDING:].tobytes():
        return None
    try:
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None or picture.size == 0 else np.asarray(picture, dtype=np.uint8)
