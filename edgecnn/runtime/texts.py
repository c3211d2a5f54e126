"""Sentences in, answers out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from os import PathLike, fspath
from pathlib import Path

from edgecnn.errors import DataError, EdgeCNNError, MissingFileError, TaskError
from edgecnn.metadata import TextInput, how_to_run, reads
from edgecnn.preprocessing.text import text_inputs, unknown_words
from edgecnn.runtime.predict import Prediction
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import UNKNOWN, decode

__all__ = ["SentenceProcessor", "predict_sentences", "predict_text_files", "read_text_file"]


class SentenceProcessor:
    """Prepares, infers and decodes one sentence at a time.

    Parameters
    ----------
    model : Model
        With a text input.
    top : int
        How many labels each answer lists.

    Raises
    ------
    TaskError
        The model reads no sentences.
    """

    def __init__(self, model: Model, *, top: int = 5) -> None:
        spec = model.metadata.input
        if not isinstance(spec, TextInput):
            raise TaskError(
                f"{model.path} reads {reads(spec)}, not sentences", hint=how_to_run(spec)
            )
        self._model = model
        self._spec = spec
        self._top = top

    def process(self, sentence: str) -> Result:
        """Answer one sentence.

        Raises
        ------
        DataError
            There is no word in it.
        """
        logits = self._model.run(text_inputs(sentence, self._spec))
        answer = decode(logits, self._model.metadata, top=self._top)[0]
        return Result(
            answer.label,
            answer.score,
            answer.top,
            state="unknown" if answer.label == UNKNOWN else "ok",
            reason="no label is sure enough" if answer.label == UNKNOWN else "",
            fields={
                "text": sentence,
                "unknown_words": unknown_words(sentence, self._spec),
            },
        )


def predict_sentences(
    model: Model, sentences: Iterable[tuple[str, str]], *, top: int = 5
) -> Iterator[Prediction]:
    """Answer sentences one by one.

    Parameters
    ----------
    model : Model
        With a text input.
    sentences : iterable of (str, str)
        What each is called in the answer, and the sentence.
    top : int
        How many labels each answer lists.

    Yields
    ------
    Prediction
        One for each; a sentence without a word is one with an ``error``.

    Raises
    ------
    TaskError
        The model reads no sentences; raised before the first answer.
    """
    processor = SentenceProcessor(model, top=top)
    return (_answer(processor, name, sentence) for name, sentence in sentences)


def predict_text_files(
    model: Model, paths: Iterable[str | PathLike[str]], *, top: int = 5
) -> Iterator[Prediction]:
    """Answer text files, a sentence a line; empty lines are passed over.

    Parameters
    ----------
    model : Model
        With a text input.
    paths : iterable of path
        UTF-8 files. Their lines are called ``FILE:NUMBER``, counted from 1.
    top : int
        How many labels each answer lists.

    Yields
    ------
    Prediction
        A file that cannot be read is one with an ``error``; the others follow.

    Raises
    ------
    TaskError
        The model reads no sentences; raised before the first answer.
    """
    processor = SentenceProcessor(model, top=top)
    return _predict_files(processor, paths)


def _predict_files(
    processor: SentenceProcessor, paths: Iterable[str | PathLike[str]]
) -> Iterator[Prediction]:
    for path in paths:
        try:
            text = read_text_file(Path(path))
        except EdgeCNNError as error:
            yield Prediction(fspath(path), None, error=error)
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _answer(processor, f"{fspath(path)}:{number}", line.strip())


def _answer(processor: SentenceProcessor, name: str, sentence: str) -> Prediction:
    started = time.perf_counter_ns()
    try:
        result = processor.process(sentence)
    except DataError as error:
        where = "" if name == sentence else f"{name}: "
        return Prediction(name, None, error=DataError(f"{where}{error.message}"))
    return Prediction(name, result, (time.perf_counter_ns() - started) / 1e6)


def read_text_file(path: Path) -> str:
    """Read a UTF-8 file that holds sentences.

    Raises
    ------
    MissingFileError
        No such file.
    DataError
        It is no text, cannot be read, or is empty.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise MissingFileError(f"no such file: {path}") from error
    except (UnicodeDecodeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise DataError(f"cannot read {path}: {reason}") from error
    if not text.strip():
        raise DataError(f"{path} holds no sentence")
    return text
