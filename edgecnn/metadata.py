"""The contract that every exported ``.onnx`` file carries.

Three JSON documents lie in the file's ``metadata_props``:

``edgecnn``
    :class:`ModelMetadata`: task, labels, preprocessing, decoding, provenance. Byte-identical when
    the same checkpoint is exported twice.
``edgecnn.golden``
    :class:`Golden`: raw inputs with the logits they gave when the file was made. The runtime runs
    them on load, so a machine that computes something else is found out before it answers.
``edgecnn.measured``
    :class:`Measured`: accuracy, latency, dates. Left out when two files are compared.

This module reads; writing them into a file is the work of :mod:`edgecnn.export.embed`. Keys may be
added in later versions, never renamed: unknown keys are ignored on read, and a document of a newer
``schema`` is refused.

Examples
--------
>>> spec = ImageInput(height=28, width=28, colour="gray", mean=(0.1307,), std=(0.3081,))
>>> contract = ModelMetadata(name="digits", task="classify", labels=("zero", "one"), input=spec)
>>> decode_metadata(encode(contract)) == contract
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from edgecnn.errors import EdgeCNNError, MetadataError

__all__ = [
    "CONTRACT_KEY",
    "GOLDEN_KEY",
    "MEASURED_KEY",
    "SCHEMA",
    "Accuracy",
    "BeatInput",
    "BoxcarFilter",
    "ClassScore",
    "DatasetRole",
    "DatasetUse",
    "Golden",
    "GoldenExample",
    "ImageInput",
    "InputSpec",
    "Latency",
    "Measured",
    "ModelMetadata",
    "Output",
    "Parity",
    "Provenance",
    "Quantization",
    "RhythmFeatures",
    "decode_golden",
    "decode_measured",
    "decode_metadata",
    "encode",
    "refuse_unknown",
]

SCHEMA: Literal[1] = 1
CONTRACT_KEY = "edgecnn"
GOLDEN_KEY = "edgecnn.golden"
MEASURED_KEY = "edgecnn.measured"

#: Most bytes that the golden document may take in a file.
GOLDEN_LIMIT_BYTES = 64 * 1024

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class ImageInput(Struct, frozen=True, kw_only=True, tag="image", tag_field="kind"):
    """How a picture becomes the network's input tensor.

    The steps, in order: to the colour order, resize by ``resize``, times ``scale``, minus
    ``mean``, divided by ``std``, to the layout. Downscaling averages areas, upscaling is bilinear
    (see :mod:`edgecnn.preprocessing.image`).

    Attributes
    ----------
    height, width : int
        Size of the tensor in pixels.
    colour : "gray", "rgb" or "bgr"
        Channel order of the tensor; grey is ITU-R BT.601 luma.
    resize : "stretch", "crop" or "letterbox"
        ``stretch`` ignores the aspect ratio; ``crop`` scales the shorter side to ``shorter_side``
        and cuts the centre; ``letterbox`` fits the whole picture and pads with ``pad_value``.
    shorter_side : int, optional
        For ``crop``: length in pixels that the shorter side is scaled to before the cut
        (default: just covers the tensor).
    scale, mean, std
        ``(pixel * scale - mean) / std`` with pixels of 0..255; one value per channel, or one for
        all.
    """

    name: str = "input"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    height: Positive
    width: Positive
    colour: Literal["gray", "rgb", "bgr"]
    resize: Literal["stretch", "crop", "letterbox"] = "crop"
    shorter_side: Positive | None = None
    interpolation: Literal["area"] = "area"
    pad_value: Annotated[int, Meta(ge=0, le=255)] = 0
    scale: PositiveFloat = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[PositiveFloat, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Refuse values that are no numbers, or do not fit each other."""
        for what, values in (("scale", (self.scale,)), ("mean", self.mean), ("std", self.std)):
            if not all(map(math.isfinite, values)):
                raise ValueError(f"{what} is not finite: {', '.join(map(str, values))}")
        for what, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(
                    f"{what} has {len(values)} values for {self.channels} channels ({self.colour})"
                )
        if self.shorter_side is not None and self.shorter_side < max(self.height, self.width):
            raise ValueError(f"shorter_side {self.shorter_side} does not cover the tensor")

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, 3 for colour."""
        return 1 if self.colour == "gray" else 3

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: self.shape}

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input without its batch axis, in the tensor's own layout."""
        if self.layout == "NCHW":
            return (self.channels, self.height, self.width)
        return (self.height, self.width, self.channels)


class BoxcarFilter(Struct, frozen=True, kw_only=True, tag="boxcar", tag_field="kind"):
    """A linear-phase band-pass made of moving averages, in exact integer arithmetic.

    The baseline (a moving average of ``baseline_s``, applied twice) is subtracted from the signal
    smoothed by a moving average of ``smooth_s``, applied twice. Integer sums have no rounding, so
    the answer does not depend on how the signal is cut into chunks.
    """

    baseline_s: PositiveFloat
    smooth_s: PositiveFloat


class RhythmFeatures(Struct, frozen=True, kw_only=True):
    """RR-interval ratios that accompany each beat.

    Attributes
    ----------
    name : str
        Name of the model's second input, shape ``(N, 5)``.
    short, long : int
        Numbers of preceding RR intervals in the two running means.
    longest_s : float
        RR intervals are clipped to this many seconds. It is also how long a live beat waits for
        the next one before it is classified.
    """

    name: str = "rr"
    short: Positive = 8
    long: Positive = 32
    longest_s: PositiveFloat = 1.2


class BeatInput(Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """How a heartbeat in a single-lead ECG becomes the network's inputs.

    The first input, shape ``(N, 2, before + after)``, holds the filtered signal around the R peak
    and the mean of the ``template_beats`` beats before it, both divided by the root mean square of
    that mean: what differs from this person's own usual beat stays visible, and the amplifier's
    gain does not matter. The second input holds the RR ratios.

    Everything is causal but for ``look_ahead_s``, so a live stream gives what a finished record
    gives (see :mod:`edgecnn.preprocessing.beats`).

    Attributes
    ----------
    sampling_rate_hz : float
        Rate that the signal is resampled to before anything else.
    leads : tuple of str
        Leads by name, in channel order; a record must have them under these names or an alias.
    before, after : int
        Samples of the window before the R peak, and from it on.
    clip : float
        Windows are clipped to plus and minus this many times the template's root mean square: a
        loose electrode is no larger than a large beat.
    """

    name: str = "beat"
    layout: Literal["NCT"] = "NCT"
    sampling_rate_hz: PositiveFloat
    leads: tuple[str, ...]
    unit: Literal["mV"] = "mV"
    before: Positive
    after: Positive
    filter: BoxcarFilter
    normalisation: Literal["template-rms"] = "template-rms"
    template_beats: Positive = 16
    clip: PositiveFloat = 8.0
    rhythm: RhythmFeatures

    def __post_init__(self) -> None:
        """Refuse a contract without exactly one lead."""
        if len(self.leads) != 1:
            raise ValueError(f"a beat model reads one lead, not {len(self.leads)}")

    @property
    def look_ahead_s(self) -> float:
        """Seconds of signal after an R peak that its answer may depend on."""
        window = self.after / self.sampling_rate_hz
        half_filter = max(self.filter.baseline_s, self.filter.smooth_s)
        return max(window + half_filter, self.rhythm.longest_s)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of the model's inputs by name, without the batch axis."""
        return {self.name: self.shape, self.rhythm.name: (5,)}

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one window without its batch axis: beat and template, samples."""
        return (2, self.before + self.after)


InputSpec = ImageInput | BeatInput


class Output(Struct, frozen=True, kw_only=True):
    """How the network's output becomes an answer.

    Attributes
    ----------
    activation : "softmax", "sigmoid" or "none"
        What turns the output into scores of 0..1; ``none`` if they are that already.
    min_score : float
        Answers scored lower than this are reported as unknown.
    """

    name: str = "logits"
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"
    min_score: Fraction = 0.0


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


class ModelMetadata(Struct, frozen=True, kw_only=True):
    """The contract: what a device must know to turn a raw input into an answer."""

    schema: Literal[1] = SCHEMA
    name: str
    task: Literal["classify"]
    labels: Annotated[tuple[str, ...], Meta(min_length=1)]
    input: ImageInput | BeatInput
    output: Output = field(default_factory=Output)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        """Refuse labels that cannot be told apart."""
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        if any(not label.strip() for label in self.labels):
            raise ValueError("a label is empty")


class GoldenExample(Struct, frozen=True, kw_only=True):
    """One raw input and the logits that the file gave for it when it was made.

    Attributes
    ----------
    media : "image/png" or "signal/int16-uV"
        What ``data`` holds, base64-encoded: a PNG picture, or little-endian 16-bit microvolts.
    data : bytes
        The raw input, base64 in JSON.
    beats : tuple of int
        For a signal: sample indices of its R peaks.
    logits : tuple of tuples of float
        One row per answer, shape ``(1, classes)`` for a picture, ``(beats, classes)`` for a signal.
    """

    media: Literal["image/png", "signal/int16-uV"]
    data: bytes
    sampling_rate_hz: PositiveFloat | None = None
    beats: tuple[Count, ...] = ()
    logits: tuple[tuple[float, ...], ...]


class Golden(Struct, frozen=True, kw_only=True):
    """Raw inputs with their logits, and how far another machine may drift from them.

    ``tolerance`` is in logits, by execution provider (``cpu``, ``cuda``, ...); a label that flips
    is refused whatever the tolerance.
    """

    schema: Literal[1] = SCHEMA
    examples: Annotated[tuple[GoldenExample, ...], Meta(min_length=1)]
    tolerance: dict[str, PositiveFloat]


class ClassScore(Struct, frozen=True, kw_only=True):
    """Sensitivity (recall), positive predictivity (precision) and F1 of one class, 0..1."""

    sensitivity: float | None
    positive_predictivity: float | None
    f1: float | None
    n: Count


class Accuracy(Struct, frozen=True, kw_only=True):
    """A measured accuracy, with the interval that the number of samples allows."""

    dataset: str
    split: str
    metric: str
    value: float
    interval_95: tuple[float, float]
    n: Count
    per_class: dict[str, ClassScore] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    note: str = ""


class Parity(Struct, frozen=True, kw_only=True):
    """How closely ONNX Runtime repeated PyTorch on real inputs."""

    max_abs: float
    max_rel: float
    top1_agreement: Fraction
    samples: Count
    atol: float
    rtol: float


class Latency(Struct, frozen=True, kw_only=True):
    """Milliseconds per call on a stated machine: median and 95th percentile."""

    provider: str
    threads: Count
    batch: Positive
    p50_ms: float
    p95_ms: float
    machine: str


class Measured(Struct, frozen=True, kw_only=True):
    """What was measured of the file, when and with which revision."""

    schema: Literal[1] = SCHEMA
    accuracy: tuple[Accuracy, ...] = ()
    parity: Parity | None = None
    latency: tuple[Latency, ...] = ()
    training_seconds: float | None = None
    date: str = ""
    revision: str = ""
    note: str = ""


_T = TypeVar("_T", ModelMetadata, Golden, Measured)


def encode(part: ModelMetadata | Golden | Measured) -> str:
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


def refuse_unknown(
    raw: Any, known: Any, where: str, *, error: type[EdgeCNNError], whole: str, key: str = ""
) -> None:
    """Refuse keys of a hand-written document that its type does not have: typos must not pass.

    Parameters
    ----------
    raw : dict
        The document as parsed.
    known : dict
        What it became, as plain data: :func:`msgspec.to_builtins` of the struct.
    where : str
        The document's name, for the error's text.
    error : type
        What is raised.
    whole : str
        What the document is called in the hint: ``"a recipe"``.
    key : str
        Where in the document ``raw`` is, with dots.

    Examples
    --------
    >>> refuse_unknown({"epoch": 3}, {"epochs": 1}, "x", error=MetadataError, whole="it")
    Traceback (most recent call last):
    edgecnn.errors.MetadataError: x: unknown key 'epoch'
    """
    if not isinstance(raw, dict) or not isinstance(known, dict):
        return
    for name, value in raw.items():
        path = f"{key}.{name}" if key else name
        if name not in known:
            raise error(
                f"{where}: unknown key {path!r}",
                hint=f"{key or whole} has: {', '.join(k for k in known if k != 'kind')}",
            )
        refuse_unknown(value, known[name], where, error=error, whole=whole, key=path)


def from_properties(
    properties: Mapping[str, str], source: str
) -> tuple[ModelMetadata, Golden | None, Measured | None]:
    """Read all three documents of a file's ``metadata_props``.

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
            hint="write them into the file with `edgecnn export`, or take a file that it made",
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
