"""Picture files in, answers out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgeCNNError, TaskError
from edgecnn.preprocessing.picture import read_picture
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.picture_folder import PictureFolder
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
    output : str or None
        Where the picture was saved that the answer is, or is drawn on.
    """

    input: str
    result: Result | None
    latency_ms: float = 0.0
    error: EdgeCNNError | None = None
    output: str | None = None

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
        row: dict[str, Any] = dict(self.result.fields)
        row |= {
            "input": self.input,
            "label": self.result.label or None,
            "score": round(self.result.score, 6) if self.result.label else None,
            "top": [[label, round(score, 6)] for label, score in self.result.top],
            "latency_ms": round(self.latency_ms, 3),
        }
        if self.result.state == "unknown":
            row["reason"] = self.result.reason
        if self.output is not None:
            row["output"] = self.output
        return row


def predict_files(
    model: Model,
    paths: Iterable[str | PathLike[str]],
    *,
    top: int = 5,
    out: str | PathLike[str] | None = None,
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
    out : path, optional
        Folder to save pictures in, as PNG under their inputs' names: those that an image-to-image
        model makes, or with the boxes that a detector finds.

    Yields
    ------
    Prediction
        In the given order, folders sorted. A file that cannot be answered is one with an
        ``error``; the others follow.

    Raises
    ------
    TaskError
        The model reads no pictures, or draws none that could be saved; raised before the first
        answer.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> model = load_model("bundled:mnist-lenet5")          # doctest: +SKIP
    >>> for prediction in predict_files(model, ["digits/"]):  # doctest: +SKIP
    ...     print(prediction.input, prediction.result.label)
    """
    processor = ImageProcessor(model, top=top)
    if out is not None and model.metadata.task == "classify":
        raise TaskError(
            f"{model.path} names pictures: there are none to be saved",
            hint="image-to-image models and detectors make or draw on pictures",
        )
    return _predict(processor, paths, None if out is None else PictureFolder(Path(out)))


def _predict(
    processor: ImageProcessor,
    paths: Iterable[str | PathLike[str]],
    folder: PictureFolder | None,
) -> Iterator[Prediction]:
    number = 0
    for path in paths:
        try:
            files = expand_pictures(fspath(path))
        except EdgeCNNError as error:
            yield Prediction(fspath(path), None, error=error)
            continue
        for file in files:
            name = file.relative_to(path) if Path(path).is_dir() else Path(file.name)
            yield _answer(processor, file, number, folder, name)
            number += 1


def _answer(
    processor: ImageProcessor, file: Path, number: int, folder: PictureFolder | None, name: Path
) -> Prediction:
    saved = None
    try:
        picture = read_picture(file)
        started = time.monotonic_ns()
        result = processor.process(Frame(str(file), number, started, picture, name=str(file)))
        latency_ms = (time.monotonic_ns() - started) / 1e6
        if folder is not None and result.draw is not None:
            saved = str(folder.save(result.draw(), name, file))
    except EdgeCNNError as error:
        return Prediction(str(file), None, error=error)
    return Prediction(str(file), result, latency_ms, output=saved)
