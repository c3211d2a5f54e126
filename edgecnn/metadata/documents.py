"""The JSON documents in a file's ``metadata_props``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from edgecnn.errors import MetadataError
from edgecnn.metadata.baseline import Baseline
from edgecnn.metadata.contract import SCHEMA, ModelMetadata
from edgecnn.metadata.golden import Golden
from edgecnn.metadata.measured import Measured

__all__ = [
    "BASELINE_KEY",
    "CONTRACT_KEY",
    "GOLDEN_KEY",
    "MEASURED_KEY",
    "decode_baseline",
    "decode_golden",
    "decode_measured",
    "decode_metadata",
    "encode",
    "from_properties",
]

CONTRACT_KEY = "edgecnn"
GOLDEN_KEY = "edgecnn.golden"
MEASURED_KEY = "edgecnn.measured"
BASELINE_KEY = "edgecnn.baseline"

_T = TypeVar("_T", ModelMetadata, Golden, Measured, Baseline)


def encode(part: ModelMetadata | Golden | Measured | Baseline) -> str:
    """Return a part of the contract as JSON: stable key order, no white space."""
    return msgspec.json.encode(part, order="deterministic").decode()


def decode_metadata(text: str | bytes) -> ModelMetadata:
    """Read the ``edgecnn`` document.

    Raises
    ------
    MetadataError
        Not JSON, a newer schema, or a value that the contract does not allow.
    """
    return _decode(text, ModelMetadata, CONTRACT_KEY)


def decode_golden(text: str | bytes) -> Golden:
    """Read the ``edgecnn.golden`` document; raises as :func:`decode_metadata`."""
    return _decode(text, Golden, GOLDEN_KEY)


def decode_measured(text: str | bytes) -> Measured:
    """Read the ``edgecnn.measured`` document; raises as :func:`decode_metadata`."""
    return _decode(text, Measured, MEASURED_KEY)


def decode_baseline(text: str | bytes) -> Baseline:
    """Read the ``edgecnn.baseline`` document; raises as :func:`decode_metadata`."""
    return _decode(text, Baseline, BASELINE_KEY)


def from_properties(
    properties: Mapping[str, str], source: str
) -> tuple[ModelMetadata, Golden | None, Measured | None]:
    """Read contract, golden vectors and measurements of a file's ``metadata_props``.

    Parameters
    ----------
    properties : mapping
        As ONNX Runtime gives it: ``session.get_modelmeta().custom_metadata_map``.
    source : str
        Name of the file, for the error's text.

    Raises
    ------
    MetadataError
        The file has no contract, or a broken one.
    """
    if CONTRACT_KEY not in properties:
        raise MetadataError(
            f"{source} has no edgecnn metadata: labels and preprocessing are unknown",
            hint="state them in a TOML file for --metadata, or take a file from `edgecnn export`",
        )
    try:
        golden = properties.get(GOLDEN_KEY)
        measured = properties.get(MEASURED_KEY)
        return (
            decode_metadata(properties[CONTRACT_KEY]),
            decode_golden(golden) if golden is not None else None,
            decode_measured(measured) if measured is not None else None,
        )
    except MetadataError as error:
        raise MetadataError(f"{source}: {error.message}", hint=error.hint) from error


def _decode(text: str | bytes, kind: type[_T], key: str) -> _T:
    try:
        schema = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("schema")
    except msgspec.DecodeError as error:
        raise MetadataError(f"metadata `{key}` is not a JSON object: {error}") from error
    if schema is not None and bytes(schema).isdigit() and int(bytes(schema)) > SCHEMA:
        raise MetadataError(
            f"metadata `{key}` has schema {int(bytes(schema))}; this edgecnn reads {SCHEMA}",
            hint="update edgecnn on this machine",
        )
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise MetadataError(
            f"metadata `{key}` does not hold: {error}",
            hint="the file was changed after its export, or made by something else",
        ) from error
