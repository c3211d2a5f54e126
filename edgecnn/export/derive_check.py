"""Whether a file that was made of another one still gives its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ParityError
from edgecnn.export.derive_report import Step
from edgecnn.metadata import ImageInput, ModelMetadata
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.golden import answer_rows
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.agreement import changed_answer
from edgecnn.runtime.tasks.boxes import decode_boxes
from edgecnn.runtime.tasks.classify import scores
from edgecnn.runtime.tasks.detect import detect, detect_in_tensor
from edgecnn.runtime.tasks.image_to_image import decode_pixels

__all__ = ["DECODING_TOLERANCE", "FP16_TOLERANCE", "PREPARING_TOLERANCE", "check_decoding", "moved"]

#: Share of an output's largest magnitude. FP16 has 11 significant bits.
FP16_TOLERANCE = 0.03

#: A pixel may differ by one grey level of 255.
PREPARING_TOLERANCE = 0.05

#: Of a detector, for either: as far as a score may drift before the golden vectors call it another
#: answer.
BOXES_TOLERANCE = 0.1

#: The same arithmetic in another order.
DECODING_TOLERANCE = 1e-4

#: Where outputs are FP16, an optimiser may decode what was not yet rounded to it.
HALF_DECODING_TOLERANCE = 2.0**-9

#: As in :func:`edgecnn.export.verify.measure_parity`.
_MIN_AGREEMENT = 0.99

Run = Callable[[Tensors], NDArray[np.float32]]
Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


def moved(
    pairs: Iterable[Pair],
    metadata: ModelMetadata,
    *,
    what: Literal["fp16", "embed-preprocessing"],
    against: str,
    tolerance: float,
) -> Step:
    """Compare outputs before and after, sample by sample.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        The output for one sample or a batch, before and after.
    metadata : ModelMetadata
    what, against : str
        For the report.
    tolerance : float
        Share of the largest magnitude of all outputs that a value may move by; of a detector
        :data:`BOXES_TOLERANCE`, whatever is given.

    Returns
    -------
    Step

    Raises
    ------
    ParityError
        A value moved by more, is not finite, or more than one answer in a hundred is another one,
        not counting those that were a draw within the tolerance.
    """
    rows = [pair for before, after in pairs for pair in _rows(before, after)]
    boxes = metadata.task == "detect"
    tolerance = BOXES_TOLERANCE if boxes else tolerance
    largest = max((float(np.abs(before).max(initial=0)) for before, _ in rows), default=0.0)
    largest = 1.0 if boxes else largest
    max_abs, clear, same = 0.0, 0, 0
    for number, (before, after) in enumerate(rows, start=1):
        one, other = _candidates(before, after, metadata) if boxes else (before, after)
        difference = np.abs(other.astype(np.float64) - one)
        difference[~np.isfinite(other)] = np.inf
        if not difference.max(initial=0) <= tolerance * largest:
            worst = np.unravel_index(int(difference.argmax()), difference.shape)
            at = ", ".join(str(int(i)) for i in worst[1:])
            value = "a score or an edge" if boxes else f"{metadata.output.name}[{at}]"
            raise ParityError(
                f"{what}: {value} is {other[worst]:.6g} for sample {number}, {one[worst]:.6g} with "
                f"{against}: more than {tolerance:.2g} of the largest value ({largest:.4g}) apart",
                hint="no file was written",
            )
        max_abs = max(max_abs, float(difference.max(initial=0)))
        changed = changed_answer(
            answer_rows(before), answer_rows(after), metadata, shape=before.shape
        )
        same += changed is None
        clear += changed is not None and _was_clear(before, metadata, tolerance * largest)
    share = same / len(rows) if rows else 1.0
    if rows and 1 - clear / len(rows) < _MIN_AGREEMENT:
        raise ParityError(
            f"{what}: {clear} of {len(rows)} samples get another answer than with {against}",
            hint="no file was written",
        )
    return Step(
        what=what,
        against=against,
        samples=len(rows),
        max_abs=max_abs,
        max_share=max_abs / largest if largest else 0.0,
        tolerance=tolerance,
        agreement=share,
    )


def check_decoding(model: Model, inputs: Iterable[tuple[Tensors, tuple[int, int]]]) -> Step:
    """Compare what a graph decodes with what is decoded from its output in NumPy.

    Parameters
    ----------
    model : Model
        With embedded decoding.
    inputs : iterable of (mapping, (height, width))
        One row each, and the size of its picture; (0, 0) where there is none.

    Raises
    ------
    ParityError
        A label, box or score is another one.
    """
    metadata = model.metadata
    decoded = metadata.output.decoded
    assert decoded is not None
    half = metadata.provenance.half
    tolerance = DECODING_TOLERANCE if half is None or half.keep_io else HALF_DECODING_TOLERANCE
    worst, count = 0.0, 0
    for tensors, size in inputs:
        raw, *given = model.run_outputs(tensors, (metadata.output.name, *decoded.names))
        expected = _decoded(raw, metadata, size)
        for name, one, other in zip(decoded.names, given, expected, strict=True):
            whole = np.issubdtype(other.dtype, np.integer)
            if one.shape != other.shape:
                raise ParityError(
                    f"embed-decoding: {name} has shape {one.shape}, NumPy gives {other.shape}"
                )
            difference = float(np.abs(one.astype(np.float64) - other).max(initial=0))
            scale = float(np.abs(other).max(initial=1)) if not whole else 1.0
            allowed = tolerance * scale
            if name == decoded.picture:
                allowed = 1.0  # a half may be rounded to either side
            if not difference <= allowed:
                raise ParityError(
                    f"embed-decoding: {name} differs from NumPy's by {difference:.4g}",
                    hint="no file was written",
                )
            worst = max(worst, 0.0 if whole else difference / scale)
        count += 1
    return Step(
        what="embed-decoding",
        against="NumPy",
        samples=count,
        max_abs=worst,
        max_share=worst,
        tolerance=tolerance,
        agreement=1.0,
    )


def _decoded(
    raw: NDArray[np.float32], metadata: ModelMetadata, size: tuple[int, int]
) -> list[NDArray[Any]]:
    """Return what the graph is to give, in the order of ``Decoded.names``."""
    decoded, settings = metadata.output.decoded, metadata.output
    assert decoded is not None
    if metadata.task == "classify":
        values = scores(raw, settings)
        order = np.argsort(-values, axis=1, kind="stable")[:, : decoded.top]
        best = np.take_along_axis(values, order, axis=1)
        return [best, np.where(best < settings.min_score, -1, order)]
    if metadata.task == "detect":
        spec = metadata.input
        assert isinstance(spec, ImageInput)
        found = (
            detect(raw[0], metadata, *size) if spec.embedded else detect_in_tensor(raw[0], metadata)
        )
        return [found.boxes[None], found.scores[None], found.labels[None]]
    assert settings.pixels is not None
    return [np.stack(decode_pixels(raw, settings.pixels))]


def _rows(before: NDArray[np.float32], after: NDArray[np.float32]) -> Iterable[Pair]:
    if before.shape != after.shape:
        raise ParityError(f"the output has shape {after.shape}, and had {before.shape}")
    for row in range(len(before)):
        yield before[row : row + 1], after[row : row + 1]


def _candidates(
    before: NDArray[np.float32], after: NDArray[np.float32], metadata: ModelMetadata
) -> Pair:
    """Return what a detector's output is read for: all scores, and edges of boxes that may count.

    Where nothing is, the position of a box means nothing, and moves with every rounding.
    Edges are shares of the input's larger side.
    """
    spec, settings = metadata.input, metadata.output
    assert isinstance(spec, ImageInput)
    found = [decode_boxes(x[0], settings, spec, len(metadata.labels)) for x in (before, after)]
    likely = np.maximum(found[0].scores, found[1].scores) >= settings.min_score / 2
    side = max(spec.height, spec.width)
    one, other = (
        np.concatenate([one.scores, one.boxes[likely].ravel() / side])[None] for one in found
    )
    return one, other


def _was_clear(before: NDArray[np.float32], metadata: ModelMetadata, tolerance: float) -> bool:
    """Tell whether an answer was more than a draw: of a classifier, by its first two logits."""
    if metadata.task not in ("classify", "generate") or before.shape[-1] < 2:
        return True
    ordered = np.sort(answer_rows(before)[-1])
    return float(ordered[-1] - ordered[-2]) > 2 * tolerance
