"""Picture files in, answers out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgeCNNError
from edgecnn.preprocessing.picture import read_picture
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.sources.folder import expand_pictures

__all__ = ["Prediction", "predict_files"]


@dataclass(frozen=True)
class Prediction:
    """The answer to one file, or why there is none.

    Attributes
    ----------
    input : str
        The file's path.
    result : Result or None
        None when the file could not be answered.
    latency_ms : float
        Preparing, inferring and decoding, without reading the file.
    error : EdgeCNNError or None
        Why there is no result.
    """

    input: str
    result: Result | None
    latency_ms: float = 0.0
    error: EdgeCNNError | None = None

    def row(self) -> dict[str, Any]:
        """Return the JSON line as plain data."""
        if self.result is None:
            reason = self.error.message if self.error is not None else ""
            return {
                "input": self.input,
                "label": None,
                "score": None,
                "top": [],
                "latency_ms": None,
                "error": reason,
            }
        row: dict[str, Any] = {
            "input": self.input,
            "label": self.result.label,
            "score": round(self.result.score, 6),
            "top": [[label, round(score, 6)] for label, score in self.result.top],
            "latency_ms": round(self.latency_ms, 3),
        }
        if self.result.state == "unknown":
            row["reason"] = self.result.reason
        return row


def predict_files(
    model: Model, paths: Iterable[str | PathLike[str]], *, top: int = 5
) -> Iterator[Prediction]:
    """Answer picture files one by one.

    Parameters
    ----------
    model : Model
        With a picture input.
    paths : iterable of path
        Files, folders (with the folders in them) and globs.
    top : int
        How many labels each answer lists.

    Yields
    ------
    Prediction
        In the given order, folders sorted. A file that cannot be answered is one with an
        ``error``; the others follow.

    Raises
    ------
    TaskError
        The model reads no pictures; raised before the first answer.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> model = load_model("bundled:mnist-lenet5")          # doctest: +SKIP
    >>> for prediction in predict_files(model, ["digits/"]):  # doctest: +SKIP
    ...     print(prediction.input, prediction.result.label)
    """
    processor = ImageProcessor(model, top=top)
    return _predict(processor, paths)


def _predict(
    processor: ImageProcessor, paths: Iterable[str | PathLike[str]]
) -> Iterator[Prediction]:
    number = 0
    for path in paths:
        try:
            files = expand_pictures(fspath(path))
        except EdgeCNNError as error:
            yield Prediction(fspath(path), None, error=error)
            continue
        for file in files:
            yield _answer(processor, file, number)
            number += 1


def _answer(processor: ImageProcessor, file: Path, number: int) -> Prediction:
    try:
        picture = read_picture(file)
        started = time.monotonic_ns()
        result = processor.process(Frame(str(file), number, started, picture, name=str(file)))
    except EdgeCNNError as error:
        return Prediction(str(file), None, error=error)
    return Prediction(str(file), result, (time.monotonic_ns() - started) / 1e6)
