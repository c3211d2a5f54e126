"""The report of a scoring run: one HTML file that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from edgecnn import __version__
from edgecnn.ecg.beats import UNCLASSIFIED, beat_input_of
from edgecnn.ecg.leads import lead_label
from edgecnn.ecg.parts import Part, RecordScore
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.report_figures import class_style, strip_figure, tachogram
from edgecnn.metadata import Accuracy
from edgecnn.runtime.session import Model

__all__ = ["DISCLAIMER", "write_report"]

DISCLAIMER = (
    "Research software, not a medical device: "
    "not for diagnosis, treatment or monitoring of patients."
)

#: A page that a browser still opens at once: rows of the table, and records with figures.
_MOST_ROWS = 1000
_MOST_FIGURES = 100
#: With so few records, their figures are open from the start.
_FEW = 3

_MEANINGS = {
    "N": "normal, or any beat not below",
    "S": "supraventricular ectopic",
    "V": "ventricular ectopic (PVC)",
    "F": "fusion of ventricular and normal",
    "Q": "found but not classified",
}


def write_report(
    path: Path,
    model: Model,
    records: Sequence[RecordScore],
    problems: Sequence[Problem],
    part: Callable[[int], Part],
) -> None:
    """Write the report.

    Parameters
    ----------
    path : Path
    model : Model
        What classified the beats: its name and measured accuracy are stated.
    records : sequence of RecordScore
    problems : sequence of Problem
    part : callable
        Gives the part of a record by its place; asked for one after the other.
    """
    shown = _most_ectopic(records)
    labels = tuple(dict.fromkeys((*model.metadata.labels, UNCLASSIFIED)))
    used = [name for name in labels if name != UNCLASSIFIED or _total(records, name)]
    style = files("edgecnn.web").joinpath("static/report.css").read_text(encoding="utf-8")
    with path.open("w", encoding="utf-8") as page:
        page.write(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>ECG report: {_count(len(records), 'record')}</title>"
            f"<style>{style}</style></head><body>\n"
            f"{_PAPER}{_head(model, records)}\n"
            f'<p class="disclaimer" role="note">{DISCLAIMER}</p>\n'
            f"{_tiles(records, problems, used)}\n{_problems(problems)}\n"
        )
        page.write(_table(records, used, shown))
        if shown:
            page.write("<section><h2>Rhythm and ectopic beats</h2>\n")
            if len(shown) < len(records):
                page.write(
                    f"<p class='quiet'>The {len(shown)} records with most ectopic beats.</p>\n"
                )
            for number in shown:
                page.write(_figures(part(number), number, is_open=len(shown) <= _FEW))
            page.write("</section>\n")
        page.write(f"{_model(model, used)}\n{_foot()}</body></html>\n")


#: ECG paper in squares of 5 mm with lines of 1 mm; a viewBox unit is a millimetre.
_PAPER = (
    '<svg class="definitions" aria-hidden="true"><defs>'
    '<pattern id="paper" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<path class="fine" d="M1 0v5M2 0v5M3 0v5M4 0v5M0 1h5M0 2h5M0 3h5M0 4h5"/>'
    '<path class="coarse" d="M0 0h5M0 0v5"/></pattern></defs></svg>'
)


def _head(model: Model, records: Sequence[RecordScore]) -> str:
    now = datetime.datetime.now().astimezone()
    title = records[0].record if len(records) == 1 else _count(len(records), "record")
    return (
        f"<header><h1>ECG report: {escape(title)}</h1>"
        f'<p class="quiet">{now:%Y-%m-%d %H:%M %Z}, edgecnn {escape(__version__)}, model '
        f"{escape(model.metadata.name)}</p></header>"
    )


def _tiles(
    records: Sequence[RecordScore], problems: Sequence[Problem], labels: Sequence[str]
) -> str:
    tiles = [
        ("records", f"{len(records):,}", ""),
        ("of ECG", _duration(sum(r.duration_s for r in records)), ""),
        ("beats", f"{sum(r.beats for r in records):,}", ""),
    ]
    tiles += [(name, f"{_total(records, name):,}", class_style(name)) for name in labels]
    if problems:
        tiles.append(("not scored", f"{len(problems):,}", "bad"))
    return (
        '<dl class="tiles">'
        + "".join(
            f'<div class="{style}"><dt>{escape(name)}</dt><dd>{value}</dd></div>'
            for name, value, style in tiles
        )
        + "</dl>"
    )


def _problems(problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    rows = "".join(map(_problem, problems[:_MOST_ROWS]))
    more = ""
    if len(problems) > _MOST_ROWS:
        more = f"The first {_MOST_ROWS:,} of {len(problems):,}. "
    return (
        f'<section class="bad"><h2>Not scored</h2><ul>{rows}</ul>'
        f'<p class="quiet">{more}All of it is in <a href="errors.csv">errors.csv</a>.</p></section>'
    )


def _problem(problem: Problem) -> str:
    message = problem.error.message
    said = message if problem.path in message else f"{problem.path}: {message}"
    hint = problem.error.hint
    cure = f'<br><span class="quiet">{escape(hint)}</span>' if hint else ""
    return f"<li>{escape(said)}{cure}</li>"


def _table(records: Sequence[RecordScore], labels: Sequence[str], shown: Sequence[int]) -> str:
    if not records:
        return ""
    linked = set(shown)
    noted = any(record.notes or record.remarks for record in records)
    notes = '<th class="text">notes</th>' if noted else ""
    header = "".join(f'<th class="{class_style(name)}">{escape(name)}</th>' for name in labels)
    rows = "".join(
        _row(record, labels, f"r{number}" if number in linked else "", noted=noted)
        for number, record in enumerate(records[:_MOST_ROWS])
    )
    more = ""
    if len(records) > _MOST_ROWS:
        more = f"The first {_MOST_ROWS:,} of {len(records):,}. "
    return (
        '<section><h2>Records</h2><p class="swipe">Swipe for more columns →</p>'
        '<div class="scroll wide"><table class="records"><thead><tr>'
        f"<th>record</th><th>beats</th>{header}<th>PVC&nbsp;%</th><th>bpm</th>"
        '<th>lowest, highest</th><th>length</th><th class="text">lead</th>'
        f"{notes}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="quiet">{more}Lowest and highest rate: of 8 intervals. All of it is in '
        '<a href="records.csv">records.csv</a>, each beat in <a href="beats.csv">beats.csv</a>, '
        'annotations for WFDB viewers in <a href="annotations/">annotations/</a>.</p></section>\n'
    )


def _row(record: RecordScore, labels: Sequence[str], anchor: str, *, noted: bool) -> str:
    name = escape(record.record)
    rate = record.heart_rate_bpm
    cells = [
        f'<a href="#{anchor}">{name}</a>' if anchor else name,
        f"{record.beats:,}",
    ]
    cells += [
        f'<span class="{class_style(label)}">{record.counts[label]:,}</span>'
        if record.counts[label]
        else '<span class="none">0</span>'
        for label in labels
    ]
    burden = record.pvc_burden_percent
    cells += [
        "" if burden is None else f"{burden:.1f}",
        "" if rate is None else f"{rate.mean:.0f}",
        "" if rate is None else f"{rate.min:.0f}, {rate.max:.0f}",
        _duration(record.duration_s),
    ]
    texts = [escape(lead_label(record.lead))]
    if noted:
        told = escape("; ".join((*record.remarks, *record.notes)))
        texts.append(f'<span class="note">{told}</span>')
    return (
        "<tr>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "".join(f'<td class="text">{text}</td>' for text in texts)
        + "</tr>\n"
    )


def _figures(part: Part, number: int, *, is_open: bool) -> str:
    score = part.score
    lead = lead_label(score.lead)
    said = [
        f'<span class="{class_style(name)}">{score.counts[name]:,} {escape(name)}</span>'
        for name in ("V", "S")
        if score.counts.get(name)
    ] or ['<span class="quiet">no ectopic beats</span>']
    strips = "".join(map(strip_figure, part.strips))
    if strips:
        strips = (
            f'<p class="quiet">Lead {escape(lead)}, 25 mm/s: the longest run of each class, and '
            f'others spread over the record</p><div class="strips">{strips}</div>'
        )
    opened = " open" if is_open else ""
    return (
        f"<details{opened}><summary><b>{escape(score.record)}</b> {' '.join(said)}</summary>"
        f'<div class="figures" id="r{number}">{tachogram(part)}{strips}</div></details>\n'
    )


def _model(model: Model, labels: Iterable[str]) -> str:
    spec = beat_input_of(model)
    provenance = model.metadata.provenance
    trained = ", ".join(use.name for use in provenance.datasets if use.role == "train")
    facts = [
        ("name", model.metadata.name),
        ("file", model.path.name),
        ("reads", f"lead {spec.leads[0]} at {spec.sampling_rate_hz:g} Hz"),
        ("trained on", trained or "not stated"),
    ]
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts
    )
    accuracies = model.measured.accuracy if model.measured is not None else ()
    seen = {use.name for use in provenance.datasets if use.role == "train"}
    measured = "".join(_accuracy(a, model.metadata.labels, seen) for a in accuracies) or (
        "<p>Its file states no measured accuracy: how often it is wrong is not known.</p>"
    )
    classes = "".join(
        f'<div><dt class="{class_style(name)}">{escape(name)}</dt>'
        f"<dd>{_MEANINGS.get(name, 'as the model names it')}</dd></div>"
        for name in labels
    )
    return (
        f'<section><h2>Model</h2><dl class="facts">{listed}</dl>{measured}'
        f'<h3>Classes (ANSI/AAMI EC57)</h3><dl class="facts">{classes}</dl></section>'
    )


def _accuracy(accuracy: Accuracy, labels: Sequence[str], seen: set[str]) -> str:
    low, high = accuracy.interval_95
    data = f"{accuracy.dataset}:{accuracy.split}"
    caution = "On other recordings it may be worse."
    if {data, accuracy.dataset} & seen:
        caution = "<b>The model was trained on these very beats: on others it is worse.</b>"
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
        '<div class="scroll"><table class="measured"><thead><tr><th>class</th><th>beats</th>'
        "<th>Se&nbsp;%</th><th>+P&nbsp;%</th><th>F1&nbsp;%</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    note = f'<p class="quiet">{escape(accuracy.note)}</p>' if accuracy.note else ""
    return (
        f"<h3>Measured accuracy</h3><p>{escape(accuracy.metric)} {accuracy.value:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}) on {accuracy.n:,} beats of "
        f"{escape(data)}. {caution}</p>{table if rows else ''}{note}"
    )


def _foot() -> str:
    return f"<footer><p>{DISCLAIMER}</p></footer>"


def _most_ectopic(records: Sequence[RecordScore]) -> list[int]:
    """Return the places of the records whose figures are drawn, in their order."""

    def ectopic(place: int) -> int:
        counts = records[place].counts
        return counts.get("V", 0) + counts.get("S", 0)

    places = sorted(range(len(records)), key=ectopic, reverse=True)[:_MOST_FIGURES]
    return sorted(places)


def _total(records: Sequence[RecordScore], name: str) -> int:
    return sum(record.counts[name] for record in records)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f}&nbsp;s"
    if seconds < 7200:
        return f"{seconds / 60:.0f}&nbsp;min"
    return f"{seconds / 3600:.1f}&nbsp;h"
