"""Whether a file can be made again from what it says it was made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import onnx
from google.protobuf.message import DecodeError
from msgspec import Struct

from edgecnn.data import open_dataset
from edgecnn.errors import (
    DataError,
    MissingFileError,
    ModelError,
    NotAModelError,
    UsageError,
)
from edgecnn.export.exporter import export_model
from edgecnn.export.identity import differences
from edgecnn.export.locked_file import Found
from edgecnn.export.open_source import open_source
from edgecnn.export.provenance import tool_versions
from edgecnn.export.samples import DRAWINGS, Samples, dataset_samples, gather
from edgecnn.export.verify_data import named_samples
from edgecnn.files import sha256_of
from edgecnn.metadata import DatasetUse, ExportLock, ModelMetadata, from_properties

__all__ = [
    "Locked",
    "RebuildReport",
    "compared",
    "derive_again",
    "export_again",
    "lock_of",
    "samples_again",
]


class RebuildReport(Struct, frozen=True, kw_only=True):
    """Whether exporting again gave the same file.

    Attributes
    ----------
    path : str
    same : bool
        Graph, weights, contract and golden vectors are the same bytes.
    differences : tuple of str
        What is not, a line each.
    inputs : dict of str to str
        Where each file of the lock was found, by its name.
    sha256, sha256_again : str
        Of the two files. What was measured, and when, may differ where all else is the same.
    remarks : tuple of str
    """

    path: str
    same: bool
    differences: tuple[str, ...]
    inputs: dict[str, str]
    sha256: str
    sha256_again: str
    remarks: tuple[str, ...] = ()


class Locked(Struct, frozen=True):
    """A file's contract as it was before its export added to it, and the export's lock.

    Attributes
    ----------
    metadata : ModelMetadata
    lock : ExportLock
    use : DatasetUse or None
        What it was compared on.
    """

    metadata: ModelMetadata
    lock: ExportLock
    use: DatasetUse | None


def lock_of(path: Path) -> Locked:
    """Read what a file was exported from.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError
        No such file, not a model, or one without a contract.
    ModelError
        It has no lock, or was quantized since.
    """
    properties = {entry.key: entry.value for entry in _load(path).metadata_props}
    metadata, _, _ = from_properties(properties, str(path))
    lock = metadata.provenance.lock
    if lock is None:
        raise ModelError(
            f"{path} does not say what it was exported from",
            hint="files that `edgecnn export` writes do; export it again",
        )
    if metadata.provenance.quantization is not None:
        raise ModelError(
            f"{path} was quantized after its export",
            hint="rebuild the file that it was quantized from",
        )
    before = metadata.provenance
    if lock.plain:
        document = msgspec.to_builtins(metadata) | lock.plain
        metadata = msgspec.convert(document, ModelMetadata)
    tools = tool_versions()
    provenance = msgspec.structs.replace(
        before,
        lock=None,
        half=None,
        datasets=tuple(use for use in before.datasets if use.role != "parity"),
        versions={name: v for name, v in before.versions.items() if name not in tools},
    )
    return Locked(
        msgspec.structs.replace(metadata, provenance=provenance),
        lock,
        next((use for use in before.datasets if use.role == "parity"), None),
    )


def samples_again(
    locked: Locked, verify_with: Sequence[str | os.PathLike[str]] = ()
) -> tuple[Samples, tuple[str, ...]]:
    """Return what the rebuilt file is compared on, and a remark where that is something else.

    Parameters
    ----------
    locked : Locked
    verify_with : sequence of str or path
        What it was compared on then; by default a dataset is looked for by its name.
    """
    lock, metadata = locked.lock, locked.metadata
    if verify_with:
        limit = max(lock.samples, 1)
        return named_samples(verify_with, metadata, limit=limit, seed=lock.seed), ()
    drawn = gather(None, metadata)
    if lock.verified_with == DRAWINGS:
        return drawn, ()
    try:
        # A folder's name is no path from here.
        if not lock.verified_with or lock.verified_with.endswith(":all"):
            raise DataError("not a dataset's name")
        dataset = open_dataset(lock.verified_with, labels=metadata.labels or None, download=False)
        return dataset_samples(dataset, metadata, limit=lock.samples, seed=lock.seed), ()
    except (DataError, MissingFileError, UsageError):
        named = lock.verified_with or "data that the file does not name"
    kept = Samples(drawn.tensors, lock.verified_with, lock.samples, lock.seed, locked.use)
    return kept, (
        f"compared on drawn inputs: {named} is not at hand; --verify-with says where it lies",
    )


def export_again(locked: Locked, found: Sequence[Found], given: Samples, out: Path) -> None:
    """Export anything but a training's checkpoint once more.

    Raises
    ------
    ModelError
        It was exported from Python: there is nothing that could be called.
    """
    lock = locked.lock
    # Of several files of code, the first is the one that the factory is in.
    at = {one.file.role: one.path for one in reversed(found)}
    if lock.source == "factory":
        folder = _import_folder(at["code"], lock.name) if "code" in at else None
        network = open_source(lock.name, weights=at.get("weights"), folder=folder)
    elif lock.source == "module":
        raise ModelError(
            f"it was exported from Python, as an object of class {lock.name}",
            hint="call edgecnn.export_model again; edgecnn.export.identity.differences compares",
        )
    else:
        main = at.get("program") or at["model"]
        network = open_source(main, free_batch="batch" in lock.dynamic)
    export_model(
        network,
        locked.metadata,
        given,
        out,
        opset=lock.opset,
        dynamic=lock.dynamic,
        outputs=lock.outputs,
        atol=lock.atol,
        rtol=lock.rtol,
    )


def derive_again(locked: Locked, plain: Path, out: Path) -> None:
    """Take the further steps that the lock tells: FP16, preprocessing and decoding inside."""
    from edgecnn.export.derive import derive_model

    asked = locked.lock.settings
    derive_model(
        plain,
        out,
        fp16=bool(asked.get("fp16")),
        keep_io=not asked.get("fp16_io"),
        block=tuple(filter(None, str(asked.get("fp16_block", "")).split(","))),
        preprocessing=bool(asked.get("embed_preprocessing")),
        decoding=bool(asked.get("embed_decoding")),
        top=int(asked.get("top", 0)) or 5,
    )


def compared(
    path: Path, again: Path, found: Sequence[Found], remarks: Sequence[str]
) -> RebuildReport:
    """Compare a file with the one that was made again."""
    changed = differences(_load(path), _load(again))
    return RebuildReport(
        path=str(path),
        same=not changed,
        differences=changed,
        inputs={one.file.name: str(one.path) for one in found},
        sha256=sha256_of(path),
        sha256_again=sha256_of(again),
        remarks=(*(one.remark for one in found if not one.same), *remarks),
    )


def _import_folder(code: Path, name: str) -> Path:
    """Return the folder that a dotted module is imported from, by where its file lies."""
    levels = name.partition(":")[0].count(".") + (code.name == "__init__.py")
    return code.resolve().parents[levels]


def _load(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise MissingFileError(f"no such model: {path}")
    try:
        return onnx.load_model(path, load_external_data=False)
    except DecodeError as error:
        raise NotAModelError(f"{path} is not a readable ONNX model") from error
