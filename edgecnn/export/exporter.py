"""PyTorch module in, verified and self-describing ``.onnx`` file out."""

from __future__ import annotations

import copy
import datetime
import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray

from edgecnn import __version__
from edgecnn.errors import ModelError
from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import make_golden
from edgecnn.export.opset import opset_of
from edgecnn.export.simplify import simplify
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.trace import DEFAULT_OPSET, trace
from edgecnn.export.verify import (
    ATOL,
    RTOL,
    check_graph,
    expected_shapes,
    measure_parity,
    output_names,
)
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import DatasetUse, Measured, ModelMetadata, Parity
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model, load_model

__all__ = ["ExportReport", "export_model"]

_PACKAGES = ("torch", "onnx", "onnxruntime", "onnxruntime-gpu", "onnxscript", "onnxsim")


class ExportReport(Struct, frozen=True, kw_only=True):
    """What was written, and how it was checked.

    Attributes
    ----------
    path : str
    opset, ir_version : int
        IR version 10 is read by ONNX Runtime 1.18 and later.
    parameters : int
        Of the PyTorch module.
    parity : Parity
        ONNX Runtime against PyTorch, on how many samples and within which tolerance.
    sha256 : str
        Of the file.
    size_bytes : int
    nodes : dict
        Number of nodes by operator.
    golden : int
        Golden vectors in the file.
    """

    path: str
    opset: int
    ir_version: int
    parameters: int
    parity: Parity
    sha256: str
    size_bytes: int
    nodes: dict[str, int]
    golden: int


def export_model(
    module: torch.nn.Module,
    metadata: ModelMetadata,
    samples: Tensors,
    path: str | os.PathLike[str],
    *,
    opset: int = DEFAULT_OPSET,
    measured: Measured | None = None,
    parity_data: DatasetUse | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> ExportReport:
    """Export a module to a file that a device can trust.

    Traced, simplified, stripped of paths, checked, compared with PyTorch, given golden vectors and
    opened once as a device opens it. Whatever fails leaves no file, and an older one as it was.

    Parameters
    ----------
    module : torch.nn.Module
        Its ``forward`` takes the tensors of ``metadata.input`` in their order, ``(N, ...)``, and
        returns logits ``(N, classes)``, or what else the task's output is; with states, they
        follow. It is exported in evaluation mode; the module itself is not changed.
    metadata : ModelMetadata
        The contract. Number of parameters and tool versions are filled in.
    samples : mapping of str to ndarray
        Preprocessed real inputs for the comparison, by the contract's names.
    path : path
        The ``.onnx`` file.
    opset : int
        18 to 23.
    measured : Measured, optional
        What training measured; the parity is added to it.
    parity_data : DatasetUse, optional
        Which dataset ``samples`` come from, for the provenance.
    atol, rtol : float
        Tolerance: ``|difference| <= atol + rtol * |reference|``.

    Returns
    -------
    ExportReport

    Raises
    ------
    ModelError
        Samples or outputs of another shape than the contract's, a module that cannot be traced,
        a graph that does not hold.
    ParityError
        ONNX Runtime computes something else than PyTorch.
    UsageError
        An opset that cannot be written.
    """
    path = Path(path)
    samples = _checked_samples(samples, metadata)
    network = _copied(module)
    outputs = output_names(metadata)
    reference = _reference(network, samples, outputs)
    _check_answers(network, reference[metadata.output.name], metadata)
    graph = trace(network, samples, outputs=outputs, free_axes=_free_axes(metadata), opset=opset)
    model = simplify(graph)
    strip_paths(model)
    if opset_of(model) != opset:
        raise ModelError(f"simplifying changed the opset from {opset} to {opset_of(model)}")
    check_graph(model, metadata)
    # What a training counted leaves out classifiers that are not in the graph.
    parameters = metadata.provenance.parameters or sum(p.numel() for p in network.parameters())
    metadata = _with_provenance(metadata, parameters, parity_data)
    embed(model, metadata)
    with atomic_path(path) as temporary:
        temporary.write_bytes(serialized(model))
        file = load_model(temporary, provider="cpu", check=False)
        parity = _compare(file, reference, samples, atol=atol, rtol=rtol)
        golden = make_golden(file.metadata, file.run)
        embed(model, file.metadata, golden, _with_parity(measured, parity))
        temporary.write_bytes(serialized(model))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    operators = [node.op_type for node in model.graph.node]
    return ExportReport(
        path=str(path),
        opset=opset,
        ir_version=model.ir_version,
        parameters=parameters,
        parity=parity,
        sha256=sha256_of(path),
        size_bytes=path.stat().st_size,
        nodes={name: operators.count(name) for name in sorted(set(operators))},
        golden=len(golden.examples) if golden else 0,
    )


def _with_parity(measured: Measured | None, parity: Parity) -> Measured:
    measured = measured or Measured()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return msgspec.structs.replace(measured, parity=parity, date=measured.date or today)


def _checked_samples(samples: Tensors, metadata: ModelMetadata) -> Tensors:
    """Return the samples in the contract's order; their names, shapes and number must be its."""
    shapes = {
        name: shape
        for name, shape in expected_shapes(metadata).items()
        if name in metadata.input.tensors and shape is not None
    }
    if set(samples) != set(shapes):
        raise ModelError(
            f"samples for {sorted(samples)}, the contract's inputs are {sorted(shapes)}"
        )
    ordered = {name: np.ascontiguousarray(samples[name]) for name in shapes}
    for name, shape in shapes.items():
        found = ordered[name].shape[1:]
        if len(found) != len(shape) - 1 or any(
            isinstance(size, int) and size != given
            for given, size in zip(found, shape[1:], strict=True)
        ):
            wanted = ", ".join(map(str, shape[1:]))
            raise ModelError(f"samples of {name} have shape {found}, the contract says ({wanted})")
    if len({len(x) for x in ordered.values()}) != 1 or not len(next(iter(ordered.values()))):
        raise ModelError("each input needs the same number of samples, at least one")
    return ordered


def _copied(module: torch.nn.Module) -> torch.nn.Module:
    """Copy a module to the processor, in evaluation mode."""
    try:
        return copy.deepcopy(module).cpu().eval()
    # The module is the user's, and so may be its copying and its `train`: anything can come.
    except Exception as error:
        raise ModelError(
            f"{type(module).__name__} cannot be copied: {_one_line(error)}",
            hint="remove weight_norm first (torch.nn.utils.remove_weight_norm)",
        ) from error


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _reference(
    network: torch.nn.Module, samples: Tensors, outputs: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Run the module on all samples, 64 at a time."""
    n = len(next(iter(samples.values())))
    rows: list[tuple[torch.Tensor, ...]] = []
    try:
        with torch.inference_mode():
            for start in range(0, n, 64):
                answer = network(
                    *(torch.from_numpy(x[start : start + 64]) for x in samples.values())
                )
                rows.append(answer if isinstance(answer, tuple) else (answer,))
    # Torch raises for sizes that do not fit, and `forward` is the user's: it can raise anything.
    except Exception as error:
        shapes = ", ".join(f"{name} {(64, *x.shape[1:])}" for name, x in samples.items())
        raise ModelError(
            f"{type(network).__name__} cannot run {shapes}: {_one_line(error)}",
            hint="does the input shape fit the network?",
        ) from error
    first = rows[0]
    if len(first) != len(outputs) or not all(isinstance(part, torch.Tensor) for part in first):
        returned = ", ".join(type(part).__name__ for part in first)
        wanted = "one tensor of logits" if len(outputs) == 1 else f"{len(outputs)} tensors"
        raise ModelError(f"{type(network).__name__} returns {returned}, not {wanted}")
    # A single number has no rows to join.
    return {
        name: torch.cat([row[i] if row[i].ndim else row[i][None] for row in rows]).float().numpy()
        for i, name in enumerate(outputs)
    }


def _check_answers(
    network: torch.nn.Module, answers: NDArray[np.float32], metadata: ModelMetadata
) -> None:
    """Refuse a classifier that does not give a logit per label."""
    if metadata.task == "classify" and answers.shape[1:] != (len(metadata.labels),):
        raise ModelError(
            f"{type(network).__name__} returns shape (N, {', '.join(map(str, answers.shape[1:]))}) "
            f"for {len(metadata.labels)} labels",
            hint="one logit per label is expected",
        )


def _free_axes(metadata: ModelMetadata) -> dict[str, dict[int, str]]:
    """Return the axes of inputs that may have any size, besides the batch."""
    shapes = expected_shapes(metadata)
    return {
        name: {i: size for i, size in enumerate(shapes[name] or ()) if i and isinstance(size, str)}
        for name in metadata.input.tensors
    }


def _compare(
    file: Model,
    reference: Mapping[str, NDArray[np.float32]],
    samples: Tensors,
    *,
    atol: float,
    rtol: float,
) -> Parity:
    """Compare every output; the parity that is reported is that of the answers."""
    answers = file.metadata.output.name
    parities = {
        name: measure_parity(
            lambda inputs, name=name: file.run_outputs(inputs, (name,))[0],  # type: ignore[misc]
            values,
            samples,
            output=name,
            atol=atol,
            rtol=rtol,
            ranked=name == answers and file.metadata.task in ("classify", "generate"),
        )
        for name, values in reference.items()
    }
    return parities[answers]


def _with_provenance(
    metadata: ModelMetadata, parameters: int, parity_data: DatasetUse | None
) -> ModelMetadata:
    before = metadata.provenance
    provenance = msgspec.structs.replace(
        before,
        parameters=parameters,
        versions={**before.versions, **_versions()},
        datasets=before.datasets + ((parity_data,) if parity_data is not None else ()),
    )
    return msgspec.structs.replace(metadata, provenance=provenance)


def _versions() -> dict[str, str]:
    found = {"edgecnn": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
