"""Run a calibration set through a graph and take down what its tensors hold.

One pass, sample by sample: what is held is the observed tensors of one sample, and the result does
not depend on the order of the samples. Nothing is dropped and nothing is kept to be looked at
later. (ONNX Runtime's own percentile and entropy calibrators keep every activation, and its
``CalibMaxIntermediateOutputs``, meant to bound that, throws data away; see onnxruntime issue
18893. Its min-max calibrator reduces in the graph, where ``ReduceMin`` steps over NaN.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import onnx
from onnx import TensorProto

from edgecnn.calibration.observation import Observation
from edgecnn.calibration.sessions import run_each, session_of
from edgecnn.errors import DataError
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["Batches", "activations", "hidden_tensors", "observe", "observed_tensors", "tapped"]

#: Operators that ONNX Runtime takes into the rounding of what precedes them: where one is the only
#: reader of a tensor, the range of its result is the tensor's.
_ABSORBED = frozenset({"Relu", "Clip"})


class Batches(Protocol):
    """Starts a calibration set anew, or from one of its samples on."""

    def __call__(self, start: int = 0) -> Iterable[Tensors]:
        """Return batches of preprocessed inputs."""
        ...


def activations(model: onnx.ModelProto) -> list[str]:
    """Name the float tensors that depend on the input: inputs, and what the nodes compute."""
    typed = {
        value.name: value.type.tensor_type.elem_type
        for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)
    }
    weights = {tensor.name for tensor in model.graph.initializer}
    computed = [value.name for value in model.graph.input] + [
        name for node in model.graph.node for name in node.output
    ]
    return [n for n in computed if typed.get(n) == TensorProto.FLOAT and n not in weights]


def hidden_tensors(model: onnx.ModelProto) -> dict[str, str]:
    """Name the tensors that only a ``Relu`` or ``Clip`` reads, each with what that gives.

    The range of the result is theirs as well: rounding to it clips what the operator clips.
    """
    readers = Counter(name for node in model.graph.node for name in node.input)
    outputs = {value.name for value in model.graph.output}
    inputs = {value.name for value in model.graph.input}
    return {
        node.input[0]: node.output[0]
        for node in model.graph.node
        if node.op_type in _ABSORBED
        and readers[node.input[0]] == 1
        and node.input[0] not in outputs | inputs
    }


def observed_tensors(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the activations whose range decides about anything: all but the hidden ones.

    Parameters
    ----------
    model : onnx.ModelProto
        With shapes inferred.
    """
    hidden = hidden_tensors(model)
    return tuple(name for name in activations(model) if name not in hidden)


def observe(
    model: onnx.ModelProto,
    batches: Batches,
    names: Sequence[str],
    *,
    histograms: bool,
    known: Observation | None = None,
    after_batch: Callable[[Observation], None] | None = None,
) -> Observation:
    """Run a calibration set through a graph.

    Parameters
    ----------
    model : onnx.ModelProto
        With shapes inferred.
    batches : callable
        Starts the calibration set, or takes it up after ``known``'s samples.
    names : sequence of str
        The tensors to look at: see :func:`observed_tensors`.
    histograms : bool
        Count values; otherwise only extremes are taken, and they are to the last bit those of ONNX
        Runtime's own min-max calibrator.
    known : Observation, optional
        Of the first samples, by an earlier run.
    after_batch : callable, optional
        Called with the observation so far.

    Raises
    ------
    DataError
        The set is empty, or makes the network compute values that are not finite.
    ModelError
        ONNX Runtime refuses the graph.
    """
    seen = known or Observation(names, histograms=histograms)
    inputs = {value.name for value in model.graph.input}
    inner = [name for name in names if name not in inputs]
    with tapped(model, inner):
        # Unoptimised, as ONNX Runtime's calibrators run it: fused kernels round otherwise in the
        # last bit, which a histogram's bins do not show.
        session = session_of(model, optimise=histograms)
    for batch in batches(seen.samples) if seen.samples else batches():
        for row in range(len(next(iter(batch.values())))):
            sample = {name: tensor[row : row + 1] for name, tensor in batch.items()}
            _add(seen, session, sample, names, inner)
        seen.end_batch()
        if after_batch is not None:
            after_batch(seen)
    if not seen.samples:
        raise DataError("the calibration set holds no samples")
    return seen


def _add(
    seen: Observation, session: Any, sample: Tensors, names: Sequence[str], inner: Sequence[str]
) -> None:
    """Take one sample in; its tensors are let go before the next one's are computed."""
    computed = run_each(session, inner, sample)
    given: Mapping[str, Any] = sample
    try:
        seen.add_sample(given[name] if name in given else next(computed) for name in names)
    except ValueError as error:
        raise DataError(
            f"calibration gives values that are not finite, first in {error}",
            hint="is the calibration data what the model was trained on?",
        ) from error


@contextmanager
def tapped(model: onnx.ModelProto, names: Sequence[str]) -> Iterator[None]:
    """Make tensors outputs of a graph for a while: a copy would hold all the weights twice."""
    outputs = model.graph.output
    before = len(outputs)
    present = {value.name for value in outputs}
    # Without a type: ONNX Runtime infers it.
    outputs.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    try:
        yield
    finally:
        del outputs[before:]
