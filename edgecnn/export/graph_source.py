"""An ``.onnx`` file that something else made, as what is exported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from edgecnn.errors import MissingFileError, ModelError, NotAModelError
from edgecnn.export.axes import FreeAxes
from edgecnn.export.embed import serialized
from edgecnn.export.external_data import embed_external_data
from edgecnn.export.free_batch import free_reshapes
from edgecnn.export.locked_file import locked
from edgecnn.export.operators import check_operators
from edgecnn.export.opset import convert_opset, opset_of
from edgecnn.export.source import ROWS, Answers
from edgecnn.metadata import ExportLock
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.failure import failure_text
from edgecnn.runtime.graph_file import read_graph
from edgecnn.runtime.layer_costs import graph_costs
from edgecnn.runtime.session import open_session

__all__ = ["GraphSource"]


class GraphSource:
    """An ONNX file; see :class:`~.source.Source`. Its answers are those of ONNX Runtime.

    Parameters
    ----------
    path : Path
    free_batch : bool
        Make a batch free that is fixed.

    Raises
    ------
    MissingFileError
        No such file, or weights of it that lie in another one are missing.
    NotAModelError
        Not an ONNX file, or cut short.
    ModelError
        An operator that ONNX Runtime does not know, weights outside of the file's folder, or more
        of them than an ``.onnx`` file holds.
    """

    origin = "the original file"

    def __init__(self, path: Path, *, free_batch: bool = False) -> None:
        self.file: Path | None = path
        self.title = path.name
        self.model = _read(path)
        check_operators(self.model, str(path))
        external = embed_external_data(self.model, path)
        weights = {tensor.name for tensor in self.model.graph.initializer}
        _drop_weights_among_inputs(self.model, weights)
        self.opset = opset_of(self.model)
        self.parameters = graph_costs(read_graph(path), {}).parameters
        first = [value.type.tensor_type.shape.dim[:1] for value in self.model.graph.input]
        fixed = {axis[0].dim_value for axis in first if axis and not axis[0].dim_param}
        # A scale that is taken from the whole batch rounds each row by its neighbours.
        self.alone = all(n.op_type != "DynamicQuantizeLinear" for n in self.model.graph.node)
        #: Of the file as it is; what is exported may be freer.
        self._batch = max(fixed) if len(fixed) == 1 and min(fixed) > 0 else None
        self.batch: int | None = None if free_batch else self._batch
        self.lock = ExportLock(
            source="onnx",
            name=path.name,
            files=(locked(path, "model"), *(locked(file, "weights") for file in external)),
        )
        self._session = self._open(path, external=bool(external))

    def outputs(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return all that the graph gives."""
        own = tuple(value.name for value in self.model.graph.output)
        missing = [name for name in named if name not in own]
        if missing:
            raise ModelError(
                f"{self.title} has no output {missing[0]}",
                hint=f"its inputs are {', '.join(v.name for v in self.model.graph.input)}, its "
                f"outputs {', '.join(own)}: name them in the contract",
            )
        return own

    def answers(
        self, inputs: Tensors, outputs: Sequence[str], *, rows: int | None = None
    ) -> Answers:
        """Run the file in ONNX Runtime; see :meth:`.source.Source.answers`."""
        own = {value.name for value in self.model.graph.input}
        if own != set(inputs):
            raise ModelError(
                f"{self.title} has inputs {', '.join(sorted(own))}, its contract names "
                f"{', '.join(sorted(inputs))}",
                hint='put the graph\'s own names into the contract: [input] name = "..."',
            )
        answers: list[list[Any]] = []
        for part in _parts(inputs, self._batch or rows or ROWS):
            try:
                answers.append(self._session.run(list(outputs), part))
            except Exception as error:  # ONNX Runtime's exceptions have no common base class
                shapes = ", ".join(f"{name} {x.shape}" for name, x in part.items())
                raise ModelError(
                    f"{self.title} cannot run {shapes}: {failure_text(error)}",
                    hint="does the contract's input fit the network?",
                ) from error
        return {
            name: np.concatenate([np.atleast_1d(row[i]) for row in answers]).astype(np.float32)
            for i, name in enumerate(outputs)
        }

    def graph(
        self, samples: Tensors, outputs: Sequence[str], axes: FreeAxes, opset: int
    ) -> onnx.ModelProto:
        """Return the file's graph, its free axes named; see :meth:`.source.Source.graph`."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for value in model.graph.input:
            named = dict(axes.get(value.name, {}))
            if self.batch is None:
                named[0] = "batch"
            rank = len(value.type.tensor_type.shape.dim)
            if rank <= max(named, default=-1):
                raise ModelError(
                    f"{self.title}: input {value.name} has {rank} axes, too few for a batch of "
                    "what the contract describes",
                    hint="export it with the shapes of its inputs",
                )
            for number, axis in named.items():
                # Whether the rest of the graph takes any length is tried out, not believed.
                value.type.tensor_type.shape.dim[number].dim_param = axis
        if axes_changed := self.batch is None or any(axes.values()):
            if self.batch is None and self._batch is not None:
                free_reshapes(model, self._batch)
            _forget_shapes(model, batch=self.batch)
        if opset != self.opset:
            model = convert_opset(model, opset)
        elif axes_changed:
            model = onnx.shape_inference.infer_shapes(model)
        return model

    def diverging_layer(
        self, graph: onnx.ModelProto, inputs: Tensors, *, atol: float, rtol: float
    ) -> str | None:
        """Compare with the file as it was read; see :meth:`.source.Source.diverging_layer`."""
        from edgecnn.export.bisect import diverging_tensor

        return diverging_tensor(self.model, graph, inputs, atol=atol, rtol=rtol)

    def _open(self, path: Path, *, external: bool) -> Any:
        if not external:
            return open_session(path, provider="cpu")[0]
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
            whole = Path(folder, path.name)
            whole.write_bytes(serialized(self.model))
            return open_session(whole, provider="cpu")[0]


def _read(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise MissingFileError(f"no such model: {path}")
    try:
        model = onnx.load_model(path, load_external_data=False)
    except DecodeError as error:
        raise NotAModelError(
            f"{path} is not a readable ONNX model",
            hint="the file may be cut short: compare its size with the original's",
        ) from error
    if not model.graph.node or not model.graph.output:
        raise NotAModelError(f"{path} holds no network: no nodes, or no outputs")
    return model


def _drop_weights_among_inputs(model: onnx.ModelProto, weights: set[str]) -> None:
    """Before IR version 4 every weight was listed as an input with a default."""
    kept = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    # A model of an older version must list them.
    model.ir_version = max(model.ir_version, 4)


def _forget_shapes(model: onnx.ModelProto, *, batch: int | None) -> None:
    """Clear what was inferred for the old lengths; the ranks, types and fixed sizes stay."""
    del model.graph.value_info[:]
    for value in model.graph.output:
        for number, dimension in enumerate(value.type.tensor_type.shape.dim):
            if number == 0 and batch is None:
                dimension.dim_param = "batch"
            elif dimension.dim_param:
                dimension.ClearField("dim_param")


def _parts(inputs: Tensors, rows: int) -> Iterator[dict[str, Any]]:
    n = len(next(iter(inputs.values())))
    for start in range(0, n, rows):
        yield {name: values[start : start + rows] for name, values in inputs.items()}
