"""Text to numbers, as the file's :class:`~edgecnn.metadata.TextInput` or ``CharacterInput`` says.

The tokenisation ``"words"``, by which training and device cut a sentence alike:

1. The text is composed (Unicode NFC), typographic apostrophes become ``'``, and all of it is
   lower-cased.
2. A word is a run of letters and digits. An apostrophe ends it; ``'s``, ``'re``, ``'ve``, ``'ll``,
   ``'d``, ``'m`` and ``n't`` are words of their own: *doesn't* is *does* and *n't* (as Kim 2014,
   doi:10.3115/v1/D14-1181, has it).
3. Each of ``. , ; : ! ? ( )`` is a word too. Everything else only separates words.

A word that the vocabulary does not list has number 1; number 0 fills a short sentence up.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.metadata import CharacterInput, TextInput

__all__ = [
    "PADDING",
    "UNKNOWN_WORD",
    "character_numbers",
    "character_vocabulary",
    "initial_state",
    "sentence_tensor",
    "split_words",
    "text_inputs",
    "unknown_characters",
    "unknown_words",
    "word_vocabulary",
]

#: Numbers of the two entries of a vocabulary that are no words.
PADDING, UNKNOWN_WORD = 0, 1

_APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'"})
_CLITIC = r"n't(?![^\W_])|'(?:s|re|ve|ll|d|m)(?![^\W_])"
# The run before n't is taken lazily, so that the n of n't is not part of it.
_WORD = re.compile(rf"{_CLITIC}|[^\W_]+?(?=n't(?![^\W_]))|[^\W_]+|[.,;:!?()]")


def split_words(text: str) -> list[str]:
    """Cut a text into words by the tokenisation ``"words"``.

    Examples
    --------
    >>> split_words("It doesn\u2019t, uh, WORK!")
    ['it', 'does', "n't", ',', 'uh', ',', 'work', '!']
    """
    return _WORD.findall(unicodedata.normalize("NFC", text).translate(_APOSTROPHES).lower())


def word_vocabulary(
    texts: Iterable[str], *, minimum: int = 2, limit: int | None = None
) -> tuple[str, ...]:
    """List the words of a training set, the most frequent first.

    Parameters
    ----------
    texts : iterable of str
    minimum : int
        Rarer words are left out: what is seen once teaches nothing.
    limit : int, optional
        Most words to list.

    Returns
    -------
    tuple of str
        Padding and unknown word (both the empty string), then the words; equally frequent ones
        in the order of their code points.

    Examples
    --------
    >>> word_vocabulary(["a fine film", "a dull film"], minimum=1, limit=3)
    ('', '', 'a', 'film', 'dull')
    """
    counts = Counter(word for text in texts for word in split_words(text))
    words = sorted((w for w, n in counts.items() if n >= minimum), key=lambda w: (-counts[w], w))
    return ("", "", *words[:limit])


def character_vocabulary(text: str) -> tuple[str, ...]:
    """List the characters of a text in the order of their code points.

    Examples
    --------
    >>> character_vocabulary("banana")
    ('a', 'b', 'n')
    """
    return tuple(sorted(set(text)))


def sentence_tensor(texts: Sequence[str], spec: TextInput) -> NDArray[np.int64]:
    """Turn sentences into rows of word numbers.

    Parameters
    ----------
    texts : sequence of str
        N sentences; one without a word is a row of padding.
    spec : TextInput

    Returns
    -------
    ndarray of int64, shape (N, length)

    Examples
    --------
    >>> spec = TextInput(length=5, vocabulary=("", "", "a", "film"))
    >>> sentence_tensor(["A fine film!"], spec).tolist()
    [[2, 1, 3, 1, 0]]
    """
    numbers = _numbers(spec.vocabulary)
    rows = np.full((len(texts), spec.length), PADDING, dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        words = split_words(text)[: spec.length]
        row[: len(words)] = [numbers.get(word, UNKNOWN_WORD) for word in words]
    return rows


def unknown_words(text: str, spec: TextInput) -> list[str]:
    """Return those of a sentence's words that the vocabulary does not list, as they come."""
    numbers = _numbers(spec.vocabulary)
    return [word for word in split_words(text)[: spec.length] if word not in numbers]


def character_numbers(text: str, spec: CharacterInput) -> NDArray[np.int64]:
    """Turn a text into character numbers.

    A character that the vocabulary does not list is read as ``spec.replacement``, or left out
    where that is empty.

    Returns
    -------
    ndarray of int64, shape (characters,)

    Examples
    --------
    >>> spec = CharacterInput(vocabulary=("a", "b", "n"))
    >>> character_numbers("banjan", spec).tolist()
    [1, 0, 2, 0, 2]
    """
    numbers = _numbers(spec.vocabulary)
    other = numbers.get(spec.replacement)
    found = (numbers.get(character, other) for character in text)
    return np.array([number for number in found if number is not None], dtype=np.int64)


def unknown_characters(text: str, spec: CharacterInput) -> list[str]:
    """Return those of a text's characters that the vocabulary does not list, as they come."""
    numbers = _numbers(spec.vocabulary)
    return [character for character in text if character not in numbers]


def initial_state(spec: CharacterInput, rows: int = 1) -> dict[str, NDArray[np.float32]]:
    """Return the state of a network that has read nothing yet: zeros, by the inputs' names."""
    return {s.input: np.zeros((rows, *s.shape), dtype=np.float32) for s in spec.states}


def text_inputs(
    text: str, spec: TextInput | CharacterInput
) -> dict[str, NDArray[np.float32 | np.int64]]:
    """Turn one text into all of a network's inputs.

    Returns
    -------
    dict
        For a :class:`~edgecnn.metadata.TextInput` one row of word numbers; for a
        :class:`~edgecnn.metadata.CharacterInput` one row of character numbers, and the states,
        which are zeros.

    Raises
    ------
    DataError
        There is no word, or no known character, in the text.
    """
    if isinstance(spec, TextInput):
        row = sentence_tensor([text], spec)
        if not row.any():
            raise DataError(
                "the text is empty" if not text.strip() else f"no word in the text {text[:40]!r}"
            )
        return {spec.name: row}
    numbers = character_numbers(text, spec)
    if not numbers.size:
        raise DataError(
            "the text is empty" if not text else f"no known character in the text {text[:40]!r}"
        )
    return {spec.name: numbers[None], **initial_state(spec)}


@lru_cache(maxsize=8)
def _numbers(vocabulary: tuple[str, ...]) -> dict[str, int]:
    """Return each entry's number; the empty string, which is no word, is not among them."""
    return {entry: number for number, entry in enumerate(vocabulary) if entry}
