"""Text generation: one character at a time, the network's state carried along.

The draw is arithmetic in float64 on numbers from a seeded PCG64 generator, which NumPy keeps the
same for ever, so a seed gives the same text wherever the logits agree: in PyTorch and in ONNX
Runtime, on a workstation and on a device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError, UsageError
from edgecnn.metadata import CharacterInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers, initial_state

__all__ = ["Run", "draw_character", "generate_text", "read_prompt"]

#: Runs a network: inputs by name to logits, shape ``(1, T, characters)``, and the states after.
Run = Callable[[Tensors], Sequence[NDArray[np.float32]]]

#: Characters of a prompt that are read at a time, so that a long one needs no more memory.
_CHUNK = 1024


def generate_text(
    run: Run,
    spec: CharacterInput,
    prompt: str,
    *,
    length: int,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[str]:
    """Go on with a prompt, character by character.

    Parameters
    ----------
    run : callable
        Runs the network on one row: inputs by the names of ``spec`` to the logits and the states.
    spec : CharacterInput
    prompt : str
        What the text goes on from; it is not part of what is given.
    length : int
        Characters to generate.
    temperature : float
        Logits are divided by it: below 1 the likely becomes likelier. 0 always takes the likeliest.
    seed : int

    Yields
    ------
    str
        One character, as soon as it is known.

    Raises
    ------
    DataError
        There is no known character in the prompt, or the network gives no number.
    UsageError
        A length or temperature below 0, or a temperature that is no number.
    """
    if length < 0:
        raise UsageError(f"a length of {length}", hint="0 or more characters")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise UsageError(f"a temperature of {temperature:g}", hint="0 or more; 1 as it was learnt")
    numbers = read_prompt(prompt, spec)
    generator = np.random.Generator(np.random.PCG64(seed))
    return islice(_endless(run, spec, numbers, temperature, generator), length)


def read_prompt(prompt: str, spec: CharacterInput) -> NDArray[np.int64]:
    """Return a prompt's character numbers.

    Raises
    ------
    DataError
        The prompt is empty, or has no character that the model knows.
    """
    numbers = character_numbers(prompt, spec)
    if not numbers.size:
        raise DataError(
            "the prompt has no character that the model knows" if prompt else "the prompt is empty",
            hint="the text goes on from it: give it at least one character",
        )
    return numbers


def draw_character(
    logits: NDArray[np.float32], *, temperature: float, generator: np.random.Generator
) -> int:
    """Draw a character's number by the softmax of its logits.

    One uniform number is taken from the generator per character, whatever the temperature, so
    that the texts of two temperatures can be compared.

    Examples
    --------
    >>> draw_character(np.array([0, 9, 0]), temperature=0, generator=np.random.default_rng(0))
    1
    """
    drawn = generator.random()
    if temperature == 0:
        return int(logits.argmax())
    # At a temperature near 0 all but the likeliest fall below any number: to minus infinity.
    with np.errstate(over="ignore"):
        scaled = (logits.astype(np.float64) - float(logits.max())) / temperature
    cumulated = np.cumsum(np.exp(scaled))
    # Rounding must not lead beyond the last character.
    number = int(np.searchsorted(cumulated, drawn * cumulated[-1], side="right"))
    return min(number, len(logits) - 1)


def _endless(
    run: Run,
    spec: CharacterInput,
    numbers: NDArray[np.int64],
    temperature: float,
    generator: np.random.Generator,
) -> Iterator[str]:
    states = initial_state(spec)
    for start in range(0, len(numbers), _CHUNK):
        logits, states = _step(run, spec, numbers[start : start + _CHUNK], states)
    while True:
        number = draw_character(logits, temperature=temperature, generator=generator)
        yield spec.vocabulary[number]
        logits, states = _step(run, spec, np.array([number]), states)


def _step(
    run: Run,
    spec: CharacterInput,
    numbers: NDArray[np.int64],
    states: dict[str, NDArray[np.float32]],
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Read characters; returns the logits after the last, and the states."""
    answer, *after = run({spec.name: numbers[None], **states})
    logits = answer[0, -1]
    if not np.isfinite(logits).all():
        raise DataError("the model gives logits that are no numbers")
    return logits, {state.input: x for state, x in zip(spec.states, after, strict=True)}
