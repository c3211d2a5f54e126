"""Where a file comes from."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from edgecnn.metadata.constraints import Count

__all__ = ["DatasetRole", "DatasetUse", "Provenance", "Quantization"]

#: What part a dataset took in making a file.
DatasetRole = Literal["train", "validation", "test", "calibration", "parity"]


class DatasetUse(Struct, frozen=True, kw_only=True):
    """A dataset that took part in making the file."""

    name: str
    role: DatasetRole
    sha256: str
    samples: Count
    attribution: str
    licence: str
    note: str = ""


class Quantization(Struct, frozen=True, kw_only=True):
    """How the weights and activations became 8-bit."""

    format: Literal["QDQ"]
    activations: Literal["uint8", "int8"]
    weights: Literal["int8", "uint8"]
    per_channel: bool
    method: str
    samples: Count
    reduce_range: bool = False
    kept_fp32: tuple[str, ...] = ()
    source_sha256: str = ""


class Provenance(Struct, frozen=True, kw_only=True):
    """Where the file comes from: recipe, data, seed, tool versions."""

    recipe: str = ""
    architecture: str = ""
    command: str = ""
    seed: int | None = None
    parameters: Count | None = None
    datasets: tuple[DatasetUse, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str | int | float | bool] = field(default_factory=dict)
    quantization: Quantization | None = None
    attribution: str = ""
