"""PyTorch module to ONNX graph, by the ``torch.export``-based exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from edgecnn.errors import ModelError, UsageError
from edgecnn.export.opset import opset_of
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["DEFAULT_OPSET", "OPSETS", "trace", "translate"]

#: Opsets that the exporter writes itself. Older ones would need a conversion down, which has been
#: seen to leave the file at 18 without a word.
OPSETS = range(18, 24)
DEFAULT_OPSET = 20

_LOGGERS = (
    "torch.onnx", "torch.export", "torch._dynamo", "torch.fx.experimental.symbolic_shapes",
    "onnxscript", "onnx_ir",
)  # fmt: skip
#: Modules whose code is not the network's own.
_NOT_THEIRS = ("torch.", "onnxscript.", "onnx_ir.", "edgecnn.export.", "contextlib.")


def trace(
    module: torch.nn.Module,
    samples: Tensors,
    *,
    outputs: Sequence[str] = ("logits",),
    free_axes: Mapping[str, Mapping[int, str]] | None = None,
    opset: int = DEFAULT_OPSET,
) -> onnx.ModelProto:
    """Record what a module computes as an ONNX graph with a free batch axis.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode, on the CPU. Its ``forward`` takes the samples in their order and
        returns one tensor, or as many as there are outputs.
    samples : mapping of str to ndarray
        Inputs by the names that the graph is to give them, shapes ``(N, ...)``.
    outputs : sequence of str
        Names for the graph's outputs.
    free_axes : mapping of str to mapping of int to str, optional
        Axes of inputs, besides the batch, that may have any size: name of the input to number of
        the axis to its name.
    opset : int

    Returns
    -------
    onnx.ModelProto
        At exactly this opset, its weights inside, with the first axis of every input and output
        named ``batch``.

    Raises
    ------
    UsageError
        An opset that the exporter does not write.
    ModelError
        The module cannot be traced, or only for one batch size.
    """
    # torch.export takes sizes 0 and 1 for constants, so the batch it sees is at least 2.
    rows = np.arange(max(2, min(4, len(next(iter(samples.values()))))))
    arguments = tuple(
        torch.from_numpy(np.take(x, rows, axis=0, mode="wrap")) for x in samples.values()
    )
    axes = {name: {0: "batch", **(free_axes or {}).get(name, {})} for name in samples}
    dimensions = {
        axis: torch.export.Dim(axis) for named in axes.values() for axis in named.values()
    }
    shapes = tuple(
        {number: dimensions[axis] for number, axis in named.items()} for named in axes.values()
    )
    model = _written(
        module, tuple(samples), outputs, opset=opset, arguments=arguments, shapes=shapes
    )
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.shape.dim[0].dim_param != "batch":
            raise ModelError(
                f"{type(module).__name__} bakes the batch size into {value.name}",
                hint="look for a reshape or view with a fixed first size",
            )
    return model


def translate(
    program: torch.export.ExportedProgram,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    opset: int = DEFAULT_OPSET,
) -> onnx.ModelProto:
    """Write a program of ``torch.export`` as an ONNX graph; raises as :func:`trace`.

    Its free axes are those that it was exported with, under the names that it gives them.
    """
    return _written(program, inputs, outputs, opset=opset)


def _written(
    source: torch.nn.Module | torch.export.ExportedProgram,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    opset: int,
    arguments: tuple[torch.Tensor, ...] | None = None,
    shapes: tuple[Any, ...] | None = None,
) -> onnx.ModelProto:
    """Call the exporter, and check that it did what it was told."""
    if opset not in OPSETS:
        raise UsageError(
            f"opset {opset} cannot be written", hint=f"{OPSETS.start} to {OPSETS.stop - 1} can"
        )
    try:
        with _quiet():
            program = torch.onnx.export(
                source,
                arguments,  # type: ignore[arg-type] # a program has brought its own
                dynamo=True,
                opset_version=opset,
                dynamic_shapes=shapes,
                input_names=list(inputs),
                output_names=list(outputs),
                external_data=False,
                verbose=False,
            )
    # It runs the user's `forward`, which can raise anything.
    except Exception as error:
        raise _explained(error, type(source).__name__) from error
    if program is None:
        raise ModelError("torch.onnx.export returned nothing")
    model = program.model_proto
    if len(model.graph.output) != len(outputs):
        raise ModelError(
            f"{type(source).__name__} returns {len(model.graph.output)} tensors, "
            f"not {len(outputs)} ({', '.join(outputs)})",
            hint="--outputs names all that it returns, in their order",
        )
    written = opset_of(model)
    if written != opset:
        raise ModelError(
            f"asked for opset {opset}, the exporter wrote {written}",
            hint=f"--opset {written} is what it can do for this network",
        )
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter: what matters about its result is checked, not read."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _explained(error: Exception, title: str) -> ModelError:
    """Find the line that says what is wrong among the exporter's pages."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = " ".join(str(cause).split())[:240]
    if "batch" in text and ("onstraint" in text or "specializ" in text):
        return ModelError(
            f"{title} works for one batch size only: {text}",
            hint="look for a reshape or view with a fixed first size",
        )
    if (node := _untranslated(error)) is not None:
        layer = _layer_of(node)
        return ModelError(
            f"no ONNX operator for {node.target} in {layer or title}",
            hint="write this layer with PyTorch's own operators",
        )
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    where = _line_of_code(cause)
    if isinstance(cause, GuardOnDataDependentSymNode):
        return ModelError(
            f"{title} cannot be traced: what it does next depends on a value of its input{where}",
            hint="torch.where, or torch.cond, computes both ways",
        )
    return ModelError(
        f"{title} cannot be traced: "
        + (f"{type(cause).__name__}: {text}" if text else type(cause).__name__)
        + where,
        hint="data-dependent branches and Python side effects cannot be exported",
    )


def _line_of_code(error: BaseException) -> str:
    """Return the line of the network's own code that an error passed through last."""
    found = ""
    step = error.__traceback__
    while step is not None:
        module = f"{step.tb_frame.f_globals.get('__name__', '')}."
        file = Path(step.tb_frame.f_code.co_filename)
        if file.is_file() and not module.startswith(_NOT_THEIRS):
            found = f" ({file.name}, line {step.tb_lineno})"
        step = step.tb_next
    return found


def _untranslated(error: BaseException | None) -> torch.fx.Node | None:
    """Return what the exporter was translating when it failed.

    Its errors hold the node as text only, without the layer that it is from; the frames that they
    passed through hold the node itself.
    """
    while error is not None:
        step = error.__traceback__
        while step is not None:
            node = step.tb_frame.f_locals.get("node")
            if isinstance(node, torch.fx.Node) and step.tb_frame.f_code.co_name.startswith(
                "_translate_fx"
            ):
                return node
            step = step.tb_next
        error = error.__cause__
    return None


def _layer_of(node: torch.fx.Node) -> str:
    """Return path and class of the innermost module that a node was traced in."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return ""
    path, kind = stack[-1]
    name = str(getattr(kind, "__qualname__", kind)).rpartition(".")[2]
    return f"{path} ({name})" if path else name
