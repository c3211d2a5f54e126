"""Draws class-activation maps over live pictures, for a bounded share of the time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError, TaskError
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.image import as_bgr
from edgecnn.runtime.class_map import ClassMaps, head_of
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.map_drawing import draw_map
from edgecnn.runtime.processor import Result
from edgecnn.runtime.seen import Seen
from edgecnn.runtime.session import Model

__all__ = ["Explained"]

#: A map older than this says nothing about the picture any more.
_OLDEST_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    label: str
    at_ns: int
    values: NDArray[np.float32]


class Explained:
    """Lays the best class's map over the picture while that is switched on.

    A map takes one more run of the network. No more than ``share`` of the time goes to them: after
    one that took a millisecond the next waits for ``1 / share - 1`` of them, and the pictures in
    between show the last map while their label is the same and it is younger than a second.

    Parameters
    ----------
    model : Model
    controls : Controls
        ``explain`` switches it; ``can_explain`` is set where the network allows it.
    share : float
        Above 0, up to 1.
    now_ns : callable
        The clock.

    Raises
    ------
    TaskError
        It is switched on from the start, and the network does not allow it.
    """

    def __init__(
        self,
        model: Model,
        controls: Controls,
        *,
        share: float = 0.2,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._model = model
        self._controls = controls
        self._share = share
        self._now_ns = now_ns
        self._head = head_of(model)
        self._maps: ClassMaps | None = None
        self._last: dict[str, _Map] = {}
        self._due_ns = 0
        self.made = 0
        controls.can_explain = self._head is not None
        if controls.explain:
            self._maps = self._start()

    def look(self, seen: Seen, result: Result) -> Result:
        """Have the picture drawn with a map."""
        if not (self._controls.explain and self._controls.can_explain) or not result.top:
            return result
        if self._maps is None:
            try:
                self._maps = self._start()
            except EdgeCNNError:
                # Found out only now that it was asked for: the stream goes on without.
                self._controls.can_explain = self._controls.explain = False
                return result
        label, source = result.top[0][0], seen.frame.source
        started = self._now_ns()
        if started >= self._due_ns:
            values = self._maps.map(seen.inputs, self._model.metadata.labels.index(label))
            ended = self._now_ns()
            self._due_ns = ended + round((ended - started) * (1 / self._share - 1))
            self._last[source] = _Map(label, seen.frame.captured_ns, values)
            self.made += 1
        last = self._last.get(source)
        if last is None or last.label != label or seen.frame.captured_ns - last.at_ns > _OLDEST_NS:
            return result
        spec = self._model.metadata.input
        assert isinstance(spec, ImageInput)
        return dataclasses.replace(result, draw=partial(_drawn, seen.frame.data, last.values, spec))

    def _start(self) -> ClassMaps:
        if self._head is None:
            raise TaskError(
                f"{self._model.path} has no class-activation map: it does not end in a global mean "
                "and one dense layer",
                hint="`edgecnn explain` covers a picture patch by patch instead",
            )
        return ClassMaps(self._model, self._head)


def _drawn(
    picture: NDArray[np.uint8], values: NDArray[np.float32], spec: ImageInput
) -> NDArray[np.uint8]:
    return draw_map(as_bgr(picture), values, spec)
