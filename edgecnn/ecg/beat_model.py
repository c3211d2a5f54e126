"""What a model of heartbeats reads."""

from __future__ import annotations

from edgecnn.errors import TaskError
from edgecnn.metadata import BeatInput, how_to_run, reads
from edgecnn.runtime.session import Model

__all__ = ["beat_input_of"]


def beat_input_of(model: Model) -> BeatInput:
    """Return what a beat model reads.

    Raises
    ------
    TaskError
        The model reads something else.
    """
    spec = model.metadata.input
    if not isinstance(spec, BeatInput):
        raise TaskError(
            f"{model.path} reads {reads(spec)}, not heartbeats",
            hint=f"{how_to_run(spec)}; heartbeats need a beat model: bundled:ecg-beats",
        )
    return spec
