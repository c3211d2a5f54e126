"""Which layers the noise of a quantized network comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.forms import Forms
from edgecnn.calibration.probe import sqnr_db
from edgecnn.errors import ModelError

__all__ = ["Sensitivity", "rank_layers"]

Run = Callable[[onnx.ModelProto], NDArray[np.float32]]


@dataclass(frozen=True)
class Sensitivity:
    """What a network gains where one layer of it alone goes back to FP32.

    Attributes
    ----------
    layer : str
        The node's name.
    sqnr_db : float
        Signal-to-quantization-noise ratio of the logits then: 10 log10 of the power of the FP32
        logits over that of the difference.
    gain_db : float
        By how much that is better than with all layers quantized.
    """

    layer: str
    sqnr_db: float
    gain_db: float


def rank_layers(
    forms: Forms,
    run: Run,
    reference: NDArray[np.float32],
    *,
    kept: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Sensitivity, ...]:
    """Rank layers by what the logits gain, the one that gains most first.

    Each layer in turn is left in FP32, all others being quantized, and the same inputs are run.
    Labels take no part, so the ranking may be made on calibration data. A network's noise is about
    the sum of its layers', so what one takes away by itself it takes away beside others.

    Parameters
    ----------
    forms : Forms
    run : callable
        Runs a graph on a fixed set of inputs: a few dozen tell layers apart.
    reference : ndarray of float32
        What the FP32 file gives for them.
    kept : sequence of str
        Nodes that are FP32 already.
    progress : callable, optional
        Called with (layers done, layers).
    """
    base = sqnr_db(run(forms.make(kept)), reference)
    layers = [name for name in forms.layers if name not in kept]
    found = []
    for number, layer in enumerate(layers, start=1):
        try:
            sqnr = sqnr_db(run(forms.make((*kept, layer))), reference)
        except ModelError:
            # It is the last that could be quantized: without it there is no form.
            continue
        finally:
            if progress is not None:
                progress(number, len(layers))
        found.append(Sensitivity(layer, sqnr, sqnr - base))
    return tuple(sorted(found, key=lambda one: -one.gain_db))
