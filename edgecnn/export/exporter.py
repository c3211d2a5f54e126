"""A network in, a verified and self-describing ``.onnx`` file out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import onnx

from edgecnn.data.dataset import Dataset
from edgecnn.errors import MetadataError, ModelError, ParityError, UsageError
from edgecnn.export.axes import free_axes
from edgecnn.export.compare import compare
from edgecnn.export.embed import embed, serialized
from edgecnn.export.external_data import check_size
from edgecnn.export.golden import make_golden, without_golden
from edgecnn.export.open_source import open_source, own_contract
from edgecnn.export.opset import convert_opset, lower_ir_version, opset_of, runtime_of
from edgecnn.export.provenance import with_parity, with_provenance
from edgecnn.export.reference import check_answers
from edgecnn.export.report import ExportReport
from edgecnn.export.samples import Samples, checked_samples, gather
from edgecnn.export.simplify import simplify
from edgecnn.export.source import Source
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.tolerance import ATOL, RTOL
from edgecnn.export.trace import OPSETS
from edgecnn.export.verify import check_graph, output_names
from edgecnn.export.written import check_target, open_written
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import (
    BeatInput,
    DatasetUse,
    Golden,
    Measured,
    ModelMetadata,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model, load_model

if TYPE_CHECKING:
    import torch

__all__ = ["export_model"]


def export_model(
    source: torch.nn.Module | str | os.PathLike[str] | Source,
    metadata: ModelMetadata | None,
    samples: Tensors | Dataset | Samples | None,
    path: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    opset: int | None = None,
    dynamic: Sequence[str] = (),
    outputs: Sequence[str] = (),
    measured: Measured | None = None,
    parity_data: DatasetUse | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> ExportReport:
    """Export a network to a file that a device can trust.

    Put into a graph, simplified, stripped of paths, checked, compared with the source at several
    lengths of every free axis, given golden vectors and opened once as a device opens it. Whatever
    fails leaves no file, and an older one as it was.

    Parameters
    ----------
    source : torch.nn.Module, str or path
        A module, whose ``forward`` takes the tensors of ``metadata.input`` in their order,
        ``(N, ...)``, and returns logits ``(N, classes)``, or what else the task's output is; with
        states, they follow. It is exported in evaluation mode; the module itself is not changed.
        ``"module:factory"``, a function without arguments that returns one. A ``.pt2`` file of
        ``torch.export.save``. Or an ``.onnx`` file that something else made.
    metadata : ModelMetadata or None
        The contract. Number of parameters, tool versions and lock are filled in. None for an
        ``.onnx`` file that has one.
    samples : mapping of str to ndarray, Dataset or None
        Real inputs for the comparison: preprocessed, by the contract's names, or raw, to be
        preprocessed by the contract. None: inputs are drawn.
    path : path
        The ``.onnx`` file.
    weights : path, optional
        For ``module:factory``: ``.safetensors``, or ``.pt`` with a state dictionary.
    opset : int, optional
        18 to 23, or down to 13 by a conversion that is verified like all else; the default is 20,
        for an ``.onnx`` file its own.
    dynamic : sequence of str
        Axes to be left free beyond the contract's own: ``time``, ``height``, ``width``; of an
        ``.onnx`` file with a fixed batch also ``batch``.
    outputs : sequence of str
        Names of all that the network returns, in its order, where that is more than the contract
        says; the contract's must be among them.
    measured : Measured, optional
        What training measured; the parity is added to it.
    parity_data : DatasetUse, optional
        Which dataset preprocessed ``samples`` come from, for the provenance.
    atol, rtol : float
        Tolerance: ``|difference| <= atol + rtol * |reference|``.

    Returns
    -------
    ExportReport

    Raises
    ------
    ModelError
        Samples or outputs of another shape than the contract's, a network that cannot be put into
        a graph, an operator that there is no translation or kernel for, a graph that does not
        hold, weights that do not fit or are more than 2 GB.
    ParityError
        The file computes something else than its source; the message names the worst element and
        the first layer that differs.
    UsageError
        An opset that cannot be written, or an axis that there is none of.
    MissingFileError
        No such file.

    Examples
    --------
    >>> import tempfile, torch
    >>> from edgecnn.export.contract import image_contract
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> contract = image_contract("demo", ("dark", "bright"), (1, 8, 8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export_model(net, contract, None, f"{folder}/demo.onnx")
    >>> report.opset, report.axes["batch"]
    (20, (1, 2, 32))
    """
    path = Path(path)
    network = open_source(source, weights=weights, free_batch="batch" in dynamic)
    check_target(path, network.file)
    metadata = metadata or own_contract(network)
    opset = opset or network.opset
    names = _names(network, metadata, outputs)
    axes = free_axes(metadata, dynamic)
    check_size(4 * network.parameters, network.title)
    given = gather(samples, metadata, use=parity_data)
    inputs = checked_samples(given.tensors, metadata, batch=network.batch)
    reference = network.answers(inputs, names)
    check_answers(network.title, reference[metadata.output.name], metadata)

    # Below what the exporter writes itself, the way is down from its oldest.
    written = opset if network.origin != "PyTorch" else max(opset, OPSETS.start)
    graph = network.graph(inputs, names, axes, written)
    model = simplify(graph)
    if opset != written:
        model = convert_opset(model, opset)
    strip_paths(model)
    lower_ir_version(model)
    if opset_of(model) != opset:
        raise ModelError(f"asked for opset {opset}, the file has {opset_of(model)}")
    check_graph(model, metadata, batch=network.batch)
    check_size(model.ByteSize(), network.title)

    lock = msgspec.structs.replace(
        network.lock,
        opset=opset,
        dynamic=tuple(dynamic),
        outputs=tuple(outputs),
        verified_with=given.name,
        samples=given.count,
        seed=given.seed,
        atol=atol,
        rtol=rtol,
    )
    # What a training counted leaves out classifiers that are not in the graph.
    parameters = metadata.provenance.parameters or network.parameters
    metadata = with_provenance(metadata, parameters, given.use, lock)
    embed(model, metadata)
    with atomic_path(path) as temporary:
        temporary.write_bytes(serialized(model))
        file = open_written(temporary, path, graph)
        _check_preprocessing(file, given)
        try:
            parity, lengths = compare(file, network, reference, inputs, axes, atol=atol, rtol=rtol)
        except ParityError as error:
            raise _located(error, network, graph, model, atol=atol, rtol=rtol) from error
        golden = _golden(file, network.batch)
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
        origin=network.origin,
        axes=lengths,
        verified_with=given.name,
        oldest_runtime=runtime_of(model),
        remarks=tuple(_remarks(network, metadata, golden)),
    )


def _remarks(network: Source, metadata: ModelMetadata, golden: Golden | None) -> Iterator[str]:
    if network.batch is not None:
        yield (
            f"the batch is fixed at {network.batch}; --dynamic batch frees it where the network "
            "allows it"
        )
    if not network.alone:
        yield (
            "it rounds by ranges taken from the whole batch: an input alone and the same input in "
            "a batch do not get the same scores"
        )
    if golden is None:
        yield without_golden(metadata)


def _names(network: Source, metadata: ModelMetadata, outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all outputs, in the network's order."""
    named = output_names(metadata)
    if not outputs:
        return network.outputs(named)
    missing = [name for name in named if name not in outputs]
    if missing or len(set(outputs)) != len(outputs):
        raise UsageError(
            f"outputs {', '.join(outputs)}: "
            + (f"the contract's {missing[0]} is not among them" if missing else "one comes twice"),
            hint="name each that the network returns once, in its order",
        )
    return network.outputs(tuple(outputs))


def _check_preprocessing(file: Model, given: Samples) -> None:
    """Preprocess some raw inputs anew, by what the file says: they must be those compared."""
    if given.again is None:
        return
    for name, values in given.again(file.metadata.input).items():
        if not np.array_equal(values, given.tensors[name][: len(values)]):
            raise MetadataError(
                f"the contract in {file.path} preprocesses {given.name} otherwise than the one "
                "that the network was compared with"
            )


def _golden(file: Model, batch: int | None) -> Golden | None:
    """Make golden vectors where a device can run them: one picture or text, any beats, at once."""
    if batch is not None and (batch != 1 or isinstance(file.metadata.input, BeatInput)):
        return None
    return make_golden(file.metadata, file.run)


def _located(
    error: ParityError,
    network: Source,
    graph: onnx.ModelProto,
    model: onnx.ModelProto,
    *,
    atol: float,
    rtol: float,
) -> ParityError:
    """Add the first layer that differs: in the translation, or in what was made of it since."""
    from edgecnn.export.bisect import diverging_tensor

    if error.inputs is None:
        return error
    layer = None
    # Looking must not hide what was found: a graph may not even run on these inputs.
    try:
        layer = network.diverging_layer(graph, error.inputs, atol=atol, rtol=rtol)
        if layer is None:
            layer = diverging_tensor(graph, model, error.inputs, atol=atol, rtol=rtol)
    except ModelError:
        pass
    if layer is None:
        return error
    return ParityError(f"{error.message}; first layer that differs: {layer}", hint=error.hint)
