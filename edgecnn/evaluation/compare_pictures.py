"""Two image-to-image networks on the same pictures."""

from __future__ import annotations

import numpy as np

from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, TaskError
from edgecnn.evaluation.output_difference import DifferenceSum
from edgecnn.evaluation.paired_answers import Changed, PairedAnswers, Progress
from edgecnn.evaluation.sampling import draw
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.image_to_image import decode_pixels

__all__ = ["compare_picture_makers"]

_MOST_WORST = 12


def compare_picture_makers(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> PairedAnswers:
    """Let two networks make pictures of the same pictures, and compare them pixel by pixel.

    Compared is what is shown: rounded to whole grey levels and cut to 0..255. Agreement is the
    share of pixel values that differ by at most one level.

    Raises
    ------
    TaskError
        The pictures that they make have different sizes.
    """
    if not len(dataset):
        raise DataError(f"{dataset.info.name} holds no examples")
    indices = draw(len(dataset), limit, seed=seed)
    total, near, values = DifferenceSum(), 0, 0
    changed: list[Changed] = []
    for number, index in enumerate(indices):
        # One by one: each may have a size of its own.
        made = []
        for model in (first, second):
            pixels = model.metadata.output.pixels
            assert pixels is not None
            inputs = dataset.inputs(model.metadata.input, np.array([index]))
            made.append(decode_pixels(model.run(inputs), pixels)[0].astype(np.int16))
        one, other = made
        if one.shape != other.shape:
            raise TaskError(
                f"{first.path.name} makes a picture of {one.shape[1]}x{one.shape[0]}, "
                f"{second.path.name} one of {other.shape[1]}x{other.shape[0]}"
            )
        total.add(one[None], other[None])
        difference = np.abs(other - one)
        near += int(np.sum(difference <= 1))
        values += difference.size
        mean, most = float(difference.mean()), int(difference.max())
        if most:
            words = f"{mean:.2f} levels off on average, {most} at most"
            changed.append(Changed(int(index), None, "", words, mean))
        if progress is not None:
            progress(number + 1, len(indices))
    changed.sort(key=lambda one: -one.change)
    return PairedAnswers(
        n=len(indices),
        unit="pictures",
        indices=indices,
        agreement=near / values,
        agreement_on="pixel values within one grey level",
        outputs=total.result(),
        worst=tuple(changed[:_MOST_WORST]),
    )
