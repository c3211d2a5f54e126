"""Pictures to input tensors, exactly as the file's :class:`~edgecnn.metadata.ImageInput` says.

Downscaling averages areas (``INTER_AREA``): a camera frame that shrinks by 5 with plain bilinear
interpolation skips most of its pixels and is off by tens of grey levels from the antialiased
picture that a network was trained on. Upscaling is bilinear. Where one axis shrinks and the other
grows, each axis gets its own rule.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ImageError
from edgecnn.metadata import ImageInput

__all__ = ["as_bgr", "fit_image", "image_batch", "image_tensor", "resize_area"]


def as_bgr(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring a decoded picture to 8-bit BGR.

    Sixteen bits become eight by rounding ``v / 257``; grey is repeated over the three channels;
    alpha is dropped over black (``pixel * alpha / 255``).

    Parameters
    ----------
    image : ndarray, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        ``uint8``, ``uint16`` or ``bool``; colours in OpenCV's order (BGR, BGRA).

    Raises
    ------
    ImageError
        Another shape or type, or no pixels.

    Examples
    --------
    >>> as_bgr(np.full((2, 2), 65535, np.uint16))[0, 0].tolist()
    [255, 255, 255]
    """
    if image.size == 0 or image.ndim not in (2, 3):
        raise ImageError(f"not a picture: an array of shape {image.shape}")
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif image.dtype == np.bool_:
        image = image.astype(np.uint8) * 255
    elif image.dtype != np.uint8:
        raise ImageError(
            f"pictures of type {image.dtype} have no stated range",
            hint="convert it to uint8 or uint16 first",
        )
    pixels = image.astype(np.uint8, copy=False)
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    channels = pixels.shape[2]
    if channels == 1:
        return cv2.cvtColor(pixels[:, :, 0], cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    if channels == 3:
        return pixels
    if channels == 4:
        colour = pixels[:, :, :3].astype(np.uint16) * pixels[:, :, 3:].astype(np.uint16)
        return ((colour + 127) // 255).astype(np.uint8)
    raise ImageError(f"a picture of {channels} channels")


def resize_area(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize by area where an axis shrinks, bilinearly where it grows.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W) or (H, W, C)
    height, width : int
        New size in pixels.

    Examples
    --------
    >>> checker = np.indices((4, 4)).sum(axis=0).astype(np.uint8) % 2 * 255
    >>> resize_area(checker, 2, 2).tolist()
    [[128, 128], [128, 128]]
    """
    if image.shape[:2] == (height, width):
        return image
    # OpenCV's INTER_AREA degrades to nearest neighbour on an axis that grows, so shrink first.
    shrunk = (min(image.shape[0], height), min(image.shape[1], width))
    resized = image
    if shrunk != image.shape[:2]:
        resized = cv2.resize(  # type: ignore[assignment]
            resized, (shrunk[1], shrunk[0]), interpolation=cv2.INTER_AREA
        )
    if shrunk != (height, width):
        resized = cv2.resize(  # type: ignore[assignment]
            resized, (width, height), interpolation=cv2.INTER_LINEAR
        )
    return resized.astype(np.uint8, copy=False)


def fit_image(image: NDArray[np.uint8], spec: ImageInput) -> NDArray[np.uint8]:
    """Bring an 8-bit BGR picture to the tensor's size and colours, still 0..255.

    Returns
    -------
    ndarray of uint8, shape (height, width) for grey, (height, width, 3) for colour
    """
    # Grey first: one channel is a third of the resizing. RGB last: fewer pixels to reorder.
    if spec.colour == "gray":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    if spec.resize == "stretch":
        fitted = resize_area(image, spec.height, spec.width)
    elif spec.resize == "crop":
        fitted = _crop(image, spec)
    else:
        fitted = _letterbox(image, spec)
    return fitted[:, :, ::-1] if spec.colour == "rgb" else fitted


def image_tensor(image: NDArray[np.generic], spec: ImageInput) -> NDArray[np.float32]:
    """Turn one decoded picture into the network's input, without its batch axis.

    Parameters
    ----------
    image : ndarray
        A picture in OpenCV's channel order; see :func:`as_bgr` for shapes and types.
    spec : ImageInput
        From the file's metadata.

    Returns
    -------
    ndarray of float32, shape ``spec.shape``

    Examples
    --------
    >>> spec = ImageInput(height=2, width=2, colour="gray")
    >>> image_tensor(np.full((4, 4), 255, np.uint8), spec).shape
    (1, 2, 2)
    """
    fitted = fit_image(as_bgr(image), spec)
    pixels = fitted.reshape(spec.height, spec.width, spec.channels)
    std = np.asarray(spec.std, dtype=np.float32)[:, None]
    mean = np.asarray(spec.mean, dtype=np.float32)[:, None]
    # A pixel has 256 values: normalise those, and look the picture's up. Same bits, less time.
    levels = (np.arange(256, dtype=np.float32) * np.float32(spec.scale) - mean) / std
    levels = np.broadcast_to(levels, (spec.channels, 256))
    tensor = np.empty(spec.shape, dtype=np.float32)
    for channel in range(spec.channels):
        plane = tensor[channel] if spec.layout == "NCHW" else tensor[:, :, channel]
        plane[...] = levels[channel][pixels[:, :, channel]]
    return tensor


def image_batch(images: Iterable[NDArray[np.generic]], spec: ImageInput) -> NDArray[np.float32]:
    """Stack several pictures: :func:`image_tensor` of each, shape ``(N, *spec.shape)``."""
    tensors = [image_tensor(image, spec) for image in images]
    if not tensors:
        return np.empty((0, *spec.shape), dtype=np.float32)
    return np.stack(tensors)


def _crop(image: NDArray[np.uint8], spec: ImageInput) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if spec.shorter_side is None:
        scale = max(spec.height / height, spec.width / width)
    else:
        scale = spec.shorter_side / min(height, width)
    # Cut in the source, then resize once: the cut-away parts are never resampled.
    cut_height = min(height, max(1, round(spec.height / scale)))
    cut_width = min(width, max(1, round(spec.width / scale)))
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    cut = image[top : top + cut_height, left : left + cut_width]
    return resize_area(cut, spec.height, spec.width)


def _letterbox(image: NDArray[np.uint8], spec: ImageInput) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(spec.height / height, spec.width / width)
    inner_height = min(spec.height, max(1, round(height * scale)))
    inner_width = min(spec.width, max(1, round(width * scale)))
    canvas = np.full((spec.height, spec.width, *image.shape[2:]), spec.pad_value, dtype=np.uint8)
    top, left = (spec.height - inner_height) // 2, (spec.width - inner_width) // 2
    canvas[top : top + inner_height, left : left + inner_width] = resize_area(
        image, inner_height, inner_width
    )
    return canvas
