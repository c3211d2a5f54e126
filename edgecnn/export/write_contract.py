"""Put a contract into a file that brings none, or another one into a file that does."""

from __future__ import annotations

import os
from pathlib import Path

import onnx

from edgecnn.export.embed import embed, serialized
from edgecnn.export.golden import FP16_DRIFT, FP32_DRIFT, INT8_DRIFT, make_golden
from edgecnn.export.quantized import quantized_operator
from edgecnn.export.written import check_target, open_written
from edgecnn.files import atomic_path
from edgecnn.metadata import ModelMetadata
from edgecnn.runtime.graph_file import check_external, read_graph
from edgecnn.runtime.session import load_model, open_session

__all__ = ["write_contract"]


def write_contract(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    contract: ModelMetadata,
    *,
    golden: bool = True,
) -> int:
    """Write a model file with a contract in it; the graph stays as it is, byte by byte.

    Weights that lay beside the file come into it. The contract's inputs and outputs must be the
    graph's, and it must run. Golden vectors are drawn and measured, so that the file checks itself
    on other machines from now on.

    Parameters
    ----------
    source : path
    out : path
        May be the source itself.
    contract : ModelMetadata
    golden : bool
        Add golden vectors.

    Returns
    -------
    int
        How many golden vectors there are.

    Raises
    ------
    NotAModelError, MissingFileError
        The source cannot be read.
    ModelError
        The contract does not fit the graph.
    """
    source, out = Path(source), Path(out)
    check_target(out)
    check_external(source, read_graph(source))
    # Opened once as it is: what is broken is said before anything is written.
    open_session(source, provider="cpu")
    model = onnx.load_model(source)
    embed(model, contract)
    half = any(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer)
    drift = INT8_DRIFT if quantized_operator(model) else FP16_DRIFT if half else FP32_DRIFT
    with atomic_path(out) as temporary:
        temporary.write_bytes(serialized(model))
        opened = open_written(temporary, out, model)
        vectors = make_golden(contract, opened.run, drift=drift) if golden else None
        embed(model, contract, vectors)
        temporary.write_bytes(serialized(model))
        load_model(temporary, provider="cpu")
    return len(vectors.examples) if vectors else 0
