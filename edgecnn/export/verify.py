"""Whether a file is sound, and computes what PyTorch computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.errors import ModelError, ParityError
from edgecnn.export.free_batch import baked_at
from edgecnn.export.tolerance import ATOL, RTOL
from edgecnn.metadata import CharacterInput, ImageInput, ModelMetadata, Parity
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["check_graph", "expected_shapes", "measure_parity", "output_names"]

#: Share of samples whose highest logit must stay the same. Not 1: two logits that are equal but
#: for rounding may swap without anything being wrong.
MIN_AGREEMENT = 0.99

_BATCH = "batch"

#: Enough to see where two graphs part; all tensors inside of them are held at once for it.
_FAILING_ROWS = 4

Run = Callable[[Tensors], NDArray[np.float32]]
Shape = tuple[str | int, ...]


def check_graph(
    model: onnx.ModelProto, metadata: ModelMetadata, *, batch: int | None = None
) -> None:
    """Check a model's structure, types and shapes, and its signature against the contract.

    An output beside the contract's may be there, for whoever reads it; and an axis of an input may
    be free that the contract gives a size.

    Parameters
    ----------
    model : onnx.ModelProto
    metadata : ModelMetadata
    batch : int, optional
        The only batch size of a graph that takes no other; by default it must be free.

    Raises
    ------
    ModelError
        The checker or shape inference refuse it, weights lie outside the file, or inputs and
        outputs are not those of the contract.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"not a valid ONNX graph: {' '.join(str(error).split())[:240]}") from error
    outside = [
        t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL
    ]
    if outside:
        raise ModelError(f"{len(outside)} weights lie outside the file, first {outside[0]}")
    expected = expected_shapes(metadata)
    inputs = {value.name: _shape(value, batch) for value in model.graph.input}
    outputs = {value.name: _shape(value, batch) for value in model.graph.output}
    wanted = {name: expected.pop(name) for name in metadata.input.tensors}
    for name, shape in outputs.items():
        if name in expected and shape and isinstance(shape[0], int) and _is_free(inputs):
            raise ModelError(
                f"a batch of {shape[0]} is baked into {name}, while the input's is free"
                + (f"; first at {layer}" if (layer := baked_at(model)) else ""),
                hint="look for a reshape or view with a fixed first size",
            )
    if (
        inputs.keys() != wanted.keys()
        or not expected.keys() <= outputs.keys()
        or not all(_fits(inputs[name], shape, freer=True) for name, shape in wanted.items())
        or not all(_fits(outputs[name], shape) for name, shape in expected.items())
    ):
        raise ModelError(
            f"the graph's inputs and outputs are {_listed(inputs | outputs)}; "
            f"its contract says {_listed(wanted | expected)}",
            hint="labels, input size and output name must be the network's, the batch free",
        )


def expected_shapes(metadata: ModelMetadata) -> dict[str, Shape | None]:
    """Return the shape of each of a graph's inputs and outputs by name, as the contract says.

    Returns
    -------
    dict of str to tuple
        Sizes, and names of free axes. None where the contract leaves the shape to the network.
    """
    spec = metadata.input
    shapes: dict[str, Shape | None] = {
        name: (_BATCH, *shape) for name, shape in spec.tensors.items()
    }
    shapes[metadata.output.name] = None
    if metadata.task == "classify":
        shapes[metadata.output.name] = (_BATCH, len(metadata.labels))
    if isinstance(spec, ImageInput):
        for name, axes in spec.free_axes.items():
            sizes: Shape = (_BATCH, *spec.tensors[name])
            shapes[name] = tuple(axes.get(i, size) for i, size in enumerate(sizes))
    if isinstance(spec, CharacterInput):
        shapes[spec.name] = (_BATCH, "time")
        shapes[metadata.output.name] = (_BATCH, "time", len(spec.vocabulary))
        shapes |= {state.output: (_BATCH, *state.shape) for state in spec.states}
    return shapes


def output_names(metadata: ModelMetadata) -> tuple[str, ...]:
    """Return the names of a graph's outputs: the answers, then the states."""
    inputs = metadata.input.tensors
    return tuple(name for name in expected_shapes(metadata) if name not in inputs)


def measure_parity(
    run: Run,
    reference: NDArray[np.float32],
    samples: Tensors,
    *,
    output: str = "logits",
    batches: Sequence[int] | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
    origin: str = "PyTorch",
    ranked: bool = True,
) -> Parity:
    """Compare ONNX Runtime with PyTorch on the same inputs, at several batch sizes.

    Parameters
    ----------
    run : callable
        Runs the file: inputs by name to output.
    reference : ndarray of float32, shape (N, ..., values)
        What PyTorch gave for all samples; agreement is that of the largest value of each row.
    samples : mapping of str to ndarray
        Preprocessed inputs, the more real the better.
    batches : sequence of int, optional
        Batch sizes; all samples go through each. The default is 1, 2 and N.
    origin : str
        Where the reference comes from, for the error's text.
    ranked : bool
        Whether the largest value of a row is an answer, that must be the same one.

    Returns
    -------
    Parity
        ``max_abs`` is the largest difference; ``max_rel`` the largest one divided by the largest
        magnitude in its row of the reference, since a ratio to a single value near zero says
        nothing.

    Raises
    ------
    ParityError
        An element differs by more than ``atol + rtol * |reference|``, is not finite, or too many
        samples get another label.
    """
    n = len(reference)
    if not n:
        raise ParityError(f"no samples to compare ONNX Runtime with {origin} on")
    if not np.isfinite(reference).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(reference))[0])
        raise ParityError(f"{origin} gives {reference[first]} at {output}{list(first)}")
    max_abs = max_rel = 0.0
    agreement = 1.0
    for batch in sorted(set(batches or (1, 2, n))):
        same: list[NDArray[np.bool_]] = []
        wrong, worst = 0, _Worst()
        # Part by part: answers of a detector, with what is computed of them, fill the memory.
        for start, part in _batches(samples, batch):
            wanted = reference[start : start + batch]
            answer = _rows(
                run, part, reference.shape[1:], output=output, batch=batch, origin=origin
            )
            difference = np.abs(answer.astype(np.float64) - wanted)
            difference[~np.isfinite(answer)] = np.inf
            excess = difference - (atol + rtol * np.abs(wanted))
            wrong += int((excess > 0).sum())
            worst = max(worst, _worst(excess, answer, wanted, start), key=lambda w: w.excess)
            if ranked:
                same.append(answer.argmax(axis=-1) == wanted.argmax(axis=-1))
            largest = np.abs(wanted).max(axis=-1, keepdims=True)
            max_abs = max(max_abs, float(difference.max()))
            max_rel = max(max_rel, float((difference / np.maximum(largest, atol)).max()))
        if wrong:
            at = ", ".join(map(str, worst.at))
            raise ParityError(
                f"ONNX Runtime and {origin} disagree on {wrong} of {reference.size} values; "
                f"worst: {output}[{at}] is {worst.answer:.6g}, {origin} gives {worst.wanted:.6g} "
                f"(batch {batch}, tolerance {atol:g} + {rtol:g} * |reference|)",
                hint="is the network in evaluation mode and free of random operations?"
                if origin == "PyTorch"
                else None,
                inputs=_failing(samples, worst.at[0], batch),
            )
        if ranked:
            agreement = min(agreement, float(np.mean(np.concatenate(same))))
    if agreement < MIN_AGREEMENT:
        raise ParityError(
            f"{1 - agreement:.1%} of {n} samples get another label in ONNX Runtime than "
            f"from {origin}, with values within {atol:g} + {rtol:g} * |reference|",
            hint="the network hardly tells its classes apart: is it trained?",
        )
    return Parity(
        max_abs=max_abs,
        max_rel=max_rel,
        top1_agreement=agreement if ranked else None,
        samples=n,
        atol=atol,
        rtol=rtol,
        reference=origin,
    )


class _Worst(NamedTuple):
    """The value that is furthest beyond its tolerance; ``at`` counts from the first sample."""

    excess: float = -np.inf
    at: tuple[int, ...] = ()
    answer: float = 0.0
    wanted: float = 0.0


def _worst(
    excess: NDArray[np.float64],
    answer: NDArray[np.float32],
    wanted: NDArray[np.float32],
    start: int,
) -> _Worst:
    row, *others = (int(i) for i in np.unravel_index(int(excess.argmax()), excess.shape))
    index = (row, *others)
    return _Worst(
        float(excess[index]), (start + row, *others), float(answer[index]), float(wanted[index])
    )


def _batches(samples: Tensors, batch: int) -> Iterator[tuple[int, Tensors]]:
    n = len(next(iter(samples.values())))
    for start in range(0, n, batch):
        yield start, {name: values[start : start + batch] for name, values in samples.items()}


def _rows(
    run: Run, inputs: Tensors, shape: tuple[int, ...], *, output: str, batch: int, origin: str
) -> NDArray[np.float32]:
    """Run a batch; the answer must have a row of the reference's shape for each of its rows."""
    baked_in = "look for a reshape or view with a fixed first size"
    try:
        answer = run(inputs)
    except ParityError:
        raise
    except ModelError as error:
        raise ParityError(
            f"ONNX Runtime fails on a batch of {batch}: {error.message}",
            hint=baked_in,
            inputs=inputs,
        ) from error
    expected = (len(next(iter(inputs.values()))), *shape)
    if answer.shape != expected:
        raise ParityError(
            f"{output} has shape {answer.shape} in ONNX Runtime, {expected} from {origin} "
            f"(batch {batch})",
            hint=baked_in,
            inputs=inputs,
        )
    return answer


def _is_free(inputs: Mapping[str, Shape]) -> bool:
    return all(shape[:1] == (_BATCH,) for shape in inputs.values())


def _failing(samples: Tensors, row: int, batch: int) -> Tensors:
    """Return the batch that a row was in, cut to a few rows around it."""
    start = row // batch * batch
    first = max(start, min(row, start + batch - _FAILING_ROWS))
    rows = slice(first, min(first + _FAILING_ROWS, start + batch))
    return {name: values[rows] for name, values in samples.items()}


def _shape(value: onnx.ValueInfoProto, batch: int | None) -> tuple[str | int, ...]:
    """Sizes, and names of free axes; a first one that is free is the batch under any name."""
    sizes = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    if not sizes:
        return ()
    first, *others = sizes
    return (_BATCH if isinstance(first, str) or first == batch else first, *others)


def _fits(found: Shape, expected: Shape | None, *, freer: bool = False) -> bool:
    """Tell whether sizes agree; a free axis is one under any name."""
    if expected is None:
        return bool(found) and found[0] == _BATCH
    if len(found) != len(expected):
        return False
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, str):
            if isinstance(other, int) and not freer:
                return False
        elif one != other:
            return False
    return True


def _listed(shapes: Mapping[str, Shape | None]) -> str:
    return ", ".join(
        f"{name} [{', '.join(map(str, (_BATCH, '...') if shape is None else shape))}]"
        for name, shape in shapes.items()
    )
