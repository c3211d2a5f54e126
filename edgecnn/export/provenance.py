"""What an export writes down about itself: tool versions, parameters, data, parity, date."""

from __future__ import annotations

import datetime
import importlib.metadata

import msgspec

from edgecnn import __version__
from edgecnn.metadata import DatasetUse, ExportLock, Measured, ModelMetadata, Parity

__all__ = ["tool_versions", "with_parity", "with_provenance", "with_settings"]

#: Sources whose name tells the network; a training's recipe tells its own.
_NAMED = ("factory", "program", "onnx")

_PACKAGES = ("torch", "onnx", "onnxruntime", "onnxruntime-gpu", "onnxscript", "onnxsim")


def with_parity(measured: Measured | None, parity: Parity) -> Measured:
    """Add the parity to what was measured, and today's date where it has none."""
    measured = measured or Measured()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return msgspec.structs.replace(measured, parity=parity, date=measured.date or today)


def with_provenance(
    metadata: ModelMetadata, parameters: int, parity_data: DatasetUse | None, lock: ExportLock
) -> ModelMetadata:
    """Add the number of parameters, tool versions, the data of the comparison and the lock."""
    before = metadata.provenance
    provenance = msgspec.structs.replace(
        before,
        parameters=parameters,
        architecture=before.architecture or (lock.name if lock.source in _NAMED else ""),
        versions={**before.versions, **tool_versions()},
        # An exported file that is exported again was compared before: that is no longer true of it.
        datasets=(
            *(use for use in before.datasets if use.role != "parity"),
            *((parity_data,) if parity_data is not None else ()),
        ),
        lock=lock,
    )
    return msgspec.structs.replace(metadata, provenance=provenance)


def tool_versions() -> dict[str, str]:
    """Return the versions of what an export is made with, by name of the package."""
    found = {"edgecnn": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def with_settings(
    metadata: ModelMetadata, before: ModelMetadata, **settings: bool | int | str
) -> ModelMetadata:
    """Add the settings of further passes to the lock of the export that they follow.

    Parameters
    ----------
    metadata : ModelMetadata
        Of the file that is made; without a lock, there is nothing to add to.
    before : ModelMetadata
        Of the file that it is made from.
    **settings
        By name; what is empty, zero or off is left out.
    """
    lock = before.provenance.lock
    if lock is None:
        return metadata
    document = msgspec.to_builtins(before)
    lock = msgspec.structs.replace(
        lock,
        settings=lock.settings | {name: value for name, value in settings.items() if value},
        plain=lock.plain or {"input": document["input"], "output": document["output"]},
    )
    provenance = msgspec.structs.replace(metadata.provenance, lock=lock)
    return msgspec.structs.replace(metadata, provenance=provenance)
