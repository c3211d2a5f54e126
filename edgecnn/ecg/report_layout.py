"""What the pages of a scoring run have in common: style, head, words about the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.report_figures import class_style
from edgecnn.ecg.rhythm import rhythm_input_of
from edgecnn.metadata import Accuracy
from edgecnn.runtime.session import Model

__all__ = [
    "DISCLAIMER",
    "duration",
    "facts",
    "model_section",
    "page_foot",
    "page_head",
    "rhythm_section",
    "tiles",
]

DISCLAIMER = (
    "Research software, not a medical device: "
    "not for diagnosis, treatment or monitoring of patients."
)

_MEANINGS = {
    "N": "normal, or any beat not below",
    "S": "supraventricular ectopic",
    "V": "ventricular ectopic (PVC)",
    "F": "fusion of ventricular and normal",
    "Q": "found but not classified",
}


#: ECG paper in squares of 5 mm with lines of 1 mm; a viewBox unit is a millimetre.
_PAPER = (
    '<svg class="definitions" aria-hidden="true"><defs>'
    '<pattern id="paper" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<path class="fine" d="M1 0v5M2 0v5M3 0v5M4 0v5M0 1h5M0 2h5M0 3h5M0 4h5"/>'
    '<path class="coarse" d="M0 0h5M0 0v5"/></pattern></defs></svg>'
)


@cache
def _style() -> str:
    return files("edgecnn.web").joinpath("static/report.css").read_text(encoding="utf-8")


def page_head(title: str, header: str, *, comment: str = "") -> str:
    """Return a page up to its header; it needs nothing but itself."""
    return (
        f'<!doctype html>\n{comment}<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head><body>\n"
        f'{_PAPER}{header}\n<p class="disclaimer" role="note">{DISCLAIMER}</p>\n'
    )


def page_foot() -> str:
    """Return what ends a page."""
    return f"<footer><p>{DISCLAIMER}</p></footer></body></html>\n"


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return figures side by side: name, value, style class."""
    return (
        '<dl class="tiles">'
        + "".join(
            f'<div class="{style}"><dt>{escape(name)}</dt><dd>{value}</dd></div>'
            for name, value, style in entries
        )
        + "</dl>"
    )


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """Return names and values line by line."""
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in entries
    )
    return f'<dl class="facts">{listed}</dl>'


def model_section(model: Model, labels: Iterable[str]) -> str:
    """Tell what classified the beats, how good it is, and what the classes of ``labels`` mean."""
    spec = beat_input_of(model)
    told = _model(model, f"lead {spec.leads[0]} at {spec.sampling_rate_hz:g} Hz", "beats")
    classes = "".join(
        f'<div><dt class="{class_style(name)}">{escape(name)}</dt>'
        f"<dd>{_MEANINGS.get(name, 'as the model names it')}</dd></div>"
        for name in labels
    )
    return (
        f"<section><h2>Model</h2>{told}"
        f'<h3>Classes (ANSI/AAMI EC57)</h3><dl class="facts">{classes}</dl></section>'
    )


def rhythm_section(model: Model) -> str:
    """Tell what named the rhythm, how good it is, and how episodes are made of its answers."""
    spec = rhythm_input_of(model)
    seconds = f"{spec.samples / spec.sampling_rate_hz:g} s"
    lead = f"{'lead' if len(spec.leads) == 1 else 'leads'} {', '.join(spec.leads)}"
    told = _model(model, f"{seconds} of {lead} at {spec.sampling_rate_hz:g} Hz", "fragments")
    return (
        f"<section><h2>Rhythm model</h2>{told}<p class='quiet'>Fragments of {seconds} lie side by "
        "side from the beginning of the record. Neighbours of one rhythm are one episode. A "
        "fragment with a gap, a flat one and one that the model is not sure of are unknown, and "
        "end an episode. AF burden is the share of the answered time.</p></section>\n"
    )


def _model(model: Model, reads: str, noun: str) -> str:
    provenance = model.metadata.provenance
    trained = ", ".join(use.name for use in provenance.datasets if use.role == "train")
    entries = [
        ("name", model.metadata.name),
        ("file", model.path.name),
        ("reads", reads),
        ("trained on", trained or "not stated"),
    ]
    accuracies = model.measured.accuracy if model.measured is not None else ()
    seen = {use.name for use in provenance.datasets if use.role == "train"}
    measured = "".join(_accuracy(a, model.metadata.labels, seen, noun) for a in accuracies) or (
        "<p>Its file states no measured accuracy: how often it is wrong is not known.</p>"
    )
    return f"{facts(entries)}{measured}"


def _accuracy(accuracy: Accuracy, labels: Sequence[str], seen: set[str], noun: str) -> str:
    low, high = accuracy.interval_95
    data = f"{accuracy.dataset}:{accuracy.split}"
    caution = "On other recordings it may be worse."
    if {data, accuracy.dataset} & seen:
        caution = f"<b>The model was trained on these very {noun}: on others it is worse.</b>"
    shown = sorted(accuracy.per_class, key=lambda name: (*labels, name).index(name))
    rows = "".join(
        f'<tr><td class="{class_style(name)}">{escape(name)}</td><td>{score.n:,}</td>'
        + "".join(
            f"<td>{'' if value is None else f'{100 * value:.1f}'}</td>"
            for value in (score.sensitivity, score.positive_predictivity, score.f1)
        )
        + "</tr>"
        for name in shown
        for score in [accuracy.per_class[name]]
    )
    table = (
        f'<div class="scroll"><table class="measured"><thead><tr><th>class</th><th>{noun}</th>'
        "<th>Se&nbsp;%</th><th>+P&nbsp;%</th><th>F1&nbsp;%</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    note = f'<p class="quiet">{escape(accuracy.note)}</p>' if accuracy.note else ""
    return (
        f"<h3>Measured accuracy</h3><p>{escape(accuracy.metric)} {accuracy.value:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}) on {accuracy.n:,} {noun} of "
        f"{escape(data)}. {caution}</p>{table if rows else ''}{note}"
    )


def duration(seconds: float) -> str:
    """Return a length as people say it."""
    if seconds < 120:
        return f"{seconds:.0f}&nbsp;s"
    if seconds < 7200:
        return f"{seconds / 60:.0f}&nbsp;min"
    return f"{seconds / 3600:.1f}&nbsp;h"
