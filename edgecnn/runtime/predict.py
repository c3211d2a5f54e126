"""Picture files in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgeCNNError, TaskError
from edgecnn.runtime.picture_batches import Answered, PictureBatches
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
        Preparing, inferring and decoding, without reading the file; of a batch, its share.
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
    batch: int | None = 1,
    skip: Callable[[str], bool] = lambda file: False,
    listed: Callable[[list[str]], None] = lambda inputs: None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Prediction]:
    """Answer picture files.

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
    batch : int, optional
        How many pictures the network takes at once; None finds out what is quickest.
    skip : callable
        Asked for each file, by its path; one that it says True of is passed over.
    listed : callable
        Hears the inputs in the order of their answers, before the first one.
    say : callable
        Hears remarks: which batch size was found to be the quickest.

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
    UsageError
        The model takes one picture at a time, and ``batch`` is more; likewise.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> model = load_model("bundled:mnist-lenet5")          # doctest: +SKIP
    >>> for prediction in predict_files(model, ["digits/"]):  # doctest: +SKIP
    ...     print(prediction.input, prediction.result.label)
    """
    batches = PictureBatches(model, top=top, batch=batch, say=say)
    if out is not None and model.metadata.task == "classify":
        raise TaskError(
            f"{model.path} names pictures: there are none to be saved",
            hint="image-to-image models and detectors make or draw on pictures",
        )
    folder = None if out is None else PictureFolder(Path(out))
    return _predict(batches, paths, folder, skip, listed)


@dataclass(frozen=True)
class _Given:
    """A file with its name relative to where it was listed, or why there is none."""

    file: Path
    name: Path
    error: EdgeCNNError | None = None


def _predict(
    batches: PictureBatches,
    paths: Iterable[str | PathLike[str]],
    folder: PictureFolder | None,
    skip: Callable[[str], bool],
    listed: Callable[[list[str]], None],
) -> Iterator[Prediction]:
    given = [each for path in paths for each in _listed(path)]
    listed([str(each.file) for each in given])
    wanted = [each for each in given if each.error is not None or not skip(str(each.file))]
    answers = batches.answer(each.file for each in wanted if each.error is None)
    for each in wanted:
        if each.error is not None:
            yield Prediction(str(each.file), None, error=each.error)
        else:
            yield _kept(next(answers), folder, each.name)


def _listed(path: str | PathLike[str]) -> Iterator[_Given]:
    try:
        files = expand_pictures(fspath(path))
    except EdgeCNNError as error:
        yield _Given(Path(path), Path(path), error)
        return
    for file in files:
        yield _Given(file, file.relative_to(path) if Path(path).is_dir() else Path(file.name))


def _kept(answered: Answered, folder: PictureFolder | None, name: Path) -> Prediction:
    """Save an answer's picture, if it has one and it was asked for."""
    saved, result, file = None, answered.result, answered.file
    if folder is not None and result is not None and result.draw is not None:
        try:
            saved = str(folder.save(result.draw(), name, file))
        except EdgeCNNError as error:
            return Prediction(str(file), None, error=error)
    return Prediction(str(file), result, answered.latency_ms, answered.error, output=saved)
