"""Golden vectors: whether this machine computes what the exporting machine computed.

Raw inputs travel in the file with the logits they gave. On load they go through preprocessing and
network once more. A label that flips is an error: the answers of this machine cannot be trusted. A
drift beyond the provider's tolerance is a warning with a cure, since 8-bit arithmetic saturates
differently on CPUs without VNNI and on ARM.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import GoldenError, MetadataError
from edgecnn.metadata import (
    BeatInput,
    CharacterInput,
    Golden,
    GoldenExample,
    ImageInput,
    InputSpec,
    ModelMetadata,
    TextInput,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.tasks.agreement import changed_answer

__all__ = ["answer_rows", "check_golden", "golden_inputs"]

Run = Callable[[Tensors], NDArray[np.float32]]


def golden_inputs(example: GoldenExample, spec: InputSpec) -> Tensors:
    """Preprocess one golden example from its raw form.

    Returns
    -------
    dict of str to ndarray
        The network's inputs; one row for a picture or a text, one per beat for a signal.

    Raises
    ------
    MetadataError
        The example is of another kind than the input, or broken.
    """
    if isinstance(spec, ImageInput):
        if example.media != "image/png":
            raise MetadataError("a golden example of a picture model holds no picture")
        from edgecnn.preprocessing.image import image_tensor
        from edgecnn.preprocessing.picture import decode_picture

        picture = decode_picture(example.data, "golden picture")
        return {spec.name: image_tensor(picture, spec)[None]}
    if isinstance(spec, TextInput | CharacterInput):
        if example.media != "text/utf-8":
            raise MetadataError("a golden example of a text model holds no text")
        from edgecnn.preprocessing.text import text_inputs

        return text_inputs(_text(example), spec)
    if example.media != "signal/int16-uV" or len(example.data) % 2:
        raise MetadataError("a golden example of a signal model holds no signal")
    signal = np.frombuffer(example.data, dtype="<i2").astype(np.int64)
    if isinstance(spec, BeatInput):
        if not example.beats:
            raise MetadataError("a golden example of a beat model names no beat")
        from edgecnn.preprocessing.beats import beat_inputs

        return {**beat_inputs(signal, np.asarray(example.beats), spec)}
    from edgecnn.preprocessing.fragments import fragment_inputs

    if signal.size % len(spec.leads):
        raise MetadataError(f"a golden signal of {signal.size} values for {len(spec.leads)} leads")
    leads = signal.reshape(len(spec.leads), -1)
    return {**fragment_inputs(leads, np.zeros(1, dtype=np.int64), spec)}


def _text(example: GoldenExample) -> str:
    try:
        return example.data.decode()
    except UnicodeDecodeError as error:
        raise MetadataError("a golden text is not UTF-8") from error


def check_golden(
    golden: Golden, metadata: ModelMetadata, run: Run, *, provider: str, source: str
) -> list[str]:
    """Run the golden examples and compare.

    Parameters
    ----------
    run : callable
        Maps preprocessed inputs to the output that the contract names.
    provider : str
        Picks the tolerance; one without an entry gets the largest of all.

    Returns
    -------
    list of str
        Warnings; empty when all is as it was.

    Raises
    ------
    GoldenError
        An answer flipped.
    MetadataError
        The golden document itself is broken.
    """
    worst = 0.0
    for number, example in enumerate(golden.examples, start=1):
        then = _rows_then(example, number, source)
        answer = run(golden_inputs(example, metadata.input))
        now = answer_rows(answer)
        if now.shape != then.shape:
            raise GoldenError(
                f"{source}: golden example {number} gives {now.shape} values, not {then.shape}",
                hint="the file was changed after its export: export it again",
            )
        cure = (
            "is the file damaged? compare its SHA-256; --no-check runs it anyway"
            if metadata.provenance.quantization is None
            else "use the FP32 file, or quantize for this target; --no-check runs it anyway"
        )
        if not np.isfinite(now).all():
            raise GoldenError(
                f"{source}: golden example {number} gives a value that is no number on this "
                f"machine ({provider})",
                hint=cure,
            )
        if change := changed_answer(then, now, metadata, shape=answer.shape):
            raise GoldenError(
                f"{source}: golden example {number} is {change[0]}, "
                f"but on this machine ({provider}) it gives {change[1]}",
                hint=cure,
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


def answer_rows(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reshape an output to rows of its last axis, as golden documents hold it."""
    rows: NDArray[np.float32] = output.reshape(-1, output.shape[-1])
    return rows


def _rows_then(example: GoldenExample, number: int, source: str) -> NDArray[np.float32]:
    """Return the stored rows; a document changed by hand may have rows of different lengths."""
    if len({len(row) for row in example.logits}) != 1 or not example.logits[0]:
        raise MetadataError(
            f"{source}: the rows of golden example {number} differ in length, or there are none",
            hint="the file was changed after its export: export it again",
        )
    return np.asarray(example.logits, dtype=np.float32)
