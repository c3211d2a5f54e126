"""A running model's facts in a few words, for a page beside its picture."""

from __future__ import annotations

from edgecnn.metadata import Accuracy, CharacterInput, ImageInput, InputSpec, TextInput
from edgecnn.runtime.session import Model

__all__ = ["model_facts"]

_MOST_LABELS = 10


def model_facts(model: Model) -> dict[str, str]:
    """Return what people want to know about a model while it runs: title to text, in order."""
    metadata, placement = model.metadata, model.placement
    facts = {"Task": metadata.task, "Input": _reads(metadata.input)}
    if metadata.labels:
        labels = ", ".join(metadata.labels[:_MOST_LABELS])
        if len(metadata.labels) > _MOST_LABELS:
            labels += f", … ({len(metadata.labels)} in all)"
        facts["Labels"] = labels
    if metadata.provenance.parameters:
        facts["Parameters"] = f"{metadata.provenance.parameters:,}"
    precision, quantization = metadata.provenance.precision, metadata.provenance.quantization
    if quantization is not None:
        facts["Precision"] = f"{precision} ({quantization.format}, {quantization.method})"
    elif precision != "FP32":
        facts["Precision"] = precision
    for accuracy in model.measured.accuracy if model.measured else ():
        title = f"{accuracy.metric} on {accuracy.dataset} {accuracy.split}"
        facts[title[:1].upper() + title[1:]] = _with_interval(accuracy)
    trained = [use.name for use in metadata.provenance.datasets if use.role == "train"]
    if trained:
        facts["Trained on"] = ", ".join(trained)
    facts["Runs on"] = f"{placement.provider}, {placement.on_provider} nodes"
    return facts


def _reads(spec: InputSpec) -> str:
    if isinstance(spec, ImageInput):
        if spec.resize == "none":
            return f"any size, {spec.colour}"
        return f"{spec.width} × {spec.height} {spec.colour}, {spec.resize}"
    if isinstance(spec, TextInput):
        return f"{spec.length} words out of {len(spec.vocabulary) - 2:,}"
    if isinstance(spec, CharacterInput):
        return f"text of {len(spec.vocabulary)} characters"
    return f"{', '.join(spec.leads)}, {spec.sampling_rate_hz:g} Hz, {spec.unit}"


def _with_interval(accuracy: Accuracy) -> str:
    """Return a value with its 95 % interval: an accuracy in per cent, other metrics as they are."""
    values = (accuracy.value, *accuracy.interval_95)
    if accuracy.metric == "accuracy":
        value, low, high = (f"{100 * v:.2f}" for v in values)
        return f"{value} % ({low} to {high}; n = {accuracy.n:,})"
    value, low, high = (f"{v:.3f}" for v in values)
    return f"{value} ({low} to {high}; n = {accuracy.n:,})"
