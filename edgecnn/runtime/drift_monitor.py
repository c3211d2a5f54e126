"""Watches whether what a device sees and answers is still what its file was calibrated with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import Baseline, Distribution, ImageInput, ModelMetadata
from edgecnn.runtime.drift_values import brightness, colour, energy, sharpness
from edgecnn.runtime.drift_window import STATES, Window
from edgecnn.runtime.processor import Result
from edgecnn.runtime.seen import Seen

__all__ = ["DriftMonitor"]

#: Of a live source a frame this long after the last one is looked at: the next is much the same.
_EVERY_S = 0.25
#: Every so many frames that are looked at, it is judged anew, and features are computed.
_JUDGED, _FEATURES = 4, 8
#: So often in a row it must be another state before that is told, so that lights do not flicker.
_SURE = 3
#: Values of one tensor that are counted per frame.
_MOST_VALUES = 2048

#: Computes a tensor inside the network for an input.
Feature = Callable[[Seen], NDArray[np.float32]]


class DriftMonitor:
    """Puts ``drift`` into the answers.

    It is ``{"state", "signals": {name: {"psi", "ks", "shift", "state"}}}``.

    Parameters
    ----------
    baseline : Baseline
        From the file.
    metadata : ModelMetadata
        With a picture input.
    clock : callable
        Tells the time of a frame in seconds, or None where every frame is to be looked at.
    feature : callable, optional
        Computes the tensor of the baseline's ``feature``; it is not watched without.
    frames : int
        Length of the window.
    """

    def __init__(
        self,
        baseline: Baseline,
        metadata: ModelMetadata,
        *,
        clock: Callable[[Seen], float | None],
        feature: Feature | None = None,
        frames: int = 240,
    ) -> None:
        self._baseline = baseline
        self._metadata = metadata
        self._clock = clock
        self._feature = feature
        self._frames = frames
        self._streams: dict[str, _Stream] = {}

    def look(self, seen: Seen, result: Result) -> Result:
        """Count a frame if its turn has come, and tell what is known."""
        stream = self._streams.get(seen.frame.source)
        if stream is None:
            stream = self._streams[seen.frame.source] = _Stream(self._baseline, self._frames)
        at_s = self._clock(seen)
        if at_s is None or at_s >= stream.due_s:
            stream.due_s = 0.0 if at_s is None else at_s + _EVERY_S
            with_feature = self._feature is not None and stream.count % _FEATURES == 0
            stream.add(self._values(seen, result, with_feature=with_feature))
        if stream.told is None:
            return result
        return dataclasses.replace(result, fields={**result.fields, "drift": stream.told})

    def _values(
        self, seen: Seen, result: Result, *, with_feature: bool
    ) -> dict[tuple[str, int | None], NDArray[Any]]:
        """Return the values of one frame, by what and channel."""
        spec = self._metadata.input
        assert isinstance(spec, ImageInput)
        tensor: NDArray[Any] = seen.inputs[spec.name]
        found: dict[tuple[str, int | None], NDArray[Any] | None] = {
            ("brightness", None): np.array([brightness(seen.frame.data)]),
            ("output", None): _some(seen.output),
        }
        if tensor.dtype.kind == "f":
            planes = tensor[0] if spec.layout == "NCHW" else tensor[0].transpose(2, 0, 1)
            found |= {("input", channel): _some(plane) for channel, plane in enumerate(planes)}
            found["input", None] = _some(tensor)
            found["sharpness", None] = sharpness(tensor, spec)
            found["colour", None] = colour(tensor, spec)
        if self._metadata.task == "classify":
            found["energy", None] = energy(seen.output, self._metadata.output)
            if result.top:
                found["confidence", None] = np.array([result.top[0][1]])
        if with_feature and self._feature is not None:
            found["feature", None] = _some(self._feature(seen))
        return {key: values for key, values in found.items() if values is not None}


class _Stream:
    """The windows of one source."""

    def __init__(self, baseline: Baseline, frames: int) -> None:
        self._windows = {
            (one.what, one.channel): (
                _name(one),
                Window(
                    one, baseline.samples, -(-frames // (_FEATURES if one.what == "feature" else 1))
                ),
            )
            for one in baseline.distributions
        }
        self._state = self._other = 0
        self.count = 0
        self.due_s = -np.inf
        self.told: dict[str, Any] | None = None

    def add(self, values: dict[tuple[str, int | None], NDArray[Any]]) -> None:
        for key, (_, window) in self._windows.items():
            if key in values:
                window.add(values[key])
        self.count += 1
        if self.count % _JUDGED == 0:
            self._judge()

    def _judge(self) -> None:
        judged = {name: window.judge() for name, window in self._windows.values()}
        signals = {
            name: {"psi": one.psi, "ks": one.ks, "shift": one.shift, "state": one.state}
            for name, one in judged.items()
            if one is not None
        }
        if signals:
            worst = max((STATES.index(one.state) for one in judged.values() if one), default=0)
            self._other = self._other + 1 if worst != self._state else 0
            if self._other >= _SURE:
                self._state, self._other = worst, 0
            self.told = {"state": STATES[self._state], "signals": signals}


def _name(one: Distribution) -> str:
    return one.what if one.channel is None else f"{one.what}.{one.channel}"


def _some(values: NDArray[Any]) -> NDArray[Any]:
    """Take evenly spread values of a large tensor."""
    flat = values.reshape(-1)
    # An odd stride does not fall in step with rows of an even length.
    step = -(-flat.size // _MOST_VALUES) | 1 if flat.size > _MOST_VALUES else 1
    return flat[::step]
