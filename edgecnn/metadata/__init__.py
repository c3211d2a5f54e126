"""The contract that every exported ``.onnx`` file carries.

These JSON documents lie in the file's ``metadata_props``:

``edgecnn``
    :class:`ModelMetadata`: task, labels, preprocessing, decoding, provenance. Byte-identical when
    the same checkpoint is exported twice.
``edgecnn.golden``
    :class:`Golden`: raw inputs with the logits they gave when the file was made. The runtime runs
    them on load, so a machine that computes something else is found out before it answers.
``edgecnn.measured``
    :class:`Measured`: accuracy, latency, dates. Left out when two files are compared.
``edgecnn.baseline``
    :class:`Baseline`, of quantized files: how inputs and answers are distributed on the data that
    they were calibrated with. A device that sees others drifts.

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

from edgecnn.metadata.bad_values import describe_bad_value
from edgecnn.metadata.baseline import BASELINE_LIMIT_BYTES, Baseline, Distribution
from edgecnn.metadata.beat_input import BeatInput, BoxcarFilter, Likeness, RhythmFeatures
from edgecnn.metadata.boxes import Boxes
from edgecnn.metadata.contract import SCHEMA, InputSpec, ModelMetadata, Task
from edgecnn.metadata.documents import (
    BASELINE_KEY,
    CONTRACT_KEY,
    GOLDEN_KEY,
    MEASURED_KEY,
    decode_baseline,
    decode_golden,
    decode_measured,
    decode_metadata,
    encode,
    from_properties,
)
from edgecnn.metadata.export_lock import ExportLock, LockedFile
from edgecnn.metadata.golden import GOLDEN_LIMIT_BYTES, Golden, GoldenExample
from edgecnn.metadata.handwritten import read_contract
from edgecnn.metadata.image_input import ImageInput
from edgecnn.metadata.measured import Accuracy, ClassScore, Latency, Measured, Parity
from edgecnn.metadata.output import Decoded, Output
from edgecnn.metadata.pixels import Pixels
from edgecnn.metadata.provenance import (
    DatasetRole,
    DatasetUse,
    HalfPrecision,
    Intervention,
    Provenance,
    Quantization,
)
from edgecnn.metadata.reads import how_to_run, reads
from edgecnn.metadata.signal_input import SignalInput
from edgecnn.metadata.text_input import CharacterInput, State, TextInput
from edgecnn.metadata.unknown_keys import refuse_unknown

__all__ = [
    "BASELINE_KEY",
    "BASELINE_LIMIT_BYTES",
    "CONTRACT_KEY",
    "GOLDEN_KEY",
    "GOLDEN_LIMIT_BYTES",
    "MEASURED_KEY",
    "SCHEMA",
    "Accuracy",
    "Baseline",
    "BeatInput",
    "BoxcarFilter",
    "Boxes",
    "CharacterInput",
    "ClassScore",
    "DatasetRole",
    "DatasetUse",
    "Decoded",
    "Distribution",
    "ExportLock",
    "Golden",
    "GoldenExample",
    "HalfPrecision",
    "ImageInput",
    "InputSpec",
    "Intervention",
    "Latency",
    "Likeness",
    "LockedFile",
    "Measured",
    "ModelMetadata",
    "Output",
    "Parity",
    "Pixels",
    "Provenance",
    "Quantization",
    "RhythmFeatures",
    "SignalInput",
    "State",
    "Task",
    "TextInput",
    "decode_baseline",
    "decode_golden",
    "decode_measured",
    "decode_metadata",
    "describe_bad_value",
    "encode",
    "from_properties",
    "how_to_run",
    "read_contract",
    "reads",
    "refuse_unknown",
]
