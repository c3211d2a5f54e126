"""PyTorch module in, verified and self-describing ``.onnx`` file out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import make_golden
from edgecnn.export.opset import opset_of
from edgecnn.export.provenance import with_parity, with_provenance
from edgecnn.export.reference import check_answers, copied, reference_answers
from edgecnn.export.report import ExportReport
from edgecnn.export.samples import checked_samples, free_axes
from edgecnn.export.simplify import simplify
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.trace import DEFAULT_OPSET, trace
from edgecnn.export.verify import ATOL, RTOL, check_graph, measure_parity, output_names
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import DatasetUse, Measured, ModelMetadata, Parity
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model, load_model

__all__ = ["export_model"]


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
    samples = checked_samples(samples, metadata)
    network = copied(module)
    outputs = output_names(metadata)
    reference = reference_answers(network, samples, outputs)
    check_answers(network, reference[metadata.output.name], metadata)
    graph = trace(network, samples, outputs=outputs, free_axes=free_axes(metadata), opset=opset)
    model = simplify(graph)
    strip_paths(model)
    if opset_of(model) != opset:
        raise ModelError(f"simplifying changed the opset from {opset} to {opset_of(model)}")
    check_graph(model, metadata)
    # What a training counted leaves out classifiers that are not in the graph.
    parameters = metadata.provenance.parameters or sum(p.numel() for p in network.parameters())
    metadata = with_provenance(metadata, parameters, parity_data)
    embed(model, metadata)
    with atomic_path(path) as temporary:
        temporary.write_bytes(serialized(model))
        file = load_model(temporary, provider="cpu", check=False)
        parity = _compare(file, reference, samples, atol=atol, rtol=rtol)
        golden = make_golden(file.metadata, file.run)
        embed(model, file.metadata, golden, with_parity(measured, parity))
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
