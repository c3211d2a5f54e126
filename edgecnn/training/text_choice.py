"""What a recipe says about text; its vocabulary, which only the data tells, comes later."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata import CharacterInput, TextInput
from edgecnn.metadata.constraints import Positive, Share
from edgecnn.preprocessing.text import character_vocabulary, word_vocabulary

__all__ = ["CharacterChoice", "TextAugment", "WordChoice"]


class WordChoice(Struct, frozen=True, kw_only=True, tag="text", tag_field="kind"):
    """Sentences as rows of word numbers.

    Attributes
    ----------
    length : int
        Words that the network reads: longer sentences are cut, shorter ones padded.
    minimum : int
        How often a word must be in the training set to be in the vocabulary.
    limit : int, optional
        Most words of the vocabulary, the frequent ones first.
    """

    name: str = "tokens"
    length: Positive
    minimum: Positive = 2
    limit: Positive | None = None
    tokenisation: Literal["words"] = "words"

    def contract(self, texts: tuple[str, ...]) -> TextInput:
        """Return the contract's input, its vocabulary learnt from the sentences of a training."""
        return TextInput(
            name=self.name,
            length=self.length,
            vocabulary=word_vocabulary(texts, minimum=self.minimum, limit=self.limit),
            tokenisation=self.tokenisation,
        )


class CharacterChoice(Struct, frozen=True, kw_only=True, tag="characters", tag_field="kind"):
    """Running text as character numbers.

    Attributes
    ----------
    window : int
        Characters of one training example. Its windows are drawn anew from all of the text in
        every epoch, as many as the text is long.
    replacement : str
        What a device reads in place of a character that was not in the training text; empty: such
        characters are left out.
    """

    name: str = "characters"
    window: Annotated[int, Meta(ge=2)] = 128
    replacement: str = ""

    def contract(self, text: str) -> CharacterInput:
        """Return the contract's input for a training text; its states are the network's to name."""
        return CharacterInput(
            name=self.name,
            vocabulary=character_vocabulary(text),
            replacement=self.replacement,
        )


class TextAugment(Struct, frozen=True, kw_only=True, tag="text", tag_field="kind"):
    """Random changes to sentences.

    Attributes
    ----------
    unknown : float
        Share of words that are read as unknown: so the network learns what to make of words that
        it does not know, and not to lean on a single one (Iyyer et al. 2015,
        doi:10.3115/v1/P15-1162).
    """

    unknown: Share = 0.0
