"""Export a network of the user's own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError
from edgecnn.evaluation.sampling import draw
from edgecnn.export.drawings import drawn_inputs
from edgecnn.export.exporter import export_model
from edgecnn.export.factory import build_module, load_weights
from edgecnn.export.report import ExportReport
from edgecnn.export.trace import DEFAULT_OPSET
from edgecnn.metadata import DatasetUse, ModelMetadata
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["export_foreign"]

#: Another one than that of the golden vectors.
_DRAWING_SEED = 1

_SAMPLES = 64


def export_foreign(
    source: str,
    path: Path,
    metadata: ModelMetadata,
    *,
    weights: Path | None = None,
    parity: Dataset | None = None,
    opset: int = DEFAULT_OPSET,
) -> ExportReport:
    """Build ``module:factory``, load its weights and export it.

    Parameters
    ----------
    source : str
        ``module:factory``; see :func:`edgecnn.export.factory.build_module`.
    path : Path
        The ``.onnx`` file.
    metadata : ModelMetadata
        Its contract.
    weights : Path, optional
        Without, the network is exported as the factory makes it.
    parity : Dataset, optional
        Inputs to compare PyTorch and ONNX Runtime on; the default is drawings.
    opset : int

    Raises
    ------
    ModelError, MissingFileError, UsageError
        See :func:`edgecnn.export.exporter.export_model` and :mod:`edgecnn.export.factory`.
    """
    module = build_module(source)
    if weights is not None:
        load_weights(module, weights)
    samples, use = _samples(metadata, parity)
    provenance = msgspec.structs.replace(metadata.provenance, architecture=source)
    return export_model(
        module,
        msgspec.structs.replace(metadata, provenance=provenance),
        samples,
        path,
        opset=opset,
        parity_data=use,
    )


def _samples(metadata: ModelMetadata, parity: Dataset | None) -> tuple[Tensors, DatasetUse]:
    if parity is None:
        use = DatasetUse(
            name="drawings",
            role="parity",
            sha256="",
            samples=_SAMPLES,
            attribution="drawn by edgecnn",
            licence="Apache-2.0",
            note=f"seed {_DRAWING_SEED}",
        )
        return drawn_inputs(metadata, _SAMPLES, seed=_DRAWING_SEED), use
    info = parity.info
    if not len(parity):
        raise DataError(f"{info.name} holds no examples")
    chosen = draw(len(parity), _SAMPLES)
    return parity.inputs(metadata.input, chosen), info.use("parity", len(chosen))
