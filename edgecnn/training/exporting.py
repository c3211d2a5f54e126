"""From a training's checkpoint to an exported file."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from edgecnn.data import Dataset, open_dataset
from edgecnn.evaluation.sampling import draw
from edgecnn.export.exporter import export_model
from edgecnn.export.report import ExportReport
from edgecnn.export.trace import DEFAULT_OPSET
from edgecnn.training.checkpoint import load_checkpoint

__all__ = ["export_checkpoint"]


def export_checkpoint(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    opset: int = DEFAULT_OPSET,
    data: str | Dataset | None = None,
    samples: int = 256,
    seed: int = 0,
    name: str | None = None,
) -> ExportReport:
    """Export a checkpoint to a self-describing ``.onnx`` file.

    Parameters
    ----------
    path : path
        A training's folder, or one of its checkpoint's files.
    out : path
        The ``.onnx`` file.
    opset : int
    data : str or Dataset, optional
        Where the real inputs come from on which ONNX Runtime is compared with PyTorch; the
        default is what the network was trained on.
    samples : int
        How many of them.
    seed : int
        Draws them.
    name : str, optional
        The model's name in its metadata; the default is the recipe's.

    Raises
    ------
    MissingFileError, TrainingError
        No checkpoint there, or a broken one.
    DatasetError
        The dataset is absent.
    ParityError, ModelError
        As of :func:`edgecnn.export.exporter.export_model`; no file is left.
    """
    path = Path(path)
    out = Path(out)
    checkpoint = load_checkpoint(path)
    metadata = checkpoint.metadata
    if name is not None:
        metadata = msgspec.structs.replace(metadata, name=name)
    source = data if data is not None else checkpoint.recipe.data.train
    dataset = open_dataset(source, labels=metadata.labels) if isinstance(source, str) else source
    indices = draw(len(dataset), samples, targets=dataset.targets, seed=seed)
    inputs = dataset.inputs(metadata.input, indices)
    return export_model(
        checkpoint.module,
        metadata,
        inputs,
        out,
        opset=opset,
        measured=checkpoint.measured,
        parity_data=dataset.info.use("parity", len(indices)),
    )
