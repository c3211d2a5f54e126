"""Many pictures through a model, several at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.preprocessing.picture import read_picture
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.batch_size import BatchSize
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.picture_answers import picture_answer
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model

__all__ = ["Answered", "PictureBatches", "takes_batches"]


@dataclass(frozen=True, eq=False)
class Answered:
    """One file's answer, or why there is none.

    Attributes
    ----------
    file : Path
    result : Result or None
    latency_ms : float
        Preparing and decoding it, and its share of the run.
    error : EdgeCNNError or None
    """

    file: Path
    result: Result | None
    latency_ms: float = 0.0
    error: EdgeCNNError | None = None


@dataclass(frozen=True, eq=False)
class _Ready:
    """A file that was read and prepared, or why it could not be."""

    file: Path
    picture: NDArray[Any] | None = None
    inputs: Tensors | None = None
    prepare_ms: float = 0.0
    error: EdgeCNNError | None = None


def takes_batches(model: Model) -> bool:
    """Tell whether the file leaves open how many pictures it takes at once."""
    return all(not isinstance(each.shape[0], int) for each in model.session.get_inputs())


class PictureBatches:
    """Reads, prepares, infers and decodes files; reading and preparing go on beside the network.

    Parameters
    ----------
    model : Model
        With a picture input.
    top : int
        How many labels each answer lists.
    batch : int, optional
        Pictures at once; the default is found out (:class:`~edgecnn.runtime.batch_size.BatchSize`).
    say : callable
        Hears what was found out.

    Raises
    ------
    TaskError
        The model reads no pictures.
    UsageError
        It takes one picture at a time, and ``batch`` is more.
    """

    def __init__(
        self,
        model: Model,
        *,
        top: int = 5,
        batch: int | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._processor = ImageProcessor(model, top=top)
        self._model = model
        self._answer = picture_answer(model.metadata.task, str(model.path))
        self._top = top
        self._say = say
        many = takes_batches(model)
        if batch is not None and batch > 1 and not many:
            raise UsageError(
                f"{model.path} takes one picture at a time, not {batch}",
                hint="leave out --batch",
            )
        self._tuning = BatchSize() if batch is None and many else None
        self._batch = batch or 1

    def answer(self, files: Iterable[Path]) -> Iterator[Answered]:
        """Answer files, in their order."""
        left = iter(files)
        waiting: list[Future[_Ready]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
            try:
                while True:
                    size = self._batch if self._tuning is None else self._tuning.size
                    # The batch at hand, and the next one while that runs.
                    more = islice(left, max(0, 2 * size - len(waiting)))
                    waiting += [reader.submit(self._read, file) for file in more]
                    if not waiting:
                        return
                    ready = [each.result() for each in waiting[:size]]
                    waiting = waiting[size:]
                    yield from self._run(ready)
            finally:
                for each in waiting:
                    each.cancel()

    def _read(self, file: Path) -> _Ready:
        try:
            picture = read_picture(file)
            started = time.perf_counter()
            inputs = self._processor.prepare(picture)
        except EdgeCNNError as error:
            return _Ready(file, error=error)
        return _Ready(file, picture, inputs, 1000 * (time.perf_counter() - started))

    def _run(self, ready: list[_Ready]) -> Iterator[Answered]:
        """Run a batch; pictures of other sizes, where the model takes any, go by themselves."""
        groups: dict[object, list[_Ready]] = {}
        for each in ready:
            if each.inputs is not None:
                shape = tuple(array.shape for array in each.inputs.values())
                groups.setdefault(shape, []).append(each)
        outputs: dict[int, tuple[NDArray[np.float32], float] | EdgeCNNError] = {}
        for group in groups.values():
            outputs |= self._infer(group)
        for each in ready:
            yield self._answered(each, outputs.get(id(each)))

    def _infer(
        self, group: list[_Ready]
    ) -> dict[int, tuple[NDArray[np.float32], float] | EdgeCNNError]:
        given = [each.inputs for each in group if each.inputs is not None]
        inputs = {
            name: np.concatenate([each[name] for each in given]) if len(given) > 1 else array
            for name, array in given[0].items()
        }
        started = time.perf_counter()
        try:
            output = self._model.run(inputs)
        except EdgeCNNError as error:
            if len(group) == 1:
                return {id(group[0]): error}
            # One of them, or all together, is too much: each by itself tells.
            found: dict[int, tuple[NDArray[np.float32], float] | EdgeCNNError] = {}
            for each in group:
                found |= self._infer([each])
            return found
        seconds = time.perf_counter() - started
        self._note(len(group), seconds)
        share_ms = 1000 * seconds / len(group)
        return {id(each): (output[i : i + 1], share_ms) for i, each in enumerate(group)}

    def _note(self, count: int, seconds: float) -> None:
        if self._tuning is not None and self._tuning.took(count, seconds):
            self._say(self._tuning.told)

    def _answered(
        self, ready: _Ready, found: tuple[NDArray[np.float32], float] | EdgeCNNError | None
    ) -> Answered:
        if found is None or ready.picture is None:
            return Answered(ready.file, None, error=ready.error)
        if isinstance(found, EdgeCNNError):
            return Answered(ready.file, None, error=found)
        output, share_ms = found
        started = time.perf_counter()
        if not np.isfinite(output).all():
            result = Result.unknown("the network gave a value that is no number", "not-finite")
        else:
            result = self._answer(output, self._model.metadata, ready.picture, self._top)
        decode_ms = 1000 * (time.perf_counter() - started)
        return Answered(ready.file, result, ready.prepare_ms + share_ms + decode_ms)
