"""The mean of what a convolution's window sees, for each place in the window.

A convolution is linear, so the mean of its output over all places is its weights times the mean of
its input under each of them: a few numbers a channel, however large the picture is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

__all__ = ["Window", "window_of"]


@dataclass(frozen=True)
class Window:
    """How a kernel goes over its input, for each axis of the picture.

    Attributes
    ----------
    kernel, strides, dilations : tuple of int
    pads : tuple of (int, int), or None
        Before and behind; None is ``SAME``, as much as keeps the size.
    upper : bool
        Of ``SAME``: an odd one goes behind.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...] | None = None
    upper: bool = True

    def means(self, tensor: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the means over all places of the output, zeros around the input counted.

        Parameters
        ----------
        tensor : ndarray of float32, shape (C, D1, ..., Dn)

        Returns
        -------
        ndarray of float64, shape (C, K1, ..., Kn)
        """
        places = 1
        for number in reversed(range(len(self.kernel))):
            seen, count = self._seen(number, tensor.shape[-1])
            # The last axis gives way to the kernel's, which goes to the front of those done.
            tensor = np.moveaxis(tensor @ seen, -1, 1)
            places *= count
        return tensor.astype(np.float64) / max(places, 1)

    def _seen(self, number: int, size: int) -> tuple[NDArray[np.float32], int]:
        """Say which places of an axis each place of the kernel comes to.

        Returns
        -------
        ndarray of float32, shape (size, K)
        int
            Places of the output along the axis.
        """
        stride, step, places = self.strides[number], self.dilations[number], self.kernel[number]
        span = (places - 1) * step + 1
        before, behind = self._pads(number, size, span)
        count = (size + before + behind - span) // stride + 1
        seen = np.zeros((size, places), np.float32)
        for place in range(places):
            at = np.arange(count) * stride + place * step - before
            seen[at[(at >= 0) & (at < size)], place] = 1
        return seen, count

    def _pads(self, number: int, size: int, span: int) -> tuple[int, int]:
        if self.pads is not None:
            return self.pads[number]
        stride = self.strides[number]
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        less, more = total // 2, total - total // 2
        return (less, more) if self.upper else (more, less)


def window_of(node: onnx.NodeProto, kernel: tuple[int, ...]) -> Window:
    """Read a ``Conv``'s window.

    Parameters
    ----------
    kernel : tuple of int
        The weights' last axes.
    """
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    ones = (1,) * len(kernel)
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    pads = tuple(attributes.get("pads", ()))
    half = len(kernel)
    explicit = tuple(zip(pads[:half], pads[half:], strict=True)) if pads else ((0, 0),) * half
    return Window(
        kernel,
        tuple(attributes.get("strides", ones)),
        tuple(attributes.get("dilations", ones)),
        None if auto.startswith("SAME") else ((0, 0),) * half if auto == "VALID" else explicit,
        upper=auto != "SAME_LOWER",
    )
