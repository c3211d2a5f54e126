"""What a generator of text expects at each character of a given one, and what it keeps in mind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError, TaskError
from edgecnn.metadata import CharacterInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers, initial_state
from edgecnn.runtime.session import Model

__all__ = ["MOST_CHARACTERS", "CharacterEvidence", "explain_characters"]

#: Characters of a text that are shown.
MOST_CHARACTERS = 240

_EXPECTED = 3


@dataclass(frozen=True, eq=False)
class CharacterEvidence:
    """A text as its generator reads it.

    Attributes
    ----------
    text : str
        What the network reads of the text.
    cut : int
        Known characters beyond that.
    surprise_nats : ndarray of float64, shape (len(text),)
        Minus the logarithm of the probability that the network gave the character before it was
        read; NaN for the first.
    expected : tuple of tuple of (str, float)
        For each character the likeliest in its place with their probabilities; for the first none.
        One more: what is expected after the last.
    states : ndarray of float64, shape (units, len(text))
        The recurrent state's values after each character, all layers below each other.
    """

    text: str
    cut: int
    surprise_nats: NDArray[np.float64]
    expected: tuple[tuple[tuple[str, float], ...], ...]
    states: NDArray[np.float64]


def explain_characters(model: Model, text: str) -> tuple[CharacterEvidence, Tensors]:
    """Read a text character by character.

    Parameters
    ----------
    model : Model
        With a :class:`~edgecnn.metadata.CharacterInput`.
    text : str

    Returns
    -------
    CharacterEvidence
    inputs : mapping of str to ndarray
        The whole text as the network reads it, with the initial state.

    Raises
    ------
    TaskError
        The model generates no text.
    DataError
        The model knows fewer than two of the text's characters.
    """
    spec = model.metadata.input
    if not isinstance(spec, CharacterInput):
        raise TaskError(f"{model.path} generates no text")
    known = character_numbers(text, spec)
    if len(known) < 2:
        raise DataError(
            "the model knows fewer than two characters of the text",
            hint="it says what it expects after each: give it a sentence",
        )
    numbers = known[:MOST_CHARACTERS]
    states = initial_state(spec)
    names = [model.metadata.output.name, *(state.output for state in spec.states)]
    logits, kept = [], []
    for number in numbers:
        answer, *after = model.run_outputs({spec.name: np.array([[number]]), **states}, names)
        states = {state.input: x for state, x in zip(spec.states, after, strict=True)}
        logits.append(answer[0, -1].astype(np.float64))
        kept.append(np.concatenate([x.reshape(-1) for x in after]) if after else np.empty(0))
    scores = np.stack(logits)
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    surprise = np.full(len(numbers), np.nan)
    surprise[1:] = -logs[np.arange(len(numbers) - 1), numbers[1:]]
    best = np.argsort(-logs, axis=1, kind="stable")[:, :_EXPECTED]
    expected = tuple(
        tuple((spec.vocabulary[i], float(np.exp(row[i]))) for i in chosen.tolist())
        for row, chosen in zip(logs, best, strict=True)
    )
    evidence = CharacterEvidence(
        text="".join(spec.vocabulary[number] for number in numbers),
        cut=len(known) - len(numbers),
        surprise_nats=surprise,
        expected=((), *expected),
        states=np.stack(kept, axis=1).astype(np.float64),
    )
    return evidence, {spec.name: numbers[None], **initial_state(spec)}
