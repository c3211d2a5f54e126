"""Pictures to input tensors, exactly as the file's :class:`~edgecnn.metadata.ImageInput` says.

Downscaling averages areas (``INTER_AREA``): a camera frame that shrinks by 5 with plain bilinear
interpolation skips most of its pixels and is off by tens of grey levels from the antialiased
picture that a network was trained on. Upscaling is bilinear. Where one axis shrinks and the other
grows, each axis gets its own rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ImageError
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.fit import Rectangle, fit_of

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
        Of the spec's height and width, or of the picture's own where ``spec.resize`` is ``none``.
    """
    fitted = _fitted(image, spec)
    return fitted[:, :, ::-1] if spec.colour == "rgb" else fitted


def _fitted(image: NDArray[np.uint8], spec: ImageInput) -> NDArray[np.uint8]:
    """Do what :func:`fit_image` does, with colours in OpenCV's order."""
    # Grey first: one channel is a third of the resizing. RGB last: fewer pixels to reorder.
    if spec.colour == "gray":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    fit = fit_of(image.shape[0], image.shape[1], spec)
    source, target = fit.source, fit.target
    part = image[source.top : source.top + source.height, source.left : source.left + source.width]
    if spec.resize == "letterbox":
        return _letterbox(part, spec, target)
    return resize_area(part, target.height, target.width)


def image_tensor(image: NDArray[np.generic], spec: ImageInput) -> NDArray[Any]:
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
        With the picture's own height and width where ``spec.resize`` is ``none``. The picture
        itself, uint8, where ``spec.embedded`` says that the graph prepares it.

    Examples
    --------
    >>> spec = ImageInput(height=2, width=2, colour="gray")
    >>> image_tensor(np.full((4, 4), 255, np.uint8), spec).shape
    (1, 2, 2)
    """
    if spec.embedded:
        return np.ascontiguousarray(as_bgr(image))
    fitted = _fitted(as_bgr(image), spec)
    height, width = fitted.shape[:2]
    planes = cv2.split(fitted)
    if spec.colour == "rgb":
        planes = planes[::-1]
    std = np.asarray(spec.std, dtype=np.float32)[:, None]
    mean = np.asarray(spec.mean, dtype=np.float32)[:, None]
    # A pixel has 256 values: normalise those, and look the picture's up. Same bits, less time.
    levels = (np.arange(256, dtype=np.float32) * np.float32(spec.scale) - mean) / std
    levels = np.broadcast_to(levels, (spec.channels, 256))
    nchw = spec.layout == "NCHW"
    shape = (spec.channels, height, width) if nchw else (height, width, spec.channels)
    tensor = np.empty(shape, dtype=np.float32)
    for channel, seen in enumerate(planes):
        # OpenCV's look-up takes a third of the time of NumPy's, and writes where it is told to.
        if nchw:
            cv2.LUT(seen, levels[channel], dst=tensor[channel])
        else:
            tensor[:, :, channel] = cv2.LUT(seen, levels[channel])
    return tensor


def image_batch(
    images: Iterable[NDArray[np.generic]], spec: ImageInput, *, count: int | None = None
) -> NDArray[Any]:
    """Stack several pictures: :func:`image_tensor` of each.

    Parameters
    ----------
    images : iterable of ndarray
    spec : ImageInput
    count : int, optional
        How many there are: they are then taken one by one, and never all in memory.

    Returns
    -------
    ndarray of float32, shape ``(N, *spec.shape)``; of uint8 where the graph prepares frames
        With the pictures' own height and width where ``spec.resize`` is ``none``.

    Raises
    ------
    ImageError
        Pictures of different sizes, which ``spec`` leaves as they are.
    """
    if count is None:
        images = list(images)
        count = len(images)
    kind = np.uint8 if spec.embedded else np.float32
    batch = np.empty((count, *spec.shape), dtype=kind)
    for row, image in enumerate(images):
        tensor = image_tensor(image, spec)
        if row == 0 and tensor.shape != spec.shape:
            batch = np.empty((count, *tensor.shape), dtype=kind)
        if tensor.shape != batch.shape[1:]:
            raise ImageError(
                "pictures of different sizes are no batch, and this model resizes none",
                hint="take pictures of one size, or one at a time",
            )
        batch[row] = tensor
    return batch


def _letterbox(image: NDArray[np.uint8], spec: ImageInput, inner: Rectangle) -> NDArray[np.uint8]:
    canvas = np.full((spec.height, spec.width, *image.shape[2:]), spec.pad_value, dtype=np.uint8)
    canvas[inner.top : inner.top + inner.height, inner.left : inner.left + inner.width] = (
        resize_area(image, inner.height, inner.width)
    )
    return canvas
