"""From a training's checkpoint to an exported file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edgecnn.data import Dataset, open_dataset
from edgecnn.errors import DatasetError, MissingFileError
from edgecnn.export.exporter import export_model
from edgecnn.export.locked_file import locked
from edgecnn.export.module_source import ModuleSource
from edgecnn.export.report import ExportReport
from edgecnn.export.samples import Samples, dataset_samples, gather
from edgecnn.export.tolerance import ATOL, RTOL
from edgecnn.export.verify_data import named_samples
from edgecnn.metadata import ExportLock, ModelMetadata
from edgecnn.training.checkpoint import DOCUMENT_NAME, WEIGHTS_NAME, load_checkpoint

__all__ = ["export_checkpoint"]


def export_checkpoint(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    opset: int | None = None,
    dynamic: Sequence[str] = (),
    data: str | Sequence[str] | Dataset | Samples | None = None,
    samples: int = 256,
    seed: int = 0,
    name: str | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> ExportReport:
    """Export a checkpoint to a self-describing ``.onnx`` file.

    Parameters
    ----------
    path : path
        A training's folder, or one of its checkpoint's files.
    out : path
        The ``.onnx`` file.
    opset : int, optional
    dynamic : sequence of str
        Axes to be left free; see :func:`edgecnn.export.exporter.export_model`.
    data : str, sequence of str or Dataset, optional
        Where the real inputs come from on which ONNX Runtime is compared with PyTorch: a dataset, a
        folder or files, see :func:`edgecnn.export.verify_data.named_samples`. The default is what
        the network was trained on, and drawn inputs where that is not at hand, with a remark in
        the report.
    samples : int
        How many of them.
    seed : int
        Draws them.
    name : str, optional
        The model's name in its metadata; the default is the recipe's.
    atol, rtol : float
        Tolerance: ``|difference| <= atol + rtol * |reference|``.

    Raises
    ------
    MissingFileError, TrainingError
        No checkpoint there, or a broken one.
    DatasetError
        The dataset that was named is absent.
    ParityError, ModelError
        As of :func:`edgecnn.export.exporter.export_model`; no file is left.
    """
    path = Path(path)
    checkpoint = load_checkpoint(path)
    metadata = checkpoint.metadata
    if name is not None:
        metadata = msgspec.structs.replace(metadata, name=name)
    remarks: tuple[str, ...] = ()
    if data is None:
        trained_on = checkpoint.recipe.data.train
        try:
            # What is to be downloaded, the caller has downloaded; trying again would only wait.
            dataset = open_dataset(trained_on, labels=metadata.labels, download=False)
            given = dataset_samples(dataset, metadata, limit=samples, seed=seed)
        except (DatasetError, MissingFileError) as error:
            given = gather(None, metadata)
            remarks = (
                f"compared on drawn inputs: {trained_on} is not at hand ({error.message}); "
                "--verify-with names other data",
            )
    else:
        given = _given(data, metadata, samples, seed)
    folder = path if path.is_dir() else path.parent
    lock = ExportLock(
        source="checkpoint",
        name=metadata.name,
        files=tuple(locked(folder / file, "checkpoint") for file in (WEIGHTS_NAME, DOCUMENT_NAME)),
    )
    report = export_model(
        ModuleSource(checkpoint.module, lock),
        metadata,
        given,
        out,
        opset=opset,
        dynamic=dynamic,
        measured=checkpoint.measured,
        atol=atol,
        rtol=rtol,
    )
    return msgspec.structs.replace(report, remarks=(*remarks, *report.remarks))


def _given(
    data: str | Sequence[str] | Dataset | Samples, metadata: ModelMetadata, samples: int, seed: int
) -> Samples:
    if isinstance(data, Samples):
        return data
    if isinstance(data, str):
        data = (data,)
    if isinstance(data, Sequence):
        return named_samples(data, metadata, limit=samples, seed=seed)
    return dataset_samples(data, metadata, limit=samples, seed=seed)
