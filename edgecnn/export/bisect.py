"""Find the first tensor that two forms of a graph do not agree on."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.export.scopes import layer_title
from edgecnn.export.taps import run_tapped
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["agree", "diverging_tensor"]


def agree(found: NDArray[Any], wanted: NDArray[Any], *, atol: float, rtol: float) -> bool:
    """Tell whether a tensor inside a network is what it should be.

    Values inside a network may be of any size, and sums of large ones that cancel leave rounding
    of the large: beside ``atol + rtol * |wanted|``, a share of the largest value is allowed.

    Examples
    --------
    >>> agree(np.array([100.0, 0.01]), np.array([100.0, 0.0]), atol=1e-4, rtol=1e-3)
    True
    >>> agree(np.array([100.0, 1.0]), np.array([100.0, 0.0]), atol=1e-4, rtol=1e-3)
    False
    """
    if found.shape != wanted.shape:
        return False
    if not wanted.size:
        return True
    here, there = found.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(there)
    if not np.array_equal(finite, np.isfinite(here)):
        return False
    here, there = here[finite], there[finite]
    largest = float(np.abs(there).max(initial=0.0))
    limit = atol + rtol * np.abs(there) + rtol * largest
    return bool((np.abs(here - there) <= limit).all())


def diverging_tensor(
    before: onnx.ModelProto, after: onnx.ModelProto, inputs: Tensors, *, atol: float, rtol: float
) -> str | None:
    """Name the layer that gives the first tensor on which two forms of a graph differ.

    Parameters
    ----------
    before : onnx.ModelProto
        Whose nodes may still say what module they were traced in.
    after : onnx.ModelProto
        The same network, rewritten; tensors that both compute are compared by name.
    inputs : mapping of str to ndarray

    Returns
    -------
    str or None
        The layer and the tensor; None where they agree on all that they share.
    """
    kept = {name for node in after.graph.node for name in node.output if name}
    makers = {name: node for node in before.graph.node for name in node.output if name in kept}
    if not makers:
        return None
    names = list(makers)
    here = run_tapped(after, names, inputs)
    there = run_tapped(before, names, inputs)
    for name in names:
        if not agree(here[name], there[name], atol=atol, rtol=rtol):
            return f"{layer_title(makers[name])}, tensor {name}"
    return None
