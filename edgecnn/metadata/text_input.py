"""How text becomes a network's input: a sentence at once, or character by character."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Positive

__all__ = ["CharacterInput", "State", "TextInput"]


class TextInput(Struct, frozen=True, kw_only=True, tag="text", tag_field="kind"):
    """How a sentence becomes a row of word numbers, int64, shape ``(N, length)``.

    Attributes
    ----------
    length : int
        Words that the network reads: longer sentences are cut, shorter ones padded at the end.
    vocabulary : tuple of str
        The word of each number. Number 0 is padding and number 1 any word that is not listed;
        their entries are the empty string.
    tokenisation : "words"
        The rule by which a sentence becomes words: see :mod:`edgecnn.preprocessing.text`.
    """

    name: str = "tokens"
    layout: Literal["NT"] = "NT"
    length: Positive
    vocabulary: Annotated[tuple[str, ...], Meta(min_length=2)]
    tokenisation: Literal["words"] = "words"

    def __post_init__(self) -> None:
        """Refuse a vocabulary in which a word has two numbers."""
        if self.vocabulary[:2] != ("", ""):
            raise ValueError("the vocabulary's first two entries (padding, unknown) are not empty")
        words = self.vocabulary[2:]
        if len(set(words)) != len(words) or "" in words:
            raise ValueError("a word of the vocabulary is empty or listed twice")

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: (self.length,)}


class State(Struct, frozen=True, kw_only=True):
    """What a recurrent network remembers between two calls: an input and an output of the graph.

    Attributes
    ----------
    input, output : str
        Names in the graph: what the output gives is the next call's input. It starts as zeros.
    shape : tuple of int
        Without the batch axis, which comes first.
    """

    input: str
    output: str
    shape: tuple[Positive, ...]


class CharacterInput(Struct, frozen=True, kw_only=True, tag="characters", tag_field="kind"):
    """How text becomes character numbers, int64, shape ``(N, time)`` with any time.

    Attributes
    ----------
    vocabulary : tuple of str
        The character of each number.
    replacement : str
        Read in place of a character that is not listed; empty: such characters are left out.
    states : tuple of State
        The recurrent state, as explicit inputs and outputs, so that text can be generated
        character by character without running the network over all of it again.
    """

    name: str = "characters"
    layout: Literal["NT"] = "NT"
    vocabulary: Annotated[tuple[str, ...], Meta(min_length=2)]
    replacement: str = ""
    states: tuple[State, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a vocabulary of anything but different single characters."""
        if any(len(character) != 1 for character in self.vocabulary):
            raise ValueError("an entry of the vocabulary is not one character")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ValueError("a character of the vocabulary is listed twice")
        if self.replacement and self.replacement not in self.vocabulary:
            raise ValueError(f"the replacement {self.replacement!r} is not in the vocabulary")
        names = [
            self.name,
            *(name for state in self.states for name in (state.input, state.output)),
        ]
        if len(set(names)) != len(names):
            raise ValueError("two inputs or outputs have the same name")

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis, for one step."""
        return {self.name: (1,), **{state.input: state.shape for state in self.states}}
