"""Which words of a sentence a classifier's answers rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.evidence import margins
from edgecnn.metadata import TextInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import UNKNOWN_WORD, split_words, text_inputs, unknown_words
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import Classification, decode

__all__ = ["WordEvidence", "explain_words"]

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class WordEvidence:
    """An answer, and what each word gives to the best classes.

    Attributes
    ----------
    answer : Classification
    shown : tuple of (str, float)
        The best classes with their scores. Of two classes only the best: what speaks for one
        speaks as much against the other.
    words : tuple of str
        Those that the network reads.
    unknown : frozenset of str
        Those among them that its vocabulary does not list: they can give nothing.
    left_out : int
        Words beyond what it reads.
    losses : ndarray of float64, shape (len(shown), len(words))
        In logits; positive where the word speaks for the class.
    """

    answer: Classification
    shown: tuple[tuple[str, float], ...]
    words: tuple[str, ...]
    unknown: frozenset[str]
    left_out: int
    losses: NDArray[np.float64]


def explain_words(model: Model, text: str) -> tuple[WordEvidence, Tensors]:
    """Classify a sentence, and again with each of its words made unknown.

    What the class's logit, against the mean of all classes, loses by that is the word's part in it
    (representation erasure, Li, Monroe & Jurafsky 2016, arXiv:1612.08220).

    Parameters
    ----------
    model : Model
        A classifier of sentences.
    text : str

    Returns
    -------
    WordEvidence
    inputs : mapping of str to ndarray
        The sentence, as the network reads it.

    Raises
    ------
    DataError
        There is no word in the text.
    """
    metadata = model.metadata
    spec = metadata.input
    assert isinstance(spec, TextInput)
    inputs: Tensors = dict(text_inputs(text, spec))
    all_words = split_words(text)
    words = tuple(all_words[: spec.length])
    logits = model.run(inputs)
    answer = decode(logits, metadata, top=len(metadata.labels))[0]
    shown = answer.top[: 1 if len(metadata.labels) <= 2 else _SHOWN]
    classes = [metadata.labels.index(label) for label, _ in shown]
    without = np.repeat(inputs[spec.name], len(words), axis=0)
    without[np.arange(len(words)), np.arange(len(words))] = UNKNOWN_WORD
    # One by one: a file's batch may be fixed.
    changed = np.concatenate([model.run({spec.name: row[None]}) for row in without])
    losses = margins(logits, metadata.output) - margins(changed, metadata.output)
    evidence = WordEvidence(
        answer=answer,
        shown=tuple(shown),
        words=words,
        unknown=frozenset(unknown_words(text, spec)),
        left_out=len(all_words) - len(words),
        losses=losses[:, classes].T,
    )
    return evidence, inputs
