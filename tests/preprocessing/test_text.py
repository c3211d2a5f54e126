from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.errors import DataError
from edgecnn.metadata import CharacterInput, State, TextInput
from edgecnn.preprocessing.text import (
    character_numbers,
    character_vocabulary,
    initial_state,
    sentence_tensor,
    split_words,
    text_inputs,
    unknown_characters,
    unknown_words,
    word_vocabulary,
)

FILM = TextInput(length=6, vocabulary=("", "", "a", "film", "fine", "!"))
ABN = CharacterInput(
    vocabulary=(" ", "a", "b", "n"),
    replacement=" ",
    states=(State(input="hidden", output="hidden_out", shape=(2, 3)),),
)


class TestSplitWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("doesn't can't won't isn't", "does n't ca n't wo n't is n't"),
            ("it's they're we've she'll i'd i'm", "it 's they 're we 've she 'll i 'd i 'm"),
            ("o'brien's 'quoted'", "o brien 's quoted"),
            ("rock-and-roll / 3.5_stars", "rock and roll 3 . 5 stars"),
            ("Why?! (No: really); yes...", "why ? ! ( no : really ) ; yes . . ."),
            ("n'tx 'sun d'être", "n tx sun d être"),
            ("naïve ĉafé — ½ 東京", "naïve ĉafé ½ 東京"),
            (" \t\n", ""),
            ("*** \u0000 🎬", ""),
        ],
    )
    def test_by_the_written_rule(self, text: str, words: str) -> None:
        assert split_words(text) == words.split()

    def test_typographic_apostrophes_and_capitals_make_no_difference(self) -> None:
        assert split_words("DON\u2019T, it\u2018s") == split_words("don't, it's")

    def test_composed_and_decomposed_accents_are_the_same_word(self) -> None:
        assert split_words(unicodedata.normalize("NFD", "cliché")) == ["cliché"]

    @given(st.text())
    def test_words_joined_by_spaces_are_the_same_words(self, text: str) -> None:
        words = split_words(text)
        assert split_words(" ".join(words)) == words


class TestVocabulary:
    def test_frequent_words_first_then_by_code_point(self) -> None:
        texts = ["b a b", "c a c", "rare"]
        assert word_vocabulary(texts) == ("", "", "a", "b", "c")
        assert word_vocabulary(texts, minimum=1, limit=2) == ("", "", "a", "b")

    def test_it_is_one_that_the_contract_accepts(self) -> None:
        TextInput(length=3, vocabulary=word_vocabulary(["don't!"], minimum=1))
        CharacterInput(vocabulary=character_vocabulary("a\nb"))

    def test_the_order_of_the_texts_makes_no_difference(self) -> None:
        texts = [f"word{i % 7} and word{i % 3}" for i in range(50)]
        assert word_vocabulary(texts) == word_vocabulary(texts[::-1])


class TestSentenceTensor:
    def test_short_ones_are_padded_and_long_ones_cut(self) -> None:
        rows = sentence_tensor(["Fine film!", "a " * 9, ""], FILM)
        assert rows.dtype == np.int64
        assert rows.tolist() == [[4, 3, 5, 0, 0, 0], [2] * 6, [0] * 6]

    def test_words_that_are_not_listed_have_number_one(self) -> None:
        assert sentence_tensor(["a dull film"], FILM).tolist() == [[2, 1, 3, 0, 0, 0]]
        assert unknown_words("a dull, dull film", FILM) == ["dull", ",", "dull"]


class TestCharacterNumbers:
    def test_unlisted_ones_are_replaced(self) -> None:
        assert character_numbers("baXn", ABN).tolist() == [2, 1, 0, 3]
        assert unknown_characters("baXn€", ABN) == ["X", "€"]

    def test_unlisted_ones_are_left_out_where_nothing_replaces_them(self) -> None:
        spec = CharacterInput(vocabulary=("a", "b"))
        assert character_numbers("aXb", spec).tolist() == [0, 1]

    def test_an_empty_text_has_no_numbers(self) -> None:
        assert character_numbers("", ABN).shape == (0,)


class TestTextInputs:
    def test_of_a_sentence(self) -> None:
        inputs = text_inputs("a film", FILM)
        assert {name: x.tolist() for name, x in inputs.items()} == {"tokens": [[2, 3, 0, 0, 0, 0]]}

    def test_of_characters_come_with_a_state_of_zeros(self) -> None:
        inputs = text_inputs("ban", ABN)
        assert inputs["characters"].tolist() == [[2, 1, 3]]
        assert inputs["hidden"].shape == (1, 2, 3)
        assert inputs["hidden"].dtype == np.float32
        assert not inputs["hidden"].any()
        assert initial_state(ABN, 4)["hidden"].shape == (4, 2, 3)

    @pytest.mark.parametrize("spec", [FILM, ABN])
    def test_an_empty_text_is_refused(self, spec: TextInput | CharacterInput) -> None:
        with pytest.raises(DataError, match="the text is empty"):
            text_inputs("", spec)

    def test_a_text_without_anything_to_read_is_refused(self) -> None:
        with pytest.raises(DataError, match="no word in the text '---'"):
            text_inputs("---", FILM)
        with pytest.raises(DataError, match="no known character in the text 'xyz'"):
            text_inputs("xyz", CharacterInput(vocabulary=("a", "b")))


class TestContract:
    def test_the_replacement_is_a_character_of_the_vocabulary(self) -> None:
        with pytest.raises(ValueError, match="replacement '!' is not"):
            CharacterInput(vocabulary=("a", "b"), replacement="!")

    def test_names_of_inputs_and_outputs_differ(self) -> None:
        state = State(input="hidden", output="hidden", shape=(1, 2))
        with pytest.raises(ValueError, match="the same name"):
            CharacterInput(vocabulary=("a", "b"), states=(state,))
