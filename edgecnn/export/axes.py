"""The axes of a graph's inputs that may have any length, and the lengths that they are tried at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecnn.errors import UsageError
from edgecnn.export.verify import expected_shapes
from edgecnn.metadata import ImageInput, InputSpec, ModelMetadata, SignalInput, TextInput
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["FreeAxes", "Trial", "axis_names", "axis_trials", "free_axes"]

#: Name of an input to number of an axis to the axis's name.
FreeAxes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Trial:
    """Inputs whose free axes have other lengths than the samples'.

    Attributes
    ----------
    lengths : dict of str to int
        By name of the axis.
    inputs : mapping of str to ndarray
    """

    lengths: dict[str, int]
    inputs: Tensors


def axis_names(spec: InputSpec) -> dict[str, dict[int, str]]:
    """Return the axes of each input that a graph can be asked to leave free, besides the batch.

    Examples
    --------
    >>> axis_names(ImageInput(height=8, width=8, colour="gray"))
    {'input': {2: 'height', 3: 'width'}}
    """
    if isinstance(spec, ImageInput):
        first = 2 if spec.layout == "NCHW" else 1
        return {spec.name: {first: "height", first + 1: "width"}}
    if isinstance(spec, SignalInput):
        return {spec.name: {2: "time"}}
    if isinstance(spec, TextInput):
        return {spec.name: {1: "time"}}
    return {}


def free_axes(metadata: ModelMetadata, dynamic: Sequence[str] = ()) -> dict[str, dict[int, str]]:
    """Return the axes of inputs that may have any length, besides the batch.

    Parameters
    ----------
    metadata : ModelMetadata
        Its input may leave some free by itself: characters their time, pictures of any size theirs.
    dynamic : sequence of str
        Further ones by name: ``time``, ``height``, ``width``. ``batch`` is free anyway.

    Raises
    ------
    UsageError
        The contract's input has no such axis.
    """
    shapes = expected_shapes(metadata)
    free = {
        name: {i: size for i, size in enumerate(shapes[name] or ()) if i and isinstance(size, str)}
        for name in metadata.input.tensors
    }
    possible = axis_names(metadata.input)
    known = {"batch"}.union(*(axes.values() for axes in (*possible.values(), *free.values())))
    for axis in dynamic:
        if axis not in known:
            raise UsageError(
                f"this network's input has no axis named {axis!r}",
                hint=f"it has: {', '.join(sorted(known))}",
            )
    for name, axes in possible.items():
        free[name] |= {i: axis for i, axis in axes.items() if axis in dynamic}
    return free


def axis_trials(samples: Tensors, axes: FreeAxes, *, rows: int = 2) -> list[Trial]:
    """Make inputs at two other lengths of every free axis: with the samples' own, it is three.

    One is longer by one, which no stride divides as it did before, one half as long again. What
    they hold is what the samples hold, from the beginning again where it ends.

    Parameters
    ----------
    samples : mapping of str to ndarray
    axes : mapping
        Without the batch.
    rows : int
        How many; two show that the batch is free along with the axis.

    Examples
    --------
    >>> trials = axis_trials({"x": np.zeros((4, 6))}, {"x": {1: "time"}})
    >>> [trial.lengths for trial in trials]
    [{'time': 7}, {'time': 9}]
    """
    names = sorted({axis for named in axes.values() for axis in named.values()})
    trials = []
    for axis in names:
        own = next(
            samples[name].shape[number]
            for name, named in axes.items()
            for number, at in named.items()
            if at == axis
        )
        for length in sorted({own + 1, own + max(2, own // 2)}):
            inputs = {name: values[:rows] for name, values in samples.items()}
            for name, named in axes.items():
                for number, at in named.items():
                    if at == axis:
                        inputs[name] = np.ascontiguousarray(
                            np.take(inputs[name], np.arange(length), axis=number, mode="wrap")
                        )
            trials.append(Trial({axis: length}, inputs))
    return trials
