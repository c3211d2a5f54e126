"""Whether two outputs of a network mean the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import CharacterInput, ModelMetadata

__all__ = ["changed_answer"]

#: Mean difference of two pictures, in grey levels, from which they are not the same picture.
_SAME_PICTURE = 4.0


def changed_answer(
    then: NDArray[np.float32],
    now: NDArray[np.float32],
    metadata: ModelMetadata,
    *,
    shape: tuple[int, ...] | None = None,
) -> tuple[str, str] | None:
    """Compare what two outputs mean, whatever their values.

    Parameters
    ----------
    then, now : ndarray of float32, shape (rows, values)
        The output reshaped to rows of its last axis.
    shape : tuple of int, optional
        The output's own shape, with its batch axis, which a detector's boxes are read by; the
        default is that of ``now``.

    Returns
    -------
    (str, str) or None
        Both answers in words where they differ; None when they agree.

    Examples
    --------
    >>> from edgecnn.metadata import ImageInput
    >>> contract = ModelMetadata(name="t", task="classify", labels=("cat", "dog"),
    ...                          input=ImageInput(height=8, width=8, colour="gray"))
    >>> changed_answer(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), contract)
    ("'cat'", "'dog'")
    """
    if metadata.task == "image-to-image":
        pixels = metadata.output.pixels
        assert pixels is not None
        difference = float(np.abs(now - then).mean()) * pixels.scale
        if difference <= _SAME_PICTURE:
            return None
        return "one picture", f"another: {difference:.1f} grey levels off on average"
    if metadata.task == "detect":
        from edgecnn.runtime.tasks.detect import changed_boxes

        outputs = (output.reshape(shape or now.shape) for output in (then, now))
        pairs = zip(*outputs, strict=True)
        return next((c for one, other in pairs if (c := changed_boxes(one, other, metadata))), None)
    if metadata.task == "generate":
        # The answer is what follows the whole text; rows before it have seen less.
        then, now = then[-1:], now[-1:]
    first, second = then.argmax(axis=1), now.argmax(axis=1)
    differing = np.flatnonzero(first != second)
    if not differing.size:
        return None
    row = int(differing[0])
    names = metadata.labels
    if isinstance(metadata.input, CharacterInput):
        names = metadata.input.vocabulary
    was, given = (
        names[i] if (i := int(v[row])) < len(names) else f"number {i}" for v in (first, second)
    )
    return repr(was), repr(given)
