"""Where a file comes from."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from edgecnn.metadata.constraints import Count
from edgecnn.metadata.export_lock import ExportLock

__all__ = [
    "DatasetRole",
    "DatasetUse",
    "HalfPrecision",
    "Intervention",
    "Provenance",
    "Quantization",
]

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
    """How the weights and activations became 8-bit.

    Attributes
    ----------
    format : "QDQ", "dynamic" or "weights"
        Activations by ranges that were calibrated, in pairs of standard operators; or by the range
        that each input turns out to have, in ONNX Runtime's own operators; or only weights, which
        become FP32 as the file is loaded.
    weights : "int8", "uint8" or "int4"
        Of 4 bits, what that would not make smaller has 8.
    block : int
        Of 4 bits, how many weights in a row share a scale; otherwise 0.
    kept_fp32 : tuple of str
        Convolutions and products that ONNX Runtime runs in FP32 all the same.
    kept_int8 : tuple of str
        Where weights have 4 bits, layers that were given 8 to keep to an accuracy budget.
    bias_corrected : bool
        Biases were raised by what rounding shifts the mean of each channel.
    """

    format: Literal["QDQ", "dynamic", "weights"]
    activations: Literal["uint8", "int8", "float32"]
    weights: Literal["int8", "uint8", "int4"]
    per_channel: bool
    method: str
    samples: Count
    reduce_range: bool = False
    kept_fp32: tuple[str, ...] = ()
    bias_corrected: bool = False
    source_sha256: str = ""
    block: Count = 0
    kept_int8: tuple[str, ...] = ()


class HalfPrecision(Struct, frozen=True, kw_only=True):
    """How weights and arithmetic became FP16.

    Attributes
    ----------
    kept_fp32 : tuple of str
        Nodes that FP16 would have changed, or that were asked for.
    keep_io : bool
        Whether inputs and outputs are FP32.
    source_sha256 : str
        Of the FP32 file, where that has no lock which says what it was made of.
    """

    kept_fp32: tuple[str, ...] = ()
    keep_io: bool = True
    source_sha256: str = ""


class Intervention(Struct, frozen=True, kw_only=True):
    """A setting that a person changed while the training ran.

    Attributes
    ----------
    epoch, step : int
        The first that it acted on; steps count from 1 in each epoch.
    setting : str
        ``rate_factor`` multiplies the learning rate of the recipe's schedule; the others are the
        recipe's own.
    before, after : float
    """

    epoch: Count
    step: Count
    setting: Literal["rate_factor", "momentum", "weight_decay", "batch"]
    before: float
    after: float


class Provenance(Struct, frozen=True, kw_only=True):
    """Where the file comes from: recipe, data, seed, tool versions.

    Where there are ``interventions``, ``command`` alone does not train this network again. With
    ``lock``, ``edgecnn export --rebuild`` makes the file again and compares.
    """

    recipe: str = ""
    architecture: str = ""
    command: str = ""
    seed: int | None = None
    parameters: Count | None = None
    datasets: tuple[DatasetUse, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str | int | float | bool] = field(default_factory=dict)
    interventions: tuple[Intervention, ...] = ()
    lock: ExportLock | None = None
    quantization: Quantization | None = None
    half: HalfPrecision | None = None
    attribution: str = ""

    @property
    def precision(self) -> str:
        """What its weights are kept in: FP32, FP16, INT8 or INT4.

        Examples
        --------
        >>> Provenance().precision
        'FP32'
        """
        if self.half is not None:
            return "FP16"
        if self.quantization is None:
            return "FP32"
        return "INT4" if self.quantization.weights == "int4" else "INT8"
