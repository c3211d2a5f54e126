"""An image kernel as a model file, ready for a camera."""

from __future__ import annotations

import os
from typing import Literal, cast, get_args

import numpy as np

from edgecnn.errors import UsageError
from edgecnn.export.drawings import drawn_inputs
from edgecnn.export.exporter import export_model
from edgecnn.export.report import ExportReport
from edgecnn.export.tolerance import ATOL
from edgecnn.export.trace import DEFAULT_OPSET
from edgecnn.metadata import ImageInput, ModelMetadata, Output, Pixels, Provenance
from edgecnn.models.kernels import image_kernel, parse_kernel

__all__ = ["export_kernel"]

Colour = Literal["gray", "rgb", "bgr"]

_SAMPLES = 16
#: What benchmarks take; the network itself takes any size.
_TYPICAL_SIZE = (480, 640)


def export_kernel(
    kernel: str,
    path: str | os.PathLike[str],
    *,
    border: str = "reflect",
    stride: int = 1,
    colour: str = "bgr",
    offset: float | None = None,
    opset: int = DEFAULT_OPSET,
) -> ExportReport:
    """Write the ``.onnx`` file of an image kernel: task ``image-to-image``, pictures of any size.

    Its tensors are in grey levels, so that what it computes can be compared with
    ``cv2.filter2D(picture, -1, kernel, delta=offset)`` number by number.

    Parameters
    ----------
    kernel : str
        A name or a matrix; see :func:`edgecnn.models.kernels.parse_kernel`.
    path : path
        The ``.onnx`` file.
    border, stride
        See :func:`edgecnn.models.kernels.image_kernel`.
    colour : "bgr", "rgb" or "gray"
        Each colour filtered by itself, or the picture made grey first.
    offset : float, optional
        Grey level of the value 0; the default is the kernel's own, 0 for a matrix.
    opset : int

    Returns
    -------
    ExportReport

    Raises
    ------
    UsageError
        No such kernel, border, colour or offset.
    ParityError, ModelError
        As of :func:`edgecnn.export.exporter.export_model`; no file is left.
    """
    parsed = parse_kernel(kernel)
    if colour not in get_args(Colour):
        raise UsageError(
            f"no colour order named {colour!r}", hint=f"there are: {', '.join(get_args(Colour))}"
        )
    order = cast(Colour, colour)
    offset = parsed.offset if offset is None else offset
    if not np.isfinite(offset):
        raise UsageError(f"offset is not finite: {offset}")
    height, width = _TYPICAL_SIZE
    spec = ImageInput(height=height, width=width, colour=order, resize="none", scale=1.0)
    settings: dict[str, str | int | float | bool] = {
        "kernel": "; ".join(" ".join(f"{v:g}" for v in row) for row in parsed.matrix),
        "border": border,
        "stride": stride,
    }
    metadata = ModelMetadata(
        name=parsed.name,
        task="image-to-image",
        input=spec,
        output=Output(
            name="levels",
            activation="none",
            pixels=Pixels(colour=order, scale=1.0, offset=offset),
        ),
        provenance=Provenance(architecture="image-kernel", settings=settings),
    )
    module = image_kernel(kernel=kernel, channels=spec.channels, border=border, stride=stride)
    # Rounding grows with what is summed up, not with what is left of it in the end.
    largest = 255 * float(np.abs(np.asarray(parsed.matrix)).sum())
    return export_model(
        module,
        metadata,
        drawn_inputs(metadata, _SAMPLES, seed=1),
        path,
        opset=opset,
        atol=max(ATOL, 1e-6 * largest),
    )
