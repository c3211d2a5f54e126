"""Sheets that every kind of network has: its first kernels and its layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.activations import activations
from edgecnn.explain.kernel_sheet import kernel_sheet
from edgecnn.explain.layer_sheets import all_maps, overview
from edgecnn.export.layers import Network
from edgecnn.metadata import BeatInput, ImageInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model

__all__ = ["inside", "title_of"]


def inside(
    model: Model,
    network: Network,
    inputs: Tensors,
    *,
    title: str,
    said: str,
    seen: NDArray[np.uint8],
    kernels: bool = True,
) -> dict[str, bytes]:
    """Draw kernels and layers.

    Parameters
    ----------
    model : Model
    network : Network
        Of the model's file.
    inputs : mapping of str to ndarray
        Preprocessed, a batch of one.
    title, said : str
        Written over the sheets.
    seen : ndarray of uint8, shape (H, W, 3)
        A picture of the input, BGR.
    kernels : bool
        Whether the first kernels are pictures of something.

    Returns
    -------
    dict of str to bytes
        PNG by the file's name.
    """
    metadata = model.metadata
    spec = metadata.input
    sheets = {}
    if kernels and (weights := network.first_kernels) is not None:
        colour = spec.colour if isinstance(spec, ImageInput) else None
        rows = ""
        if isinstance(spec, BeatInput) and weights.shape[1] == 2:
            rows = "upper row: on the beat; lower row: on the mean of those before it"
        sheets["kernels.png"] = kernel_sheet(weights, title, colour=colour, rows=rows)
    layers = activations(network, inputs)
    labels = metadata.labels if metadata.task == "classify" else ()
    sheets["layers.png"] = overview(title, said, seen, layers, labels)
    digits = len(str(len(layers)))
    for layer in layers:
        name = f"layers/{layer.number:0{max(2, digits)}d}-{_slug(layer.title)}.png"
        sheets[name] = all_maps(layer, title, labels if layer is layers[-1] else ())
    return sheets


def title_of(model: Model, source: str) -> str:
    """Name the model and its input."""
    metadata = model.metadata
    precision = metadata.provenance.precision
    said = "" if precision == "FP32" else f" ({precision})"
    return f"{metadata.name}{said}  ·  {source}"


def _slug(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.replace("×", "x").lower()).split()
    return "-".join(words)
