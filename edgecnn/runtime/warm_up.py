"""The first run of a network, before anybody waits for it."""

from __future__ import annotations

import time

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.bench_inputs import bench_inputs
from edgecnn.runtime.session import Model

__all__ = ["warm_up"]


def warm_up(model: Model) -> float | None:
    """Run a network once on numbers of no meaning: memory is laid out, kernels are chosen.

    Returns
    -------
    float or None
        Milliseconds that it took; None where it takes inputs of any size, or fails on such: its
        first frame will tell.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> warm_up(load_model("bundled:mnist-lenet5")) > 0
    True
    """
    try:
        inputs = bench_inputs(model.session, 1, dict(model.metadata.input.tensors), str(model.path))
        started = time.perf_counter()
        model.run(inputs)
    except EdgeCNNError:
        return None
    return 1000 * (time.perf_counter() - started)
