"""How well a network predicts text: nats per character."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.text import RunningText
from edgecnn.errors import DataError
from edgecnn.metadata import Accuracy, CharacterInput
from edgecnn.preprocessing.text import character_numbers, initial_state, unknown_characters
from edgecnn.runtime.tasks.generate import Run

__all__ = [
    "NATS_PER_CHARACTER",
    "character_losses",
    "mean_interval",
    "measure_text",
    "running_text",
    "score_losses",
]

#: The metric's name; less is better. Divided by ln 2 it is bits per character.
NATS_PER_CHARACTER = "nats per character"

#: Characters read at a time; the state goes on from one to the next.
_CHUNK = 1024
#: Neighbouring characters are not independent; stretches of this many about are.
_BLOCK = 1000
_Z_95 = 1.959963984540054


def measure_text(
    run: Run,
    spec: CharacterInput,
    dataset: RunningText,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Accuracy:
    """Measure how well a network predicts a text, each character from all that come before.

    Parameters
    ----------
    run : callable
        Runs the network on one row: inputs to the logits and the states.
    spec : CharacterInput
    dataset : RunningText
    limit : int, optional
        Only so many characters, from the beginning.
    progress : callable, optional
        Called with (characters done, characters in all).

    Returns
    -------
    Accuracy
        ``"nats per character"``: the mean of -ln p over all characters but the first, with a
        95 % interval by the spread of blocks of 1,000 characters.

    Raises
    ------
    DataError
        Fewer than two characters that the model knows.
    """
    text = dataset.text if limit is None else dataset.text[: limit + 1]
    losses = character_losses(run, spec, character_numbers(text, spec), progress=progress)
    return score_losses(losses, spec, dataset, limit=limit)


def score_losses(
    losses: NDArray[np.float64],
    spec: CharacterInput,
    dataset: RunningText,
    *,
    limit: int | None = None,
) -> Accuracy:
    """Score what :func:`character_losses` gave for a text, as :func:`measure_text` does."""
    text = dataset.text if limit is None else dataset.text[: limit + 1]
    notes = [dataset.info.note]
    if limit is not None and limit + 1 < len(dataset.text):
        notes.append(f"the first {len(losses):,} characters")
    strangers = len(unknown_characters(text, spec))
    if strangers:
        notes.append(f"{strangers} characters that the model does not know")
    return Accuracy(
        dataset=dataset.info.name,
        split=dataset.info.split,
        metric=NATS_PER_CHARACTER,
        value=float(losses.mean()),
        interval_95=mean_interval(losses),
        n=len(losses),
        note="; ".join(note for note in notes if note),
    )


def running_text(dataset: Dataset) -> RunningText:
    """Return a dataset if it is running text.

    Raises
    ------
    DataError
        It holds something else.
    """
    if not isinstance(dataset, RunningText):
        raise DataError(
            f"{dataset.info.name}:{dataset.info.split} is no running text",
            hint="take tinyshakespeare:train, tinyshakespeare:validation, or a .txt file",
        )
    return dataset


def character_losses(
    run: Run,
    spec: CharacterInput,
    numbers: NDArray[np.int64],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Return -ln p of every character but the first.

    Parameters
    ----------
    numbers : ndarray of int64, shape (T,)

    Returns
    -------
    ndarray of float64, shape (T - 1,)
    """
    if len(numbers) < 2:
        raise DataError("the text has fewer than two characters that the model knows")
    losses = np.empty(len(numbers) - 1)
    states = initial_state(spec)
    for start in range(0, len(losses), _CHUNK):
        read = numbers[start : min(start + _CHUNK, len(losses))]
        following = numbers[start + 1 : start + 1 + len(read)]
        answer, *after = run({spec.name: read[None], **states})
        states = {state.input: x for state, x in zip(spec.states, after, strict=True)}
        logits = answer[0].astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(read)), following]
        losses[start : start + len(read)] = np.log(np.exp(shifted).sum(axis=1)) - chosen
        if progress is not None:
            progress(start + len(read), len(losses))
    return losses


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of a sequence whose neighbours depend on each other.

    By the means of blocks of 1,000 (Carlstein 1986, doi:10.1214/aos/1176350057); with fewer than
    two whole blocks, value by value.

    Examples
    --------
    >>> low, high = mean_interval(np.tile([1.0, 3.0], 5000))
    >>> low == high == 2.0
    True
    """
    blocks = len(values) // _BLOCK
    sample = values
    if blocks >= 2:
        sample = values[: blocks * _BLOCK].reshape(blocks, _BLOCK).mean(axis=1)
    half = _Z_95 * float(sample.std(ddof=1)) / np.sqrt(len(sample)) if len(sample) > 1 else 0.0
    mean = float(values.mean())
    return (float(mean - half), float(mean + half))
