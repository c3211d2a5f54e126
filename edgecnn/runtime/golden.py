"""Golden vectors: whether this machine computes what the exporting machine computed.

Raw inputs travel in the file with the logits they gave. On load they go through preprocessing and
network once more. A label that flips is an error: the answers of this machine cannot be trusted. A
drift beyond the provider's tolerance is a warning with a cure, since 8-bit arithmetic saturates
differently on CPUs without VNNI and on ARM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import GoldenError, MetadataError
from edgecnn.metadata import BeatInput, Golden, GoldenExample, InputSpec, ModelMetadata

__all__ = ["check_golden", "golden_inputs"]

Run = Callable[[Mapping[str, NDArray[np.float32]]], NDArray[np.float32]]


def golden_inputs(example: GoldenExample, spec: InputSpec) -> dict[str, NDArray[np.float32]]:
    """Preprocess one golden example from its raw form.

    Returns
    -------
    dict of str to ndarray of float32
        The network's inputs; one row for a picture, one per beat for a signal.
    """
    if isinstance(spec, BeatInput):
        if example.media != "signal/int16-uV" or not example.beats:
            raise MetadataError("a golden example of a beat model holds no signal")
        from edgecnn.preprocessing.beats import beat_inputs

        signal = np.frombuffer(example.data, dtype="<i2").astype(np.int64)
        return beat_inputs(signal, np.asarray(example.beats), spec)
    if example.media != "image/png":
        raise MetadataError("a golden example of a picture model holds no picture")
    from edgecnn.preprocessing.image import image_tensor
    from edgecnn.preprocessing.picture import decode_picture

    picture = decode_picture(example.data, "golden picture")
    return {spec.name: image_tensor(picture, spec)[None]}


def check_golden(
    golden: Golden, metadata: ModelMetadata, run: Run, *, provider: str, source: str
) -> list[str]:
    """Run the golden examples and compare.

    Parameters
    ----------
    run : callable
        Maps preprocessed inputs to logits, shape ``(N, classes)``.
    provider : str
        Picks the tolerance; one without an entry gets the largest of all.

    Returns
    -------
    list of str
        Warnings; empty when all is as it was.

    Raises
    ------
    GoldenError
        A label flipped.
    """
    worst = 0.0
    for number, example in enumerate(golden.examples, start=1):
        then = np.asarray(example.logits, dtype=np.float32)
        now = run(golden_inputs(example, metadata.input))
        if now.shape != then.shape:
            raise GoldenError(
                f"{source}: golden example {number} gives shape {now.shape}, not {then.shape}",
                hint="the file was changed after its export: export it again",
            )
        flipped = np.flatnonzero(now.argmax(axis=1) != then.argmax(axis=1))
        if flipped.size or not np.isfinite(now).all():
            row = int(flipped[0]) if flipped.size else 0
            labels = metadata.labels
            raise GoldenError(
                f"{source}: golden example {number} is {labels[int(then[row].argmax())]!r}, "
                f"but on this machine ({provider}) it gives {labels[int(now[row].argmax())]!r}",
                hint="is the file damaged? compare its SHA-256; --no-check runs it anyway"
                if metadata.provenance.quantization is None
                else "use the FP32 file, or quantize for this target; --no-check runs it anyway",
            )
        worst = max(worst, float(np.abs(now - then).max()))
    tolerance = golden.tolerance.get(provider, max(golden.tolerance.values()))
    if worst <= tolerance:
        return []
    return [
        f"{source}: golden logits drift by {worst:.3g} on this machine ({provider}), more than "
        f"{tolerance:.3g}; labels agree. Cure: measure it here with `edgecnn evaluate`, or "
        "quantize for this target"
    ]
