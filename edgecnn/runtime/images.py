"""Pictures through a model: the processor behind `live` on cameras, videos and folders."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError, ImageError, TaskError
from edgecnn.metadata import ImageInput, ModelMetadata, how_to_run, reads
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.batching import BatchGain, one_by_one
from edgecnn.runtime.facts import model_facts
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.picture_answers import picture_answer
from edgecnn.runtime.processor import Result
from edgecnn.runtime.seen import After, Seen
from edgecnn.runtime.session import Model

__all__ = ["ImageProcessor", "picture_input"]

#: More would answer the first of them late.
_MOST_AT_ONCE = 8


def picture_input(metadata: ModelMetadata, source: str) -> ImageInput:
    """Return the contract's picture input.

    Raises
    ------
    TaskError
        The model reads something else.
    """
    if isinstance(metadata.input, ImageInput):
        return metadata.input
    raise TaskError(
        f"{source} reads {reads(metadata.input)}, not pictures", hint=how_to_run(metadata.input)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """The network's inputs for one picture, and how long they took to make."""

    inputs: dict[str, NDArray[np.float32]]
    took_ms: float


class ImageProcessor:
    """Prepares, infers and decodes one picture at a time.

    Parameters
    ----------
    model : Model
        With a picture input.
    top : int
        How many labels each answer lists.
    after : sequence of After
        Look at what the network was shown and gave, in this order.

    Raises
    ------
    TaskError
        The model reads no pictures, or nothing here answers them for its task.
    """

    def __init__(self, model: Model, *, top: int = 5, after: Sequence[After] = ()) -> None:
        self._model = model
        self._spec = picture_input(model.metadata, str(model.path))
        self._answer = picture_answer(model.metadata.task, str(model.path))
        self._top = top
        self._after = tuple(after)
        self._gain = BatchGain()
        self.title = model.metadata.name
        self.provider = model.placement.provider
        self.nodes_on_provider = model.placement.on_provider
        self.card: Mapping[str, str] = model_facts(model)

    def prepare(self, picture: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Turn a picture into the network's inputs, with a batch axis of 1."""
        try:
            return {self._spec.name: image_tensor(picture, self._spec)[None]}
        except cv2.error as error:
            text = " ".join(str(error).split())
            raise ImageError(f"the picture cannot be prepared: {text}") from error

    @property
    def most(self) -> int:
        """Say how many pictures it takes at once: 1 where the network's batch is fixed."""
        return _MOST_AT_ONCE if self._model.free_batch else 1

    def process(self, frame: Frame) -> Result:
        """Answer one picture."""
        ready = self._ready(frame)
        prepared = time.perf_counter_ns()
        output = self._model.run(ready.inputs)
        infer_ms = (time.perf_counter_ns() - prepared) / 1e6
        self._gain.add(1, infer_ms)
        return self._decoded(frame, ready, output, infer_ms)

    def prepare_ahead(self, frame: Frame) -> _Prepared:
        """Prepare a picture before its turn."""
        started = time.perf_counter_ns()
        inputs = self.prepare(frame.data)
        return _Prepared(inputs, (time.perf_counter_ns() - started) / 1e6)

    def _ready(self, frame: Frame) -> _Prepared:
        made = frame.ahead
        return made if isinstance(made, _Prepared) else self.prepare_ahead(frame)

    def process_many(self, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
        """Answer several pictures, in one run of the network where that is faster."""
        if not self._gain.pays(len(frames)):
            return one_by_one(self, frames)
        ready: list[_Prepared | EdgeCNNError] = []
        for frame in frames:
            try:
                ready.append(self._ready(frame))
            except EdgeCNNError as error:
                ready.append(error)
        whole = [each.inputs for each in ready if isinstance(each, _Prepared)]
        if not whole:
            return [each for each in ready if isinstance(each, EdgeCNNError)]
        started = time.perf_counter_ns()
        batch = {name: np.concatenate([inputs[name] for inputs in whole]) for name in whole[0]}
        try:
            outputs = iter(np.split(self._model.run(batch), len(whole)))
        except EdgeCNNError as error:
            return [each if isinstance(each, EdgeCNNError) else error for each in ready]
        infer_ms = (time.perf_counter_ns() - started) / 1e6
        self._gain.add(len(whole), infer_ms)
        results: list[Result | EdgeCNNError] = []
        for frame, each in zip(frames, ready, strict=True):
            if isinstance(each, EdgeCNNError):
                results.append(each)
                continue
            results.append(self._decoded(frame, each, next(outputs), infer_ms))
        return results

    def _decoded(
        self,
        frame: Frame,
        ready: _Prepared,
        output: NDArray[np.float32],
        infer_ms: float,
    ) -> Result:
        """Say what the network's output means, and have looked at it who is to."""
        inferred = time.perf_counter_ns()
        if not np.isfinite(output).all():
            return Result.unknown("the network gave a value that is no number", "not-finite")
        result = self._answer(output, self._model.metadata, frame.data, self._top)
        decoded = time.perf_counter_ns()
        stages = {"prepare": ready.took_ms, "infer": infer_ms}
        stages["decode"] = (decoded - inferred) / 1e6
        if self._after:
            seen = Seen(frame, ready.inputs, output)
            for one in self._after:
                result = one.look(seen, result)
            stages["watch"] = (time.perf_counter_ns() - decoded) / 1e6
        return dataclasses.replace(result, stages_ms=stages)

    def finish(self) -> None:
        """Pictures leave nothing unsaid."""
