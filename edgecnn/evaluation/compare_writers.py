"""Two networks that write, on the same text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.language import (
    character_losses,
    mean_interval,
    running_text,
    score_losses,
)
from edgecnn.evaluation.output_difference import DifferenceSum
from edgecnn.evaluation.paired_answers import PairedAnswers, Progress
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers
from edgecnn.runtime.session import Model
from edgecnn.runtime.writer import Writer

__all__ = ["compare_writers"]

#: Characters whose logits are held, to be compared value by value.
_LOGITS_OF = 2**16


def compare_writers(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> PairedAnswers:
    """Let two networks predict a text, each character from all that come before.

    They agree on a character where both find the same one likeliest.

    Parameters
    ----------
    first, second : Model
        Of one alphabet.
    dataset : Dataset
        Running text.
    limit : int, optional
        Only so many characters, from the beginning.
    """
    text = running_text(dataset)
    chosen = text.text if limit is None else text.text[: limit + 1]
    heard = (_Heard(first), _Heard(second))
    losses = []
    for number, one in enumerate(heard):

        def half(done: int, total: int, *, before: int = number) -> None:
            if progress is not None:
                progress(before * total + done, 2 * total)

        spec = one.writer.spec
        losses.append(
            character_losses(one.run, spec, character_numbers(chosen, spec), progress=half)
        )
    same = [np.concatenate(one.likeliest) for one in heard]
    outputs = DifferenceSum()
    for pair in zip(heard[0].logits, heard[1].logits, strict=True):
        outputs.add(*pair)
    before, after = (
        score_losses(loss, one.writer.spec, text, limit=limit)
        for loss, one in zip(losses, heard, strict=True)
    )
    return PairedAnswers(
        n=len(losses[0]),
        unit="characters",
        indices=np.arange(len(text)),
        agreement=float(np.mean(same[0] == same[1])),
        agreement_on="same likeliest character",
        first=before,
        second=after,
        difference=after.value - before.value,
        difference_interval_95=mean_interval(losses[1] - losses[0]),
        interval_method="blocks of 1,000 characters",
        outputs=outputs.result(),
    )


class _Heard:
    """A writer, and what it answered."""

    def __init__(self, model: Model) -> None:
        self.writer = Writer(model)
        self.likeliest: list[NDArray[np.intp]] = []
        self.logits: list[NDArray[np.float32]] = []
        self._characters = 0

    def run(self, inputs: Tensors) -> list[NDArray[np.float32]]:
        """Run the network and keep its answers; logits only of the first characters."""
        outputs = self.writer.run(inputs)
        answers = outputs[0][0]
        self.likeliest.append(answers.argmax(axis=1))
        self._characters += len(answers)
        if self._characters <= _LOGITS_OF:
            self.logits.append(answers)
        return outputs
