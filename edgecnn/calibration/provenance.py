"""What a quantized file says of how it was made, and of what was measured of it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import msgspec
import onnx

from edgecnn.calibration.latency import Comparison
from edgecnn.calibration.outcome import Outcome, same_words
from edgecnn.data.dataset import Dataset
from edgecnn.metadata import (
    CONTRACT_KEY,
    Accuracy,
    Latency,
    Measured,
    ModelMetadata,
    Quantization,
)
from edgecnn.runtime.machine import describe_machine, usable_cpus
from edgecnn.runtime.session import Model

__all__ = ["keep_other_keys", "measured_of", "other_keys", "with_provenance"]

#: Up to this many classes, tables by class go into the file.
_TABLED_CLASSES = 40


def with_provenance(
    metadata: ModelMetadata, recipe: Quantization, calibration: Dataset, target: str
) -> ModelMetadata:
    """Add the recipe and its data to a contract, in the place of an earlier calibration's."""
    before = metadata.provenance
    uses = [use for use in before.datasets if use.role != "calibration"]
    if recipe.samples:
        uses.append(calibration.info.use("calibration", recipe.samples))
    provenance = msgspec.structs.replace(
        before,
        quantization=recipe,
        datasets=tuple(uses),
        settings={**before.settings, "quantize.target": target},
    )
    return msgspec.structs.replace(metadata, provenance=provenance)


def other_keys(model: onnx.ModelProto) -> tuple[tuple[str, str], ...]:
    """Return what a file's owner wrote beside the contract."""
    return tuple(
        (entry.key, entry.value)
        for entry in model.metadata_props
        if entry.key != CONTRACT_KEY and not entry.key.startswith(f"{CONTRACT_KEY}.")
    )


def keep_other_keys(keys: Sequence[tuple[str, str]], quantized: onnx.ModelProto) -> None:
    """Carry them over."""
    for key, value in keys:
        quantized.metadata_props.add(key=key, value=value)


def measured_of(
    fp32: Model,
    outcome: Outcome,
    latency: Comparison | None,
    threads: int | None,
    *,
    precision: str,
) -> Measured:
    """Collect what was measured of the new file, beside what still holds of the old one.

    ``latency`` is None where the file is not for this machine's kind of processor.
    """
    before = fp32.measured or Measured()
    same = same_words(fp32.metadata.task)
    note = f"{same} in {outcome.agreement:.2%} of {outcome.n} examples ({outcome.on})"
    if latency is not None:
        note = f"{precision} at {latency.speedup:.2f}x the speed of its FP32 file; {note}"
    return Measured(
        accuracy=(_stored(outcome.int8),) if outcome.int8 is not None else (),
        latency=(
            Latency(
                provider="cpu",
                threads=threads or usable_cpus(),
                batch=1,
                p50_ms=latency.second_ms[0],
                p95_ms=latency.second_ms[1],
                machine=describe_machine().cpu,
            ),
        )
        if latency is not None
        else (),
        training_seconds=before.training_seconds,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        revision=before.revision,
        # What is known of the training (threads, machine) holds of this file too.
        note="; ".join(filter(None, (before.note, note))),
    )


def _stored(accuracy: Accuracy) -> Accuracy:
    """Leave out what would outweigh the network: a thousand classes have a million pairs."""
    if len(accuracy.per_class) <= _TABLED_CLASSES:
        return accuracy
    return msgspec.structs.replace(accuracy, per_class={}, confusion=())
