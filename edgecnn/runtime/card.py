"""A model file described in words: the model card that ``edgecnn inspect`` prints."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edgecnn.metadata import (
    Accuracy,
    BeatInput,
    BoxcarFilter,
    CharacterInput,
    ImageInput,
    InputSpec,
    Measured,
    ModelMetadata,
    Output,
    Provenance,
    SignalInput,
    TextInput,
)
from edgecnn.runtime.inspection import GraphSummary, Inspection, Tensor

__all__ = ["describe_input", "describe_output", "model_card", "size_text"]

Line = tuple[str, str]


def model_card(inspection: Inspection) -> list[Line]:
    """Describe a file line by line.

    Returns
    -------
    list of (str, str)
        What a line is about (empty: it goes on with the one above), and what it says.
    """
    lines: list[Line] = [
        ("file", f"{inspection.path} ({size_text(inspection.size_bytes)})"),
        ("sha256", inspection.sha256),
    ]
    lines += [("remark", remark) for remark in inspection.remarks]
    if inspection.metadata is not None:
        lines += _contract(inspection.metadata)
    if inspection.golden is not None:
        count = len(inspection.golden.examples)
        kind = {"image/png": "picture", "signal/int16-uV": "signal", "text/utf-8": "text"}
        media = kind[inspection.golden.examples[0].media]
        limits = ", ".join(f"{k} {v:g}" for k, v in inspection.golden.tolerance.items())
        lines.append(
            ("golden", f"{count} {media}{'s' if count > 1 else ''}; logits may drift by: {limits}")
        )
    if inspection.measured is not None:
        lines += _measured(inspection.measured)
    if inspection.baseline is not None:
        kinds = dict.fromkeys(one.what for one in inspection.baseline.distributions)
        lines.append(
            (
                "baseline",
                f"{', '.join(kinds)} of {inspection.baseline.samples} examples of "
                f"{inspection.baseline.data}",
            )
        )
    lines += _graph(inspection.graph)
    lines += _costs(inspection)
    if inspection.other_keys:
        lines.append(("other keys", ", ".join(inspection.other_keys)))
    return lines


def describe_input(spec: InputSpec) -> list[str]:
    """Say in words what is done to a raw input.

    Examples
    --------
    >>> describe_input(ImageInput(height=28, width=28, colour="gray", resize="stretch"))
    ['picture -> gray 28 x 28, stretched (averaged by area)', '(pixel x 0.00392157 - 0) / 1']
    """
    if isinstance(spec, ImageInput):
        return _describe_image(spec)
    if isinstance(spec, BeatInput):
        return _describe_beat(spec)
    if isinstance(spec, SignalInput):
        return _describe_signal(spec)
    return _describe_text(spec)


def describe_output(output: Output) -> str:
    """Say in words how an output becomes an answer."""
    if output.decoded is not None:
        plain = describe_output(msgspec.structs.replace(output, decoded=None))
        return f"{plain}; also decoded in the graph: {', '.join(output.decoded.names)}"
    if output.pixels is not None:
        pixels = output.pixels
        return f"{output.name!r} x {pixels.scale:g} + {pixels.offset:g} -> {pixels.colour} picture"
    if output.boxes is not None:
        boxes = output.boxes
        return (
            f"{output.name!r} -> boxes ({boxes.decoder}) scored {output.min_score:g} and more, "
            f"overlapping by {boxes.max_overlap:g} at most"
        )
    text = f"{output.name!r} -> " + ("scores" if output.activation == "none" else output.activation)
    return text + (f"; below {output.min_score:g}: unknown" if output.min_score else "")


def _describe_image(spec: ImageInput) -> list[str]:
    if spec.embedded:
        inside = "all of it inside the graph: it takes frames of any size, uint8 BGR (N, H, W, 3)"
        return [*_describe_image(msgspec.structs.replace(spec, embedded=False)), inside]
    mean = ", ".join(f"{value:g}" for value in spec.mean)
    std = ", ".join(f"{value:g}" for value in spec.std)
    levels = f"(pixel x {spec.scale:g} - {mean}) / {std}"
    if spec.resize == "none":
        return [f"picture of any size -> {spec.colour}", levels]
    resize = {
        "stretch": "stretched",
        "crop": "centre cut out"
        + (f" after scaling the shorter side to {spec.shorter_side}" if spec.shorter_side else ""),
        "letterbox": f"fitted in, padded with {spec.pad_value}",
    }[spec.resize]
    return [
        f"picture -> {spec.colour} {spec.height} x {spec.width}, {resize} (averaged by area)",
        levels,
    ]


def _describe_beat(spec: BeatInput) -> list[str]:
    rate = spec.sampling_rate_hz
    alike = {"mean": "", "usual": " that are alike", "timely": " that are alike and in time"}
    return [
        f"ECG lead {', '.join(spec.leads)} in {spec.unit} at {rate:g} Hz",
        _describe_filter(spec.filter),
        f"{spec.before} samples before each R peak, {spec.after} from it on "
        f"({(spec.before + spec.after) / rate:.2f} s), beside the mean of up to "
        f"{spec.template_beats} beats before{alike[spec.template]}, "
        "both divided by its root mean square",
        f"{len(spec.rhythm.features)} RR ratios against the last {spec.rhythm.short} and "
        f"{spec.rhythm.long} intervals, each at most {spec.rhythm.longest_s:g} s",
        *_describe_likeness(spec),
        f"an answer depends on at most {spec.look_ahead_s:.2f} s after its R peak",
    ]


def _describe_likeness(spec: BeatInput) -> list[str]:
    if spec.likeness is None:
        return []
    return [f"{len(spec.likeness.features)} numbers that say how the beat resembles that mean"]


def _describe_signal(spec: SignalInput) -> list[str]:
    seconds = spec.samples / spec.sampling_rate_hz
    lines = [
        f"ECG leads {', '.join(spec.leads)} in {spec.unit} at {spec.sampling_rate_hz:g} Hz",
        f"fragments of {spec.samples} samples ({seconds:g} s)",
    ]
    if spec.filter is not None:
        lines.insert(1, _describe_filter(spec.filter))
    if spec.normalisation == "fragment-standard":
        lines.append("each lead of each fragment: less its mean, by its standard deviation")
    return lines


def _describe_filter(boxcar: BoxcarFilter) -> str:
    return (
        f"band-pass by moving averages: smoothed over {boxcar.smooth_s:g} s, "
        f"less a baseline of {boxcar.baseline_s:g} s"
    )


def _describe_text(spec: TextInput | CharacterInput) -> list[str]:
    if isinstance(spec, CharacterInput):
        lines = [f"text, as numbers of {len(spec.vocabulary)} characters"]
        if spec.states:
            shapes = ", ".join(f"{s.input} {'x'.join(map(str, s.shape))}" for s in spec.states)
            lines.append(f"state between two calls: {shapes}")
        return lines
    return [
        f"a sentence, as the numbers of its first {spec.length} words",
        f"{len(spec.vocabulary) - 2} words are known (tokenisation: {spec.tokenisation})",
    ]


def _contract(metadata: ModelMetadata) -> Iterator[Line]:
    yield "name", f"{metadata.name} ({metadata.task})"
    if metadata.labels:
        yield "labels", f"{len(metadata.labels)}: {', '.join(metadata.labels)}"
    for number, text in enumerate(describe_input(metadata.input)):
        yield ("" if number else "input"), text
    yield "output", describe_output(metadata.output)
    yield from _provenance(metadata.provenance)


def _provenance(provenance: Provenance) -> Iterator[Line]:
    made = [
        f"{name} {value}"
        for name, value in (
            ("recipe", provenance.recipe),
            ("architecture", provenance.architecture),
            ("seed", "" if provenance.seed is None else str(provenance.seed)),
        )
        if value
    ]
    if made:
        yield "made by", ", ".join(made)
    if provenance.command:
        yield "command", provenance.command
    if provenance.interventions:
        count = len(provenance.interventions)
        settings = "1 setting" if count == 1 else f"{count} settings"
        yield (
            "changed",
            f"{settings} by hand while it trained: the recipe alone does not repeat it",
        )
        for each in provenance.interventions:
            values = f"{each.setting} {each.before:g} to {each.after:g}"
            yield "", f"  epoch {each.epoch}, step {each.step}: {values}"
    if provenance.parameters is not None:
        yield "parameters", f"{provenance.parameters:,}"
    for number, use in enumerate(provenance.datasets):
        yield (
            "" if number else "data",
            f"{use.role}: {use.name}, {use.samples:,} ({use.attribution}; {use.licence})"
            # What is drawn has no file to be known by.
            + (f", sha256 {use.sha256[:16]}" if use.sha256 else ""),
        )
        if use.note:
            yield "", f"  {use.note}"
    if provenance.half is not None:
        ends = "FP32" if provenance.half.keep_io else "FP16"
        yield "precision", f"FP16, inputs and outputs {ends}"
        if provenance.half.kept_fp32:
            yield "", f"kept in FP32: {', '.join(provenance.half.kept_fp32)}"
    if provenance.quantization is not None:
        q = provenance.quantization
        per = "per channel" if q.per_channel else "per tensor"
        if q.block:
            per = f"by blocks of {q.block}"
        target = provenance.settings.get("quantize.target")
        yield (
            "quantized",
            f"{q.format}, activations {q.activations}, weights {q.weights} {per}, {q.method}"
            + (f" over {q.samples:,} samples" if q.samples else "")
            + (f", for {target}" if target else ""),
        )
        if q.kept_fp32:
            yield "", f"kept in FP32: {', '.join(q.kept_fp32)}"
        if q.kept_int8:
            yield "", f"weights of 8 bits: {', '.join(q.kept_int8)}"
    if provenance.versions:
        yield "versions", ", ".join(f"{k} {v}" for k, v in provenance.versions.items())
    if provenance.attribution:
        yield "attribution", provenance.attribution


def _measured(measured: Measured) -> Iterator[Line]:
    for accuracy in measured.accuracy:
        yield "accuracy", _accuracy(accuracy)
        for label, score in accuracy.per_class.items():
            parts = [
                f"{name} {value:.3f}"
                for name, value in (
                    ("Se", score.sensitivity),
                    ("+P", score.positive_predictivity),
                    ("F1", score.f1),
                )
                if value is not None
            ]
            yield "", f"  {label}: {', '.join(parts)} (n = {score.n:,})"
        if accuracy.note:
            yield "", f"  {accuracy.note}"
    if measured.parity is not None:
        p = measured.parity
        yield (
            "parity",
            f"{p.reference} and ONNX Runtime differ by at most {p.max_abs:.2g} on "
            f"{p.samples:,} inputs"
            + ("" if p.top1_agreement is None else f", same label on {p.top1_agreement:.2%}"),
        )
    for latency in measured.latency:
        yield (
            "latency",
            f"{latency.p50_ms:.3g} ms median, {latency.p95_ms:.3g} ms p95, batch {latency.batch}, "
            f"{latency.provider}, {latency.threads} threads on {latency.machine}",
        )
    if measured.training_seconds is not None:
        yield "trained", f"in {measured.training_seconds:,.0f} s"
    if measured.note:
        yield "note", measured.note
    if measured.date or measured.revision:
        yield "measured", " ".join(filter(None, (measured.date, measured.revision)))


def _accuracy(accuracy: Accuracy) -> str:
    low, high = accuracy.interval_95
    return (
        f"{accuracy.metric} {accuracy.value:.4f} (95 %: {low:.4f} to {high:.4f}) on "
        f"{accuracy.dataset}:{accuracy.split}, n = {accuracy.n:,}"
    )


def _graph(graph: GraphSummary) -> Iterator[Line]:
    domains = ", ".join(f"{domain or 'ONNX'} {version}" for domain, version in graph.opset.items())
    yield "graph", f"opset {domains}; IR {graph.ir_version}; written by {graph.producer or '?'}"
    for what, tensors in (("takes", graph.inputs), ("gives", graph.outputs)):
        for number, tensor in enumerate(tensors):
            yield ("" if number else what), _tensor(tensor)
    for provider, operators in graph.nodes.items():
        counts = ", ".join(f"{count} {name}" for name, count in operators.items())
        yield f"on {provider}", f"{sum(operators.values())} nodes: {counts}"


def _costs(inspection: Inspection) -> Iterator[Line]:
    costs = inspection.costs
    oldest = inspection.oldest_runtime
    yield (
        "loads in",
        f"ONNX Runtime {oldest} and newer, by its IR version and opset"
        if oldest
        else "the newest ONNX Runtime only: its IR version or opset is beyond the published table",
    )
    text = f"{costs.parameters:,} parameters, {size_text(costs.weight_bytes)} of weights"
    if costs.macs is not None:
        text += f", {costs.macs:,} multiply-adds"
    yield "costs", text
    if costs.peak_bytes is not None:
        yield (
            "",
            f"activations take {size_text(costs.peak_bytes)} at most, with a batch of 1"
            + (f" (at {costs.peak_at})" if costs.peak_at else ""),
        )
    if inspection.external:
        places = {w.external.location for w in inspection.external if w.external is not None}
        yield "outside", f"{len(inspection.external)} weights in {', '.join(sorted(places))}"


def _tensor(tensor: Tensor) -> str:
    axes = ", ".join("?" if axis is None else str(axis) for axis in tensor.shape)
    return f"{tensor.name!r} {tensor.type} ({axes})"


def size_text(count: int) -> str:
    """Say a size in decimal units, as all of edgecnn does.

    Examples
    --------
    >>> size_text(262_431), size_text(1_620_000)
    ('262.4 kB', '1.62 MB')
    """
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
