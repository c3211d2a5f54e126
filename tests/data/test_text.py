from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import (
    RunningText,
    Sentences,
    decode_text,
    open_sentence_folder,
    open_text_file,
    split_lines,
)
from edgecnn.errors import DataError, DatasetError
from edgecnn.metadata import CharacterInput, ImageInput, State, TextInput

INFO = DatasetInfo("tiny", "all", (), "0" * 64, "", "")
WORDS = TextInput(length=4, vocabulary=("", "", "good", "bad"))
CHARACTERS = CharacterInput(
    vocabulary=(" ", "a", "b"),
    replacement=" ",
    states=(State(input="hidden", output="hidden_out", shape=(1, 5)),),
)
PICTURE = ImageInput(height=8, width=8, colour="gray")


class TestSentences:
    def test_inputs_are_word_numbers_in_the_asked_order(self) -> None:
        dataset = Sentences(INFO, ["good", "bad bad", "neither"], np.array([0, 1, 1]))
        assert len(dataset) == 3
        assert dataset.inputs(WORDS)["tokens"].tolist() == [
            [2, 0, 0, 0],
            [3, 3, 0, 0],
            [1, 0, 0, 0],
        ]
        assert dataset.inputs(WORDS, np.array([1]))["tokens"].tolist() == [[3, 3, 0, 0]]

    def test_another_kind_of_model_is_refused(self) -> None:
        dataset = Sentences(INFO, ["good"], np.array([0]))
        with pytest.raises(DataError, match="tiny:all holds sentences; the model reads pictures"):
            dataset.inputs(PICTURE)
        with pytest.raises(DataError, match="the model reads characters"):
            dataset.inputs(CHARACTERS)


class TestRunningText:
    def test_examples_are_windows_with_states(self) -> None:
        dataset = RunningText(INFO, "ab" * 150)
        assert len(dataset) == 2
        inputs = dataset.inputs(CHARACTERS)
        assert inputs["characters"].shape == (2, 128)
        assert inputs["characters"][1, :3].tolist() == [1, 2, 1]
        assert inputs["hidden"].shape == (2, 1, 5)
        assert not inputs["hidden"].any()

    def test_characters_that_nothing_replaces_are_refused(self) -> None:
        dataset = RunningText(INFO, "ab!" * 100)
        with pytest.raises(DataError, match="characters that the model does not know"):
            dataset.inputs(CharacterInput(vocabulary=("a", "b")))

    def test_another_kind_of_model_is_refused(self) -> None:
        with pytest.raises(DataError, match="tiny:all is running text; the model reads sentences"):
            RunningText(INFO, "a" * 200).inputs(WORDS)

    def test_a_stretch_ends_where_its_last_window_does(self) -> None:
        text = "ab" * 150
        dataset = RunningText(INFO, text)
        assert dataset.stretch(np.array([0])) == text[:128]
        assert dataset.stretch(np.array([1])) == text[128:]
        assert dataset.stretch(np.arange(2)) == text
        assert dataset.stretch(np.arange(0)) == ""


class TestOwnText:
    def test_a_folder_with_a_file_per_class(self, tmp_path: Path) -> None:
        (tmp_path / "ham.txt").write_text("hello there\n\n  see you  \n", "utf-8")
        (tmp_path / "spam.txt").write_text("buy\u2028now\n", "utf-8")
        dataset = open_dataset(tmp_path)
        assert isinstance(dataset, Sentences)
        assert dataset.texts == ("hello there", "see you", "buy\u2028now")
        assert dataset.info.labels == ("ham", "spam")
        assert dataset.targets is not None
        assert dataset.targets.tolist() == [0, 0, 1]
        turned = open_sentence_folder(tmp_path, labels=("spam", "ham"))
        assert turned.targets is not None
        assert turned.targets.tolist() == [1, 1, 0]

    def test_the_hash_covers_texts_and_labels(self, tmp_path: Path) -> None:
        (tmp_path / "ham.txt").write_text("x\n", "utf-8")
        before = open_dataset(tmp_path).info.sha256
        (tmp_path / "ham.txt").rename(tmp_path / "spam.txt")
        assert open_dataset(tmp_path).info.sha256 != before

    def test_a_class_that_the_model_does_not_have(self, tmp_path: Path) -> None:
        (tmp_path / "ham.txt").write_text("x\n", "utf-8")
        with pytest.raises(DatasetError, match=r"ham\.txt is named after no class"):
            open_dataset(tmp_path, labels=("spam", "eggs"))

    def test_one_file_is_a_running_text(self, tmp_path: Path) -> None:
        (tmp_path / "book.txt").write_text("once upon a time " * 20, "utf-8")
        dataset = open_dataset(tmp_path / "book.txt")
        assert isinstance(dataset, RunningText)
        assert dataset.text == "once upon a time " * 20
        assert (dataset.info.name, dataset.info.split) == ("book", "all")

    def test_a_short_one_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "note.txt").write_text("once", "utf-8")
        with pytest.raises(DatasetError, match="too short: 4 characters, 128 at least"):
            open_text_file(tmp_path / "note.txt")


class TestDecodeText:
    def test_utf8_with_and_without_a_mark_and_windows_1252(self) -> None:
        for encoding in ("utf-8", "utf-8-sig", "cp1252"):
            assert decode_text("café \u2014 na\xefve".encode(encoding), "x") == "café — naïve"

    @pytest.mark.parametrize("content", [b"\x89PNG\0\0", b"\xff\xfe\x81"])
    def test_what_is_no_text_is_refused(self, content: bytes) -> None:
        with pytest.raises(DatasetError, match=r"x\.txt is no text"):
            decode_text(content, "x.txt")

    def test_only_line_feeds_end_lines(self) -> None:
        assert split_lines("a\x85b\r\n\n c\x0bd\n") == ["a\x85b", "c\x0bd"]
